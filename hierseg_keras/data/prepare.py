"""Prepares TFDS data sets."""

import contextlib
import io
import os
import pathlib
import sys
import typing

from hierseg_keras.data.data_set_name import is_builder
from hierseg_keras.data.find_builder import find_builder

if typing.TYPE_CHECKING:
    import tensorflow_datasets as tfds


def prepare(
    name: "str | tfds.core.DatasetBuilder",
    data_dir: str | os.PathLike | None = None,
    manual_dir: str | os.PathLike | None = None,
    skip_bad: bool = False,
) -> "tfds.core.DatasetBuilder":
    """Prepares a TFDS data set, if it is not prepared yet, and returns its builder.

    Args:
        name: String, name of a TFDS data set, or of a data set of `tfds_builders`. A config follows a
            slash, as in `"camvid_tree/groups"`. Or a builder, which has its own `data_dir` and `skip_bad`.
        data_dir: Path of the folder with prepared data sets. Defaults to that of TFDS,
            `~/tensorflow_datasets`.
        manual_dir: Path of the folder with files that you downloaded yourself, for a data set that
            TFDS cannot download. Needed only until the data set is prepared.
        skip_bad: Boolean, whether to omit and list files that cannot be used instead of raising an
            error. Only the data sets of `tfds_builders` support it. Defaults to `False`.

    Returns:
        Prepared `tfds.core.DatasetBuilder`. `ClassTree.from_tfds(builder.info)` returns its tree.

    Raises:
        TypeError: If `name` is not a string.
        ValueError: If there is no such data set; `manual_dir` is not a folder, or is required and
            missing or empty; `skip_bad` is true and the data set does not support it, or is a builder; or a file that
            describes the prepared data set is damaged or missing.

    Example:

    >>> builder = hs.data.prepare("street_blocks")
    >>> hs.ClassTree.from_tfds(builder.info) == hs.ClassTree.load("street_blocks")
    True
    """
    import tensorflow_datasets as tfds

    if manual_dir is not None and not pathlib.Path(manual_dir).is_dir():
        raise ValueError(f"`manual_dir` expects an existing folder. Received: manual_dir={str(manual_dir)!r}.")
    if is_builder(name) and skip_bad:
        raise ValueError("`skip_bad` expects the name of a data set. Received: a builder. Pass it to the builder.")
    builder = name if is_builder(name) else find_builder(name, data_dir, skip_bad)
    download_config = tfds.download.DownloadConfig(manual_dir=manual_dir and str(manual_dir))
    # TFDS prints the folder of the data set. Like its progress bars, this is useful in a terminal only. Python has no
    # stderr if the caller closed it.
    waiting = sys.stderr if sys.stderr is not None and sys.stderr.isatty() else io.StringIO()
    try:
        with contextlib.redirect_stdout(waiting):
            builder.download_and_prepare(download_config=download_config)
    except AssertionError:
        # TFDS raises this if the folder does not exist or is empty.
        if not builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
            raise
        instructions = " ".join(builder.MANUAL_DOWNLOAD_INSTRUCTIONS.split())
        raise ValueError(
            f"`manual_dir` expects the folder with the files of {builder.name}, which you have to download yourself. "
            f"Received: manual_dir={manual_dir and str(manual_dir)!r}, without files. On the "
            f"command line, `hierseg data {builder.name} --prepare --manual-dir FOLDER` prepares it. {instructions}"
        ) from None
    if not builder.info.splits:
        raise ValueError(
            f"expected a prepared data set with splits in `dataset_info.json`. Received: {builder.data_path}, without "
            "splits. Delete the folder and prepare the data set again."
        )
    return builder


def flip_pairs(name: str, data_dir: str | os.PathLike | None = None) -> list:
    """Returns the pairs of classes that a horizontal flip swaps. The data set need not be prepared.

    Args:
        name, data_dir: As in `prepare`.

    Returns:
        List of pairs of class paths, empty if the data set declares none.
    """
    pairs = (find_builder(name, data_dir).info.metadata or {}).get("flip_pairs")
    return [] if pairs is None else list(pairs)
