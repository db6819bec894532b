"""Finds the builder of a TFDS data set by its name."""

import difflib
import json
import os
import re

from etils import epath

# Longer values of a wrong type, such as arrays, are not shown in errors.
_MAX_SHOWN = 100
# The files that TFDS writes beside the records to describe a data set.
_DESCRIPTIONS = ("dataset_info.json", "metadata.json", "features.json")


def find_builder(name, data_dir=None, skip_bad=False):
    """Returns the builder of a data set, prepared or not.

    Args:
        name, data_dir, skip_bad: As in `prepare`.

    Raises:
        TypeError: If `name` is not a string.
        ValueError: If there is no such data set or config, `skip_bad` is true and the data set does not support it,
            or a file that describes the prepared data set is damaged.
    """
    import tensorflow_datasets as tfds
    from google.protobuf.json_format import ParseError

    import tfds_builders  # noqa: F401  Importing registers its data sets with TFDS.

    if not isinstance(name, str):
        raise TypeError(
            f"`name` expects the name of a TFDS data set, a string, or a builder. Received: name={_shown(name)}. "
            "Pass folders, arrays or a `tf.data.Dataset` through `data.from_folders`, `data.from_arrays` or "
            "`data.from_dataset`."
        )
    try:
        # Only passed if true, because most builders do not have this argument.
        builder = tfds.builder(name, data_dir=data_dir, **({"skip_bad": True} if skip_bad else {}))
    except TypeError as error:
        if "skip_bad" not in str(error):
            raise
        raise ValueError(f"`skip_bad` expects a data set of `tfds_builders`. Received: name={name!r}.") from None
    # TFDS raises `DatasetNotFoundError` for an unknown name. It raises the other errors for a name that it cannot
    # parse, for an unknown config or version, or for a file that it cannot read.
    except (tfds.core.DatasetNotFoundError, AssertionError, RuntimeError, ValueError, ParseError) as error:
        raise ValueError(_explanation(name, data_dir, error)) from None
    _check_whole(builder.data_path)
    return builder


def _shown(value):
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN and "\n" not in text else f"a value of type {type(value).__name__}"


def _explanation(name, data_dir, error):
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core import constants

    received = f"Received: name={name!r}."
    base, _, config = name.partition("/")
    base = base.partition(":")[0]
    if base not in tfds.list_builders(with_community_datasets=False):
        advice = "Read your folders with `data.from_folders`." if os.path.isdir(name) else _nearest(base)
        return f"`name` expects the name of a TFDS data set. {received} {advice}"
    configs = list(tfds.builder_cls(base).builder_configs)
    if config and config.partition(":")[0] not in configs:
        return f"`name` expects a config of {base}, {_either(configs)}. {received}"
    # A data set's files are in a folder per version, which may be in a folder per config.
    folder = epath.Path(data_dir or constants.DATA_DIR) / base
    damaged = [path for pattern in ("*/*.json", "*/*/*.json") for path in folder.glob(pattern) if _is_damaged(path)]
    if damaged:
        return _damage(damaged[0])
    return f"`name` expects a TFDS data set. {received} {str(error).splitlines()[0]}"


def _nearest(name):
    """Returns a sentence with the data sets of similar names, or those of this package if no name is similar."""
    import tensorflow_datasets as tfds

    import tfds_builders

    known = tfds.list_builders(with_community_datasets=False)
    near = difflib.get_close_matches(name.lower(), known, n=3)
    near += [other for other in known if re.search(rf"(^|_){re.escape(name.lower())}(_|$)", other)][:3] if name else []
    if near:
        return f"Did you mean {_either(list(dict.fromkeys(near)))}?"
    shipped = sorted(module.Builder.name for module in tfds_builders.DATA_SETS)
    return f"`tfds.list_builders()` lists all {len(known)} names. This package adds {', '.join(shipped)}."


def _either(names):
    quoted = [repr(name) for name in names]
    return " or ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]])) if quoted else "none"


def _check_whole(folder):
    """Checks files that TFDS reads only on first use. `features.json` is not needed: builders define features."""
    for path in (epath.Path(folder) / name for name in _DESCRIPTIONS[:2]):
        if path.exists() and _is_damaged(path):
            raise ValueError(_damage(path))


def _is_damaged(path):
    try:
        return path.name in _DESCRIPTIONS and not isinstance(json.loads(path.read_text("utf-8")), dict)
    except (ValueError, RecursionError):
        return True


def _damage(path):
    return (
        f"A prepared data set expects valid JSON in its description files. Received: {path}, which is damaged. Delete "
        f"{path.parent} and prepare the data set again."
    )
