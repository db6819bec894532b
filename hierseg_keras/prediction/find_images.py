"""Finds the image files that files, folders and patterns stand for, and names their results."""

import collections
import dataclasses
import glob
import os
import warnings

from hierseg_keras.prediction.results_record import results_in

# Suffixes of images that other programs read.
_OTHER_FORMATS = frozenset(
    ".avif .dng .gif .heic .heif .jfif .jp2 .jpe .pgm .pnm .ppm .tga .tif .tiff .webp .cr2 .nef .arw .raw".split()
)


@dataclasses.dataclass(frozen=True, slots=True)
class ImageFile:
    """An image file and the name of its results.

    Args:
        path: String, path of the file.
        name: String, path of the results inside of the folder of results, without their endings.
    """

    path: str
    name: str


def find_images(inputs, listed, out):
    """Finds image files. The files are not opened.

    Args:
        inputs: List of paths of files, paths of folders, and patterns such as `photos/**/*.jpg`.
        listed: List of paths of further files, or `None`.
        out: Path of the folder of results. Images in it are skipped if it lies inside of a folder or pattern.

    Folders inside of a folder or pattern that contain results of earlier predictions are skipped, with a warning.

    Returns:
        List of `ImageFile`. The results of a file in `inputs` are named after the file. Those of files in folders,
        in patterns and in `listed` keep the path below the folder, the part of a pattern without wildcards, or the
        deepest folder that contains all listed files. If there are several of these folders, they keep the path
        below the deepest folder that contains all of them.

    Raises:
        FileNotFoundError: If a path does not exist, a folder contains no image, or a pattern matches none.
        ValueError: If there is no input, or a folder is the folder of results.
        OSError: If a folder cannot be read.
    """
    files, groups, skipped = [], [], _Skipped()
    for given in map(os.fspath, inputs):
        if os.path.isdir(given):
            groups.append((given, list(_images_below(given, out, skipped, given))))
            _check_some(groups[-1][1], f"{given}, a folder without images{skipped.note()}")
        elif os.path.lexists(given):
            files.append(given)
        elif glob.has_magic(given):
            groups.append((_fixed_part(given), list(_matches(given, out, skipped))))
            _check_some(groups[-1][1], f"{given}, which matches no image{skipped.note()}")
        else:
            raise FileNotFoundError(
                f"`predict_files` expects files, folders or patterns that match files. Received: {given}, which does "
                "not exist. Correct the path."
            )
    skipped.warn()
    if listed is not None:
        listed = list(map(os.fspath, listed))
        groups += [(_common([os.path.dirname(path) for path in listed]), listed)] if listed else []
    if not files and not groups:
        raise ValueError("`predict_files` expects at least one image. Received: none. Pass files or folders.")
    images = [ImageFile(path, os.path.splitext(os.path.basename(path))[0]) for path in files]
    base = _common([root for root, _ in groups]) if groups else None
    images += [ImageFile(path, _name_below(base, path)) for _, paths in groups for path in paths]
    # An image may be given twice, such as by itself and in its folder.
    return list({(os.path.abspath(image.path), image.name): image for image in images}.values())


class _Skipped:
    """What was found among images and is skipped: results of earlier predictions, and images of other formats."""

    def __init__(self):
        self._skipped, self._results_of, self._suffixes = [], {}, collections.Counter()

    def add_file(self, name):
        """Counts a file that is no image that can be read."""
        suffix = os.path.splitext(name)[1].lower()
        if suffix in _OTHER_FORMATS and not _is_hidden(name):
            self._suffixes[suffix] += 1

    def is_result(self, root, path):
        """Returns whether a file is a result of an earlier prediction.

        Below `root`, all files in a folder with a record are. In `root` itself, the user has asked for the images
        beside the results, so that only those files are that the record lists.

        Args:
            root: Path of a folder of images.
            path: Path of an image file below it.
        """
        root, path = os.path.abspath(root), os.path.abspath(path)
        folder = os.path.dirname(path)
        while len(folder) > len(root):
            if self._results(folder) is not None:
                return self._skip(folder)
            folder = os.path.dirname(folder)
        results = self._results(root)
        return bool(results) and os.path.relpath(path, root) in results and self._skip(root)

    def warn(self):
        """Warns about what was skipped, in one line for results and one for images of other formats."""
        if self._skipped:
            warnings.warn(
                f"Results of earlier predictions are not predicted: those in {', '.join(self._skipped)}. To predict "
                "other images in such a folder, pass the folder itself.",
                stacklevel=4,
            )
        if self._suffixes:
            counts = ", ".join(f"{count} {suffix}" for suffix, count in sorted(self._suffixes.items()))
            number = sum(self._suffixes.values())
            files = "1 file in folders is" if number == 1 else f"{number} files in folders are"
            warnings.warn(
                f"{files} not predicted, because the format is not read: {counts}. Convert to PNG or JPEG.",
                stacklevel=4,
            )

    def note(self):
        """Returns the end of an error about images that were not found."""
        return " besides results of earlier predictions" if self._skipped else ""

    def _results(self, folder):
        if folder not in self._results_of:
            self._results_of[folder] = results_in(folder)
        return self._results_of[folder]

    def _skip(self, folder):
        if folder not in self._skipped:
            self._skipped.append(folder)
        return True


