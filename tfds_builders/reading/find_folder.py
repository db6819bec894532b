"""Folders that may lie deeper than expected."""

from tfds_builders.reading.file_problems import ImageFileError


def find_folder(manual_dir, candidates, instructions):
    """Finds a folder that archives hold at different places.

    Args:
        manual_dir: `epath.Path` to search.
        candidates: Paths below it, best first.
        instructions: What the user should have put there.

    Returns:
        The first of them that is a folder.

    Raises:
        ImageFileError: If none is, with the instructions.
    """
    for candidate in candidates:
        if (manual_dir / candidate).is_dir():
            return manual_dir / candidate
    found = sorted(path.name for path in manual_dir.iterdir())
    raise ImageFileError(
        f"{manual_dir}: expected one of the folders {', '.join(candidates)}. Received: {found}.\n{instructions}"
    )
