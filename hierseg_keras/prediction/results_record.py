"""Records which image, network and options each result in a folder was made of."""

import contextlib
import dataclasses
import json
import os
import pathlib
import threading

from hierseg_keras.files import read_json

RECORD = "predictions.jsonl"
# The record of earlier versions, which names the network but no images.
EARLIER_RECORD = "predictions.json"
FORMAT_VERSION = 2


class ResultsRecord:
    """What is known of the results in a folder, and the file in which it is stored.

    The file grows by lines of JSON, and no line is ever changed. A line with `network` and `options` is written at the
    beginning of each run: results of another network, or of other options of the same ending, count as unfinished from
    there on. A line `begun` is written before the results of an image, and a line `done` after them. Whenever the
    process is killed, results that are `done` are therefore those of the image that the line names.

    Args:
        out: Path of the folder of results, which may not exist.
        network: String that identifies the network.
        options: Dict from the ending of a result to a dict of JSON values, the options that its content depends on.
    """

    def __init__(self, out, network, options):
        self._out, self._path = out, pathlib.Path(out, RECORD)
        self._settings = {"format_version": FORMAT_VERSION, "network": network, "options": options}
        self._endings, self._known = list(options), _read(out)
        self._stamps, self._stream, self._lock = {}, None, threading.Lock()

    def check(self):
        """Raises `ValueError` if the folder contains results of another network or other options."""
        different = self._known.differences(self._settings)
        if different:
            raise ValueError(
                "`predict_files` expects a folder with results of the same network and options. Received: "
                f"{self._out}, whose results differ in {', '.join(different)}. Choose another folder, or pass "
                "overwrite=True."
            )

    def unfinished(self, images):
        """Returns the images of which a result is missing, or is not known to be made of the image as it is now.

        Args:
            images: List of `ImageFile`.
        """
        if self._known.differences(self._settings):
            return images
        return [image for image in images if not self._is_finished(image)]

    def source_of(self, name):
        """Returns the absolute path of the image that a file in the folder is a result of, or `None` if it is unknown.

        Args:
            name: String, path of the file inside of the folder.
        """
        result = self._known.results.get(name)
        return result and result.image

    @contextlib.contextmanager
    def closing(self):
        """Closes the file at the end of the block. It is opened by the first `begin`."""
        try:
            yield
        finally:
            if self._stream is not None:
                self._stream.close()

    def note(self, image):
        """Notes the present size and modification time of an `ImageFile`. Call it before the file is read."""
        self._stamps[image] = _stamp(image.path)

    def begin(self, image):
        """Records that results of an `ImageFile` are going to be written. Threads may call it."""
        with self._lock:
            if self._stream is None:
                self._open()
            files = (image.name + ending for ending in self._endings)
            is_replaced = any(file in self._known.results for file in files)
            self._append(self._line("begun", image), flush_to_disk=is_replaced)

    def end(self, image):
        """Records that the results of an `ImageFile` were written."""
        stamp = self._stamps.pop(image)
        # A file that did not exist yet when it was noted may have changed while it was read.
        if stamp is not None:
            with self._lock:
                self._append({**self._line("done", image), "size": stamp[0], "mtime_ns": stamp[1]})

    def _is_finished(self, image):
        path, stamp = os.path.abspath(image.path), _stamp(image.path)
        if stamp is None:
            return False
        files = {image.name + ending: Result(ending, path, stamp) for ending in self._endings}
        return all(
            self._known.results.get(file) == result and os.path.lexists(os.path.join(self._out, file))
            for file, result in files.items()
        )

    def _open(self):
        # A record that cannot be read is only replaced where `overwrite` allows it.
        self._stream = self._path.open("ab" if self._known.is_readable else "wb")
        if self._stream.tell() and not self._path.read_bytes().endswith(b"\n"):
            # A killed process, or a full disk, has left half a line.
            self._stream.write(b"\n")
        self._append(self._settings, flush_to_disk=True)

    def _line(self, state, image):
        return {state: image.name, "endings": self._endings, "image": os.path.abspath(image.path)}

    def _append(self, line, flush_to_disk=False):
        self._stream.write(json.dumps(line).encode() + b"\n")
        self._stream.flush()
        if flush_to_disk:
            os.fsync(self._stream.fileno())
        self._known.add(line)


@dataclasses.dataclass(frozen=True)
class Result:
    """A file of results.

    Attributes:
        ending: String, end of its name.
        image: String, absolute path of its image.
        stamp: Pair, size of the image file in bytes and its modification time in nanoseconds. `None` if the result is
            unfinished: not known to be written, or of another network or other options.
    """

    ending: str
    image: str
    stamp: tuple[int, int] | None = None


@dataclasses.dataclass
class _Known:
    """What the lines of a record say together.

    Attributes:
        network: String, or `None` if there is no record.
        options: Dict from ending to the options of the finished results.
        results: Dict from the path inside of the folder to the `Result`.
        is_readable: Boolean, whether there is no record, or one of this format version.
    """

    network: str | None = None
    options: dict = dataclasses.field(default_factory=dict)
    results: dict = dataclasses.field(default_factory=dict)
    is_readable: bool = True

    def differences(self, settings):
        """Returns the names of what differs from the settings of a run."""
        if not self.is_readable:
            return [f"{RECORD}, which is of a later version or cannot be read"]
        if self.network not in (None, settings["network"]):
            return ["network"]
        pairs = [(self.options[ending], new) for ending, new in settings["options"].items() if ending in self.options]
        return list(dict.fromkeys(key for old, new in pairs for key in new if old.get(key) != new[key]))

    def add(self, line):
        """Adds a line. Raises `ValueError`, `KeyError`, `TypeError` or `AttributeError` if it is not one."""
        if "network" in line:
            self._begin_run(line)
            return
        is_done = "done" in line
        stamp = (line["size"], line["mtime_ns"]) if is_done else None
        for ending in line["endings"]:
            self.results[line["done" if is_done else "begun"] + ending] = Result(ending, line["image"], stamp)

    def _begin_run(self, line):
        if line["format_version"] != FORMAT_VERSION:
            self.is_readable = False
        is_other_network = line["network"] != self.network
        void = [
            ending
            for ending, options in self.options.items()
            if is_other_network or line["options"].get(ending, options) != options
        ]
        for file, result in self.results.items():
            if result.ending in void:
                self.results[file] = dataclasses.replace(result, stamp=None)
        kept = {} if is_other_network else self.options
        self.network, self.options = line["network"], {**kept, **line["options"]}


def results_in(folder):
    """Returns the paths, inside of a folder, of the files that its record calls results; `None` without a record."""
    if not any(os.path.lexists(os.path.join(folder, name)) for name in (RECORD, EARLIER_RECORD)):
        return None
    return _read(folder).results.keys()


def _read(out):
    known = _Known()
    try:
        lines = pathlib.Path(out, RECORD).read_bytes().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return _read_earlier(out)
    except OSError:
        return _Known(is_readable=False)
    for line in lines:
        # A line that was damaged, or half written when the process was killed, leaves its results unknown.
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
            known.add(json.loads(line))
    return known


def _read_earlier(out):
    try:
        content = read_json(pathlib.Path(out, EARLIER_RECORD))
        return _Known(network=content["network"])
    except (ValueError, KeyError, TypeError, OSError):
        return _Known()


def _stamp(path):
    """Returns the size and the modification time of a file, or `None` if there is none."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns
