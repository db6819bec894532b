"""Finds the image files that files, folders and patterns stand for, and names their results."""

import dataclasses
import glob
import os


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
    files, groups = [], []
    for given in map(os.fspath, inputs):
        if os.path.isdir(given):
            groups.append((given, list(_images_below(given, out))))
            _check_some(groups[-1][1], f"{given}, a folder without images")
        elif os.path.lexists(given):
            files.append(given)
        elif glob.has_magic(given):
            groups.append((_fixed_part(given), list(_matches(given, out))))
            _check_some(groups[-1][1], f"{given}, which matches no image")
        else:
            raise FileNotFoundError(
                f"`predict_files` expects files, folders or patterns that match files. Received: {given}, which does "
                "not exist. Correct the path."
            )
    if listed is not None:
        listed = list(map(os.fspath, listed))
        groups += [(_common([os.path.dirname(path) for path in listed]), listed)] if listed else []
    if not files and not groups:
        raise ValueError("`predict_files` expects at least one image. Received: none. Pass files or folders.")
    images = [ImageFile(path, os.path.splitext(os.path.basename(path))[0]) for path in files]
    base = _common([root for root, _ in groups]) if groups else None
    return images + [ImageFile(path, _name_below(base, path)) for _, paths in groups for path in paths]


def _images_below(root, out):
    """Yields the image files in a folder and its subfolders, in the order of their names. Hidden ones are skipped."""
    seen = {_identity(root)}
    if os.path.isdir(out):
        if _identity(out) in seen:
            raise ValueError(
                f"`predict_files` expects a folder of results that is not the folder of images. Received: {root} as "
                "both. Choose another folder of results, such as one inside of it."
            )
        seen.add(_identity(out))

    def fail(error):
        raise error

    for folder, folders, names in os.walk(root, onerror=fail, followlinks=True):
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        kept = []
        for path in (os.path.join(folder, name) for name in folders):
            # A folder is entered once, even if symbolic links lead to it in a circle.
            if (identity := _identity(path)) not in seen:
                seen.add(identity)
                kept.append(os.path.basename(path))
        folders[:] = kept
        yield from (os.path.join(folder, name) for name in sorted(names) if _is_image(name))


def _matches(pattern, out):
    """Yields the image files that a pattern matches, and those in folders that it matches."""
    out, root = os.path.realpath(out), os.path.realpath(_fixed_part(pattern))
    skips_results = out.startswith(os.path.join(root, ""))
    seen = set()
    for path in sorted(glob.iglob(pattern, recursive=True)):
        if skips_results and _is_in(out, path):
            continue
        for image in _images_below(path, out) if os.path.isdir(path) else [path] * _is_image(os.path.basename(path)):
            place = os.path.normpath(image)
            if place not in seen:
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