def _images_below(top, out, skipped, root):
    """Yields the image files in a folder and its subfolders, in the order of their names. Hidden ones are skipped.

    Args:
        top: Path of the folder.
        out: Path of the folder of results.
        skipped: `_Skipped`.
        root: Path of `top`, or of a folder above it: the one that the user has named.
    """
    seen = {_identity(top)}
    if os.path.isdir(out):
        if _identity(out) in seen:
            raise ValueError(
                f"`predict_files` expects a folder of results that is not the folder of images. Received: {top} as "
                "both. Choose another folder of results, such as one inside of it."
            )
        seen.add(_identity(out))

    def fail(error):
        raise error

    for folder, folders, names in os.walk(top, onerror=fail, followlinks=True):
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        kept = []
        for path in (os.path.join(folder, name) for name in folders):
            # A folder is entered once, even if symbolic links lead to it in a circle.
            if (identity := _identity(path)) not in seen:
                seen.add(identity)
                kept.append(os.path.basename(path))
        folders[:] = kept
        for name in sorted(names):
            path = os.path.join(folder, name)
            if not _is_image(name):
                skipped.add_file(name)
            elif not skipped.is_result(root, path):
                yield path


def _matches(pattern, out, skipped):
    """Yields the image files that a pattern matches, and those in folders that it matches."""
    root = _fixed_part(pattern)
    out, real_root = os.path.realpath(out), os.path.realpath(root)
    skips_results = out.startswith(os.path.join(real_root, ""))
    seen = set()
    for path in sorted(glob.iglob(pattern, recursive=True)):
        if skips_results and _is_in(out, path):
            continue
        is_folder = os.path.isdir(path)
        if not is_folder:
            skipped.add_file(os.path.basename(path))
        for image in (
            _images_below(path, out, skipped, root) if is_folder else [path] * _is_image(os.path.basename(path))
        ):
            place = os.path.normpath(image)
            if place not in seen and (is_folder or not skipped.is_result(root, path)):
                seen.add(place)
                yield image


def _is_in(folder, path):
    """Returns whether a path is a folder, or lies in it."""
    return os.path.join(os.path.realpath(path), "").startswith(os.path.join(folder, ""))


def _fixed_part(pattern):
    """Returns the folders at the beginning of a pattern that contain no wildcard."""
    folder = os.path.dirname(pattern)
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    return folder or "."


def _common(folders):
    """Returns the deepest folder that contains all folders."""
    return os.path.commonpath([os.path.abspath(folder) for folder in folders])


def _name_below(folder, path):
    return os.path.splitext(os.path.relpath(path, folder))[0]


def _is_image(name):
    # Imported here because it imports TFDS.
    from tfds_builders.reading.image_files import IMAGE_FORMATS

    return not _is_hidden(name) and os.path.splitext(name)[1].lower() in IMAGE_FORMATS


def _is_hidden(name):
    return name.startswith(".")


def _identity(path):
    """Returns a value that is equal for two paths of the same file or folder."""
    stat = os.stat(path)
    return stat.st_dev, stat.st_ino


def _check_some(images, received):
    if not images:
        from tfds_builders.reading.image_files import IMAGE_FORMATS

        raise FileNotFoundError(
            f"`predict_files` expects images, files that end in {', '.join(IMAGE_FORMATS)}. Received: {received}."
        )
