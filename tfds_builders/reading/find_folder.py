"""Finds folders that may be deeper than expected."""

from tfds_builders.reading.file_problems import ImageFileError


def find_folder(manual_dir, candidates, instructions):
    """Finds a folder whose position differs between archives.

    Args:
        manual_dir: `epath.Path` of the folder to search.
        candidates: List of strings, possible paths below it, the preferred one first.
        instructions: String that tells the user which files to put there, for the error.

    Returns:
        `epath.Path` of the first candidate that is a folder.

    Raises:
        ImageFileError: If no candidate is a folder.
    """
    for candidate in candidates:
        if (manual_dir / candidate).is_dir():
            return manual_dir / candidate
    found = sorted(path.name for path in manual_dir.iterdir())
    raise ImageFileError(
        f"{manual_dir}: expected one of the folders {', '.join(candidates)}. Received: {found}.\n{instructions}"
    )
