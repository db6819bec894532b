"""Describes folders in errors about files that are not there."""

_SHOWN_NAMES = 5


def folder_content(folder):
    """Returns the first names in a folder as text, or that it is empty.

    Args:
        folder: `epath.Path` or `ZipPath` of an existing folder.
    """
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    if not names:
        return "an empty folder"
    return f"{', '.join(names[:_SHOWN_NAMES])}{' and others' * (len(names) > _SHOWN_NAMES)}"


def missing_folder(folder, what):
    """Returns the sentence about a folder that is not there, or `None` if it is.

    Args:
        folder: `epath.Path` or `ZipPath`.
        what: String, what the folder holds, such as `"masks"`.
    """
    if folder.is_dir():
        return None
    received = "a file" if folder.exists() else "nothing there"
    return f"{folder}: expected a folder of {what}. Received: {received}. Correct the path"


def none_found(folder, what, suffixes):
    """Returns the sentence about a folder that has no file of some suffixes.

    Args:
        folder: `epath.Path` or `ZipPath` of an existing folder.
        what: String, what the files are, such as `"masks"`.
        suffixes: Collection of strings, such as `(".png",)`.
    """
    return (
        f"{folder}: expected {what} that end in {', '.join(suffixes)}, in the folder or its subfolders. Received: "
        f"{folder_content(folder)}. Put them there, or pass the folder that has them"
    )
