"""Describes the software, the machine and the data of a run for `run.json`."""

import platform
import warnings
from importlib.metadata import version

import keras

from hierseg_keras.data.fingerprint import can_be_compared, data_name, fingerprint_of
from hierseg_keras.distribution.device_names import device_names
from hierseg_keras.training.manifest import recorded
from hierseg_keras.version import __version__

_PACKAGES = ("keras", "tensorflow", "numpy", "tensorflow-datasets")
_OF_BACKENDS = {"jax": ("jax",)}


def origin_of(config, strategy, data_sets):
    """Returns the software versions, the machine and the data of a new run.

    Args:
        config: `RunConfig`.
        strategy: `tf.distribute.Strategy` that the run trains under.
        data_sets: `DataSets` of the run.

    Returns:
        Dict of JSON values: `versions`, `platform`, `backend`, `devices` and `data`. `data` is a dict from the name
        and version of each data set, for training or validation, to its fingerprint.
    """
    return {
        "versions": {
            "hierseg_keras": __version__,
            **{name: version(name) for name in (*_PACKAGES, *_OF_BACKENDS.get(keras.backend.backend(), ()))},
            "python": platform.python_version(),
        },
        "platform": platform.platform(),
        "backend": keras.backend.backend(),
        "devices": device_names(strategy),
        "data": _fingerprints(data_sets, *config.data.names, config.evaluation_dataset),
    }


def warn_of_other_data(folder, config, data_sets):
    """Warns if the data set to validate on has changed since a run was trained.

    Args:
        folder: `pathlib.Path` of the run. If the run has not recorded its data, there is no warning.
        config: The run's `RunConfig`.
        data_sets: `DataSets` of the run.
    """
    before = recorded(folder).get("data")
    if before is None:
        return
    present = _fingerprints(data_sets, config.evaluation_dataset)
    if changed := changed_data(before, present):
        warnings.warn(
            f"{', '.join(changed)} has changed since {folder} was trained. Do not compare the evaluation with the "
            "log of the run.",
            stacklevel=2,
        )


def _fingerprints(data_sets, *names):
    builders = map(data_sets.builder, dict.fromkeys(names))
    return {data_name(builder): fingerprint_of(builder) for builder in builders}


def changed_data(before, present):
    """Returns the names of the data sets that have changed.

    Args:
        before: Dict from the names of data sets to their fingerprints, as a run has recorded them.
        present: Dict from the names of the same data sets, or some of them, to their fingerprints now.
    """
    if not all(map(can_be_compared, before.values())):
        # Recorded by an earlier version.
        return []
    return [name for name, fingerprint in present.items() if before.get(name) != fingerprint]
