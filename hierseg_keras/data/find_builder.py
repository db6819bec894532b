"""Finds the builder of a TFDS data set by its name."""

import difflib
import json
import re

from etils import epath

# What TFDS writes about a data set beside its records.
_DESCRIPTIONS = ("dataset_info.json", "metadata.json", "features.json")


def find_builder(name, data_dir=None, skip_bad=False):
    """Finds the builder of a data set, prepared or not; arguments and errors as in `prepare`."""
    import tensorflow_datasets as tfds
    from google.protobuf.json_format import ParseError

    import tfds_builders  # noqa: F401  Importing registers its data sets with TFDS.

    if not isinstance(name, str):
        raise TypeError(f"`name` expects a string, the name of a TFDS data set. Received: name={name!r}.")
    try:
        # Only passed where it is wanted: most builders do not know it.
        builder = tfds.builder(name, data_dir=data_dir, **({"skip_bad": True} if skip_bad else {}))
    except TypeError as error:
        if "skip_bad" not in str(error):
            raise
        raise ValueError(f"`skip_bad` expects a data set of `tfds_builders`. Received: name={name!r}.") from None
    # TFDS raises the first for a name that it does not know, and any of the others for a name that it cannot take
    # apart, an unknown config or version, and a file that it cannot read.
    except (tfds.core.DatasetNotFoundError, AssertionError, RuntimeError, ValueError, ParseError) as error:
        raise ValueError(_explanation(name, data_dir, error)) from None
    _check_whole(builder.data_path)
    return builder


def _explanation(name, data_dir, error):
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core import constants

    received = f"Received: name={name!r}."
    base, _, config = name.partition("/")
    base = base.partition(":")[0]
    if base not in tfds.list_builders(with_community_datasets=False):
        return f"expected the name of a TFDS data set. {received} {_nearest(base)}"
    configs = list(tfds.builder_cls(base).builder_configs)
    if config and config.partition(":")[0] not in configs:
        return f"expected a config of {base}, {_either(configs)}. {received}"
    # A data set's files lie in a folder of its version, which may lie in one of its config.
    folder = epath.Path(data_dir or constants.DATA_DIR) / base
    damaged = [path for pattern in ("*/*.json", "*/*/*.json") for path in folder.glob(pattern) if _is_damaged(path)]
    return _damage(damaged[0]) if damaged else f"expected a TFDS data set. {received} {str(error).splitlines()[0]}"


def _nearest(name):
    """The data sets whose names are nearest, or those of this package where none is near."""
    import tensorflow_datasets as tfds

    import tfds_builders

    known = tfds.list_builders(with_community_datasets=False)
    near = difflib.get_close_matches(name.lower(), known, n=3)
    near += [other for other in known if re.search(rf"(^|_){re.escape(name.lower())}(_|$)", other)][:3] if name else []
    if near:
        return f"Did you mean {_either(list(dict.fromkeys(near)))}?"
    shipped = sorted(name.removesuffix("_dataset_builder") for name in tfds_builders.__all__)
    return f"This package adds {', '.join(shipped)} to the {len(known)} that `tfds.list_builders()` lists."


def _either(names):
    quoted = [repr(name) for name in names]
    return " or ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]])) if quoted else "none"


def _check_whole(folder):
    """Checks the files that TFDS reads only when they are first needed. A builder with code does not need features."""
    for path in (epath.Path(folder) / name for name in _DESCRIPTIONS[:2]):
        if path.exists() and _is_damaged(path):
            raise ValueError(_damage(path))


def _is_damaged(path):
    try:
        return path.name in _DESCRIPTIONS and not isinstance(json.loads(path.read_text("utf-8")), dict)
    except ValueError:
        return True


def _damage(path):
    return (
        f"expected whole files of a prepared data set. Received: {path}, which is damaged. Delete {path.parent} and "
        "prepare the data set again."
    )
