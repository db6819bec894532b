"""Records the hashes of a run's files in `run.json`, and checks them."""

import hashlib
import json
import warnings

from hierseg_keras.files import file_hash, read_json, write_whole
from hierseg_keras.messages.quoted import quoted
from hierseg_keras.training.config.files import CONFIG, EARLIER_CONFIG, config_file

MANIFEST = "run.json"
FORMAT_VERSION = 1
TREE, WEIGHTS, CALIBRATION = "tree.txt", "model.weights.h5", "calibration.json"
# The ids of the validation data set's label maps. Runs of earlier versions lack it.
CLASSES = "classes.csv"


class Manifest:
    """Writes the hashes of a run's files to `run.json`.

    The weights change in every epoch, but the weights file and `run.json` cannot be replaced at the same moment.
    `run.json` therefore lists the hashes of the present weights and of the next weights before the file is
    replaced. Whenever the process is killed, it lists the weights that are in the folder.

    Args:
        folder: `pathlib.Path` of the run, which contains its configuration, its tree and, if it has one, its class
            table. If it already contains `run.json`, the weights listed there stay listed, and so do values that
            `origin` does not contain.
        **origin: Further JSON values to write to the file, such as `versions`, a dict from the name of a package
            to its version.
    """

    def __init__(self, folder, **origin):
        self._path = folder / MANIFEST
        names = [CONFIG, TREE, *([CLASSES] if (folder / CLASSES).is_file() else [])]
        self._content = {
            "format_version": FORMAT_VERSION,
            **recorded(folder),
            **origin,
            "finished": False,
            "sha256": {name: file_hash(folder / name) for name in names},
        }
        self._content.setdefault("weights", [])
        self._write()

    def announce_weights(self, content, epoch):
        """Adds the hash of weights that are about to be saved.

        Args:
            content: Bytes of the weights file.
            epoch: Number of the epoch, starting from 1.
        """
        entry = {"sha256": hashlib.sha256(content).hexdigest(), "epoch": epoch}
        self._content["weights"] = [entry, *self._content["weights"][:1]]
        self._write()

    def finish(self):
        """Records that the training has reached its end."""
        self._content["finished"] = True
        self._write()

    def _write(self):
        write_whole(self._path, json.dumps(self._content, indent=2) + "\n")


def missing_files(folder):
    """Returns the names of the files that are required to load a run's network and that a folder lacks."""
    return [name for name in (config_file(folder).name, TREE, WEIGHTS) if not (folder / name).is_file()]


def check_files(folder):
    """Checks that the files in a run's folder are those that the run saved.

    Args:
        folder: `pathlib.Path` of the run, without `missing_files`.

    Raises:
        ValueError: If a file was changed, damaged or removed, or the run was saved by a later version. The message
            names the file.
    """
    if not (folder / MANIFEST).is_file():
        warnings.warn(
            f"{folder} has no {MANIFEST}, probably because an earlier version saved the run. Its files are loaded "
            "without checking that they belong together.",
            stacklevel=3,
        )
        return
    content = _read(folder / MANIFEST)
    weights = [entry["sha256"] for entry in content["weights"]]
    for name, hashes in (*((name, [value]) for name, value in content["sha256"].items()), (WEIGHTS, weights)):
        is_there = (folder / name).is_file()
        if not is_there or file_hash(folder / name) not in hashes:
            what = "changed or damaged" if is_there else "removed"
            raise ValueError(
                f"expected the files that the run saved. Received: {folder / name}, which was {what} afterwards. "
                f"Restore it, or remove {folder / MANIFEST} to load the files as they are."
            )


def save_calibration(folder, content):
    """Writes the file of a run's temperature, and its hash to `run.json`, if the run has one.

    As with the weights, `run.json` lists the hashes of the present and of the next file before it is replaced.

    Args:
        folder: `pathlib.Path` of the run.
        content: String.
    """
    manifest = folder / MANIFEST
    if manifest.is_file():
        listed = _read(manifest)
        hashes = [hashlib.sha256(content.encode()).hexdigest(), *listed.get("calibration", ())][:2]
        write_whole(manifest, json.dumps({**listed, "calibration": hashes}, indent=2) + "\n")
    write_whole(folder / CALIBRATION, content)


def check_calibration(folder):
    """Checks that the file of a run's temperature is the one that `save_calibration` wrote.

    Args:
        folder: `pathlib.Path` of the run. A run of an earlier version, without `run.json`, is not checked.

    Raises:
        ValueError: If the file was changed or damaged.
    """
    manifest, path = folder / MANIFEST, folder / CALIBRATION
    if manifest.is_file() and file_hash(path) not in _read(manifest).get("calibration", ()):
        raise ValueError(
            f"expected the temperature that the run saved. Received: {path}, which was changed or damaged afterwards. "
            f"Run `hierseg calibrate {quoted(folder)}` again."
        )


def is_finished(folder):
    """Returns whether the training of a run has reached its end. Runs of earlier versions count as finished."""
    path = folder / MANIFEST
    return _read(path).get("finished", True) if path.is_file() else True


def saved_epoch(folder):
    """Returns the number of the epoch, from 1, whose weights a run contains; `None` if it is not known."""
    path = folder / MANIFEST
    entries = _read(path)["weights"] if path.is_file() else []
    sha256 = weights_hash(folder)
    return next((entry["epoch"] for entry in entries if entry["sha256"] == sha256), None)


def weights_hash(folder):
    """Returns the SHA-256 hash of a run's weights file."""
    return file_hash(folder / WEIGHTS)


def recorded(folder):
    """Returns the content of a run's `run.json`, or an empty dict if it has none.

    Args:
        folder: `pathlib.Path` of the run.
    """
    path = folder / MANIFEST
    return _read(path) if path.is_file() else {}


def _read(path):
    """Reads a manifest, and checks its format."""
    try:
        content = read_json(path)
        version = content["format_version"]
        if version == FORMAT_VERSION:
            config = EARLIER_CONFIG if EARLIER_CONFIG in content["sha256"] else CONFIG
            names = [config, TREE, *({CLASSES} & content["sha256"].keys())]
            hashes = {name: content["sha256"][name] for name in names}
            weights = [{"sha256": entry["sha256"], "epoch": entry["epoch"]} for entry in content["weights"]]
            return {**content, "sha256": hashes, "weights": weights}
        saved_by = content.get("versions", {}).get("hierseg_keras")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"expected the hashes of a run's files. Received: {path}, which cannot be read ({type(error).__name__}: "
            f"{error}). Restore it, or remove it to load the files as they are."
        ) from None
    raise ValueError(
        f"expected a run of format version {FORMAT_VERSION}. Received: {path}, of format version {version!r}. Load it "
        f"with hierseg_keras {saved_by}, which saved it, or a later version."
    )
