"""Identifies a preparation of a folder of images, and finds the earlier ones."""

import hashlib
import json
import os
import pathlib
import re

from absl import logging

from tfds_builders.reading.image_files import IMAGE_FORMATS

# In hexadecimal digits. Two folders of one name, or two states of a folder, do not get the same name by accident.
_FOLDER_DIGITS, _STATE_DIGITS = 8, 16
_MAX_NAME = 32
# Increased when equal files are read as other records than before, such as other pairs of images and masks.
_READING = 2
# The files of masks in all formats: pictures, descriptions and tables of colors.
_MASK_FORMATS = (".png", ".json", ".txt")


def preparation_name(images, masks, others, options):
    """Returns the name of a preparation, which changes if a file or an option changes.

    Args:
        images, masks: Paths of the folders.
        others: List of paths of further folders and files.
        options: Any JSON value.

    Returns:
        String: the name of the folder of images, a hash of the paths of both folders, and a hash of the names, sizes
        and modification times of all files and of `options`.
    """
    state = {
        "reading": _READING,
        "options": options,
        "files": [list(_files_of(folder)) for folder in (images, masks, *others)],
    }
    words = re.sub(r"\W+", "_", pathlib.Path(images).resolve().name, flags=re.ASCII).strip("_")[:_MAX_NAME]
    return "_".join([*filter(None, [words]), _folders_hash(images, masks), _hash(state)[:_STATE_DIGITS]])


def warn_of_earlier(folder, name):
    """Logs one warning with the paths and the size of the other preparations of the same folders, if there are any.

    They are not deleted, because another process may read them.

    Args:
        folder: `epath.Path` of the folder that contains all preparations.
        name: String, the name of the present one.
    """
    prefix = name[:-_STATE_DIGITS]
    others = [path for path in sorted(folder.iterdir()) if path.name.startswith(prefix) and path.name != name]
    sizes = {path: sum(file.stat().length for file in path.glob("*/*")) for path in others if path.is_dir()}
    # A preparation that failed leaves an empty folder.
    sizes = {path: size for path, size in sizes.items() if size}
    if sizes:
        logging.warning(
            "earlier preparations of the same folders use %.1f MB: %s. Delete those that no process reads",
            sum(sizes.values()) / 1e6,
            ", ".join(map(str, sizes)),
        )


def _folders_hash(*folders):
    return _hash([os.path.realpath(folder) for folder in folders])[:_FOLDER_DIGITS]


def _files_of(path):
    """Yields the name, size and modification time in nanoseconds of a file, or of all files below a folder."""
    path = os.fspath(path)
    if not os.path.isdir(path):
        yield "", *_size_and_time(path)
        return
    seen = set()
    for folder, subfolders, names in os.walk(path, followlinks=True):
        identity = os.path.realpath(folder)
        # A link may lead to a folder that contains it.
        subfolders[:] = () if identity in seen else sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(names) if identity not in seen else ():
            if not name.startswith(".") and pathlib.PurePath(name).suffix.lower() in (*IMAGE_FORMATS, *_MASK_FORMATS):
                file = os.path.join(folder, name)
                yield os.path.relpath(file, path), *_size_and_time(file)
        seen.add(identity)


def _size_and_time(path):
    try:
        stat = os.stat(path)
    except OSError:
        # A broken link. Reading it raises the error that names it.
        return None, None
    return stat.st_size, stat.st_mtime_ns


def _hash(value):
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
