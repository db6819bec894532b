"""What binds the files of a run together: their hashes, in `run.json`."""

import hashlib
import json
import warnings

from hierseg_keras.files import write_whole
from hierseg_keras.training.config.files import CONFIG, EARLIER_CONFIG, config_file

MANIFEST = "run.json"
FORMAT_VERSION = 1
TREE, WEIGHTS = "tree.txt", "model.weights.h5"


class Manifest:
    """The hashes of a run's files, written as the run saves them.

    The weights change with every epoch, and two files cannot be replaced at the same moment. The manifest
    therefore names the present weights and those about to take their place, before they do: whenever the
    process is killed, it names those that are there.

    Args:
        folder: `pathlib.Path` of the run, which holds its configuration and its tree. The weights that its
            manifest names, where there is one, stay named.
        **origin: JSON values that the file records as they are, such as `versions`, a dict from a package's
            name to its version.
    """

    def __init__(self, folder, **origin):
        self._path = folder / MANIFEST
        self._content = {
            "format_version": FORMAT_VERSION,
            **origin,
            "sha256": {name: _hash_of(folder / name) for name in (CONFIG, TREE)},
            "weights": _read(self._path)["weights"] if self._path.is_file() else [],
        }
        self._write()

    def announce_weights(self, content, epoch):
        """Names weights that are about to be saved.

        Args:
            content: Bytes of the file.
            epoch: Number of the epoch that they are of, from 1.
        """
        entry = {"sha256": hashlib.sha256(content).hexdigest(), "epoch": epoch}
        self._content["weights"] = [entry, *self._content["weights"][:1]]
        self._write()

    def _write(self):
        write_whole(self._path, json.dumps(self._content, indent=2) + "\n")


def check_files(folder):
    """Refuses a run's folder whose files are not those that the run saved.

    Args:
        folder: `pathlib.Path` of the run.

    Raises:
        FileNotFoundError: If the folder is not of a run; the message names what is missing.
        ValueError: If a file was changed or damaged, which the message names, or if the run was saved by
            a later version.
    """
    # What the weights cannot be read without.
    needed = (config_file(folder).name, TREE, WEIGHTS)
    missing = [name for name in needed if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(f"expected the folder of a training run. Received: {folder}, which lacks {missing}.")
    if not (folder / MANIFEST).is_file():
        warnings.warn(
            f"{folder} has no {MANIFEST}, as runs of earlier versions have none: whether its files belong together "
            "is not checked.",
            stacklevel=3,
        )
        return
    content = _read(folder / MANIFEST)
    weights = [entry["sha256"] for entry in content["weights"]]
    for name, hashes in (*((name, [value]) for name, value in content["sha256"].items()), (WEIGHTS, weights)):
        if _hash_of(folder / name) not in hashes:
            raise ValueError(
                f"expected the files that the run saved together. Received: {folder / name}, which was changed or "
                f"damaged since. Restore it; or remove {folder / MANIFEST} to load the files as they are."
            )


def recorded_data(folder):
    """Returns the fingerprints of the data sets that a run was trained on, by their full names.

    Args:
        folder: `pathlib.Path` of the run.

    Returns:
        Dict, or `None` for a run that has not recorded them.
    """
    path = folder / MANIFEST
    return _read(path).get("data") if path.is_file() else None


def _read(path):
    """A manifest's content, of the present format."""
    try:
        content = json.loads(path.read_text("utf-8"))
        version = content["format_version"]
        if version == FORMAT_VERSION:
            config = EARLIER_CONFIG if EARLIER_CONFIG in content["sha256"] else CONFIG
            hashes = {name: content["sha256"][name] for name in (config, TREE)}
            weights = [{"sha256": entry["sha256"], "epoch": entry["epoch"]} for entry in content["weights"]]
            return {**content, "sha256": hashes, "weights": weights}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"expected the hashes of a run's files. Received: {path}, which cannot be read ({error!r}). Restore it; "
            "or remove it to load the files as they are."
        ) from None
    raise ValueError(
        f"expected a run of format {FORMAT_VERSION}. Received: {path} of format {version!r}. Load it with the "
        f"version of hierseg_keras that saved it, {content.get('versions', {}).get('hierseg_keras')}, or a later one."
    )


def _hash_of(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
