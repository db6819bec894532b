"""Finds a TFDS data set and prepares it where it is not."""

import pathlib


def prepare(name, data_dir=None, manual_dir=None):
    """Prepares a TFDS data set once, and returns its builder.

    Args:
        name: Name of a TFDS data set, with its config where it has several, such as
            `"street_blocks"` or `"camvid_tree/groups"`. Those of `tfds_builders` are found too.
        data_dir: Folder that holds prepared data sets. Defaults to TFDS's own,
            `~/tensorflow_datasets`.
        manual_dir: Folder with the files that you obtained yourself, for a data set that cannot
            be downloaded; needed only while it is being prepared.

    Returns:
        Prepared `tfds.core.DatasetBuilder`; `ClassTree.from_tfds(builder.info)` is its tree.

    Raises:
        ValueError: If there is no such data set, or `manual_dir` is no folder.

    Example:

    >>> builder = hs.data.prepare("street_blocks")
    >>> hs.ClassTree.from_tfds(builder.info) == hs.ClassTree.load("street_blocks")
    True
    """
    import tensorflow_datasets as tfds

    import tfds_builders  # noqa: F401  Importing registers its data sets with TFDS.

    if manual_dir is not None and not pathlib.Path(manual_dir).is_dir():
        raise ValueError(f"`manual_dir` expects an existing folder. Received: manual_dir={str(manual_dir)!r}.")
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError as error:
        raise ValueError(f"expected the name of a TFDS data set. Received: name={name!r}. {error}") from None
    download_config = tfds.download.DownloadConfig(manual_dir=manual_dir and str(manual_dir))
    builder.download_and_prepare(download_config=download_config)
    return builder


def flip_pairs(name, data_dir=None, manual_dir=None):
    """The pairs of nodes that change places in a mirror image of a data set, a list; empty where it declares none."""
    pairs = (prepare(name, data_dir, manual_dir).info.metadata or {}).get("flip_pairs")
    return [] if pairs is None else list(pairs)
