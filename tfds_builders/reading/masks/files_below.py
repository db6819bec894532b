"""Lists the files below a folder."""

import os

from tfds_builders.reading.image_files import as_path


def files_below(folder, suffix, without=()):
    """Lists the files of some suffixes in a folder and its subfolders.

    Hidden files and folders are ignored, and a folder that links lead to more than once is listed once.

    Args:
        folder: Path or `ZipPath` of the folder.
        suffix: String, such as `".png"`, or a collection of strings. Case is ignored.
        without: Paths of subfolders to omit. Defaults to none.

    Returns:
        Dict from the path below `folder` without suffix, such as `"aachen/000001"`, to the file's path, sorted; and a
        list of problems, one string per file that is not in the dict, because its name is that of an earlier one or is
        not valid Unicode.
    """
    suffixes = (suffix,) if isinstance(suffix, str) else suffix
    files, problems, seen = {}, [], {os.path.realpath(str(path)) for path in without}

    def visit(path, prefix):
        identity = os.path.realpath(str(path))
        if identity in seen:
            return
        seen.add(identity)
        for child in sorted(path.iterdir(), key=lambda child: child.name):
            if child.name.startswith("."):
                continue
            if child.is_dir():
                visit(child, f"{prefix}{child.name}/")
            elif child.suffix.lower() in suffixes:
                name = f"{prefix}{child.stem}"
                if not _is_unicode(name):
                    problems.append(
                        f"{str(child)!r}: expected a name in UTF-8. Received: another encoding. Rename the file or its "
                        "folder"
                    )
                elif name in files:
                    problems.append(
                        f"{child}: expected one file per name. Received: {files[name].name} beside it. Rename or "
                        "remove one of them"
                    )
                else:
                    files[name] = child

    visit(as_path(folder), "")
    return dict(sorted(files.items())), problems


def _is_unicode(name):
    """Returns whether a file's name can be encoded. Python reads bytes of other encodings as lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
