"""The files of a run's checkpoints."""

import dataclasses
import hashlib
import io
import json
import re
import shutil
import warnings
import zipfile

import numpy as np

from hierseg_keras.files import file_hash, read_json, written_beside

FORMAT_VERSION = 1
# How many checkpoints are kept. If the last one is damaged, a run can be resumed from the one before.
NUM_KEPT = 2
_STATE, _MANIFEST, _VALUES = "state.npz", "manifest.json", "values"
_NAME = re.compile(r"batch_(\d{9,})")


@dataclasses.dataclass(frozen=True)
class Position:
    """How far a run has come.

    Attributes:
        epoch: Number of the epoch, starting from 0.
        batch: Number of batches of this epoch that have been trained on.
        batches_per_epoch: Number of batches in an epoch.
    """

    epoch: int
    batch: int
    batches_per_epoch: int

    @property
    def num_batches(self):
        """The number of batches since the start of the run."""
        return self.epoch * self.batches_per_epoch + self.batch

    def __str__(self):
        return f"epoch {self.epoch + 1}, batch {self.batch} of {self.batches_per_epoch}"


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """What a run needs to be resumed.

    Attributes:
        position: `Position` at which the state was taken.
        arrays: Dict from strings to NumPy arrays.
        values: Further state, as JSON values.
        config: Values of the `RunConfig` of the training, as JSON values.
    """

    position: Position
    arrays: dict
    values: list
    config: dict


def save_checkpoint(folder, checkpoint):
    """Saves a checkpoint, and deletes all others but the one before.

    Later ones are those that were damaged when the run resumed from an earlier one.

    Each checkpoint is a folder `batch_<number>`, which is complete from the moment at which it exists. It contains
    `state.npz`, the state, and `manifest.json`, the hash of that file. Neither contains pickled objects.

    Args:
        folder: `pathlib.Path` of the run's checkpoints. Created if it is missing.
        checkpoint: `Checkpoint`.

    Raises:
        OSError: If the disk is full or the folder cannot be written to. Earlier checkpoints stay.
    """
    number = checkpoint.position.num_batches
    values = {
        "position": dataclasses.asdict(checkpoint.position),
        "values": checkpoint.values,
        "config": checkpoint.config,
    }
    arrays = {**checkpoint.arrays, _VALUES: np.frombuffer(json.dumps(values).encode(), np.uint8)}
    with written_beside(folder / f"batch_{number:09d}") as new:
        new.mkdir()
        np.savez(new / _STATE, **arrays)
        manifest = {"format_version": FORMAT_VERSION, "sha256": file_hash(new / _STATE)}
        (new / _MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    found = _folders(folder)
    kept = [other for other in found if other <= number][:NUM_KEPT]
    for other in found.keys() - kept:
        shutil.rmtree(found[other])


def last_checkpoint(folder):
    """Loads the last checkpoint that is not damaged.

    Args:
        folder: `pathlib.Path` of the run's checkpoints.

    Returns:
        `Checkpoint`, or `None` if there is none.

    Raises:
        ValueError: If a later version of the library has saved the checkpoint.
        FileExistsError: If `folder` is a file.
    """
    for path in _folders(folder).values():
        try:
            return _load(path)
        except (OSError, KeyError, TypeError, _Damaged, zipfile.BadZipFile) as error:
            warnings.warn(f"{path} is damaged ({error}) and is not used.", stacklevel=2)
    return None


class _Damaged(Exception):
    pass


def _load(path):
    try:
        manifest = read_json(path / _MANIFEST)
    except ValueError as error:
        raise _Damaged(f"{_MANIFEST}: {error}") from None
    if manifest["format_version"] != FORMAT_VERSION:
        raise ValueError(
            f"expected a checkpoint of format version {FORMAT_VERSION}. Received: {path}, of format version "
            f"{manifest['format_version']!r}. Resume the run with the version of hierseg_keras that saved it, or a "
            "later one."
        )
    content = (path / _STATE).read_bytes()
    if hashlib.sha256(content).hexdigest() != manifest["sha256"]:
        raise _Damaged(f"{_STATE} has another hash than {_MANIFEST} says")
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        arrays = dict(file)
    values = json.loads(arrays.pop(_VALUES).tobytes())
    return Checkpoint(Position(**values["position"]), arrays, values["values"], values["config"])


def _folders(folder):
    """Returns a dict from number to folder of all checkpoints, the last one first."""
    if not folder.exists():
        return {}
    if not folder.is_dir():
        raise FileExistsError(
            f"expected the folder of a run's checkpoints. Received: {folder}, which is a file. Move it away."
        )
    found = {int(match[1]): path for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))}
    return dict(sorted(found.items(), reverse=True))
