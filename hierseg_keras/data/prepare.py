"""Prepares a TFDS data set where it is not prepared yet."""

import contextlib
import io
import pathlib
import sys

from hierseg_keras.data.find_builder import find_builder


def prepare(name, data_dir=None, manual_dir=None, skip_bad=False):
    """Prepares a TFDS data set once, and returns its builder.

    Args:
        name: Name of a TFDS data set, with its config where it has several, such as
            `"street_blocks"` or `"camvid_tree/groups"`. Those of `tfds_builders` are found too.
        data_dir: Folder that holds prepared data sets. Defaults to TFDS's own,
            `~/tensorflow_datasets`.
        manual_dir: Folder with the files that you obtained yourself, for a data set that cannot
            be downloaded; needed only while it is being prepared.
        skip_bad: Whether files that cannot be used are left out and listed, in place of an error;
            for the data sets of `tfds_builders`.

    Returns:
        Prepared `tfds.core.DatasetBuilder`; `ClassTree.from_tfds(builder.info)` is its tree.

    Raises:
        ValueError: If there is no such data set, `manual_dir` is no folder or missing where it is
            needed, the data set does not know `skip_bad`, or a file that describes the prepared data
            set is damaged or missing.

    Example:

    >>> builder = hs.data.prepare("street_blocks")
    >>> hs.ClassTree.from_tfds(builder.info) == hs.ClassTree.load("street_blocks")
    True
    """
    import tensorflow_datasets as tfds

    if manual_dir is not None and not pathlib.Path(manual_dir).is_dir():
        raise ValueError(f"`manual_dir` expects an existing folder. Received: manual_dir={str(manual_dir)!r}.")
    builder = find_builder(name, data_dir, skip_bad)
    download_config = tfds.download.DownloadConfig(manual_dir=manual_dir and str(manual_dir))
    # TFDS prints where it prepares the data set. Like the bars that follow, this is for whoever waits.
    waiting = sys.stderr if sys.stderr.isatty() else io.StringIO()
    try:
        with contextlib.redirect_stdout(waiting):
            builder.download_and_prepare(download_config=download_config)
    except AssertionError:
        # What TFDS raises where the folder is not there or empty.
        if not builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
            raise
        instructions = " ".join(builder.MANUAL_DOWNLOAD_INSTRUCTIONS.split())
        raise ValueError(
            f"`manual_dir` expects the folder with the files of {name}, which cannot be downloaded. "
            f"Received: manual_dir={manual_dir and str(manual_dir)!r}, without files. {instructions}"
        ) from None
    if not builder.info.splits:
        raise ValueError(
            f"expected a prepared data set. Received: {builder.data_path}, without what `dataset_info.json` says of "
            "its splits. Delete the folder and prepare the data set again."
        )
    return builder


def flip_pairs(name, data_dir=None, manual_dir=None):
    """Returns the list of node pairs that a mirror image swaps; empty if the data set declares none."""
    pairs = (prepare(name, data_dir, manual_dir).info.metadata or {}).get("flip_pairs")
    return [] if pairs is None else list(pairs)
