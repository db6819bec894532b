"""Records which network made the results in a folder, so that results of different networks are not mixed."""

import json
import os
import pathlib

from hierseg_keras.files import write_whole
from hierseg_keras.prediction.result_files import files_of

RECORD = "predictions.json"
FORMAT_VERSION = 1


class EarlierResults:
    """What is known of the results that a folder already contains.

    Args:
        out: Path of the folder of results, which may not exist.
        made_by: Dict of JSON values that says how results are made: the network and the options on which the
            content of a file depends.
    """

    def __init__(self, out, made_by):
        self._out, self._path = out, pathlib.Path(out, RECORD)
        self._content = {"format_version": FORMAT_VERSION, **json.loads(json.dumps(made_by))}
        self._found = _read(self._path)

    @property
    def are_of_the_same_network(self):
        """Whether the folder's results were made by the same network and options. False if it has no record."""
        return self._found == self._content

    def check(self):
        """Raises `ValueError` if the folder contains results of another network or other options."""
        if self._found is None or self.are_of_the_same_network:
            return
        different = [key for key, value in self._content.items() if self._found.get(key) != value]
        raise ValueError(
            f"`predict_files` expects a folder with results of the same network and options. Received: {self._out}, "
            f"where {RECORD} differs in {', '.join(different) or 'its entries'}. Choose another folder, or pass "
            "overwrite=True (--overwrite)."
        )

    def unfinished(self, images, endings):
        """Returns the images whose results are missing, or older than the image or than the record.

        The record is written again when another network's results are overwritten. Results that are older than the
        record are therefore not of its network.

        Args:
            images: List of `ImageFile`.
            endings: Ends of the names of an image's results.
        """
        if not self.are_of_the_same_network:
            return images
        since = os.stat(self._path).st_mtime_ns
        return [image for image in images if not self._is_finished(image, endings, since)]

    def _is_finished(self, image, endings, since):
        try:
            newest = max(since, os.stat(image.path).st_mtime_ns)
            return all(os.lstat(file).st_mtime_ns >= newest for file in files_of(image, endings, self._out))
        except OSError:
            return False

    def record(self):
        """Writes the record, unless the folder already has the same."""
        if not self.are_of_the_same_network:
            write_whole(self._path, json.dumps(self._content, indent=2) + "\n")
            self._found = self._content


def _read(path):
    """Returns the content of a record, `None` if there is no such file, and an empty dict if it cannot be read."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, OSError):
        return {}
    return content if isinstance(content, dict) else {}
