"""Finds a TFDS data set and prepares it where it is not."""

import pathlib


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
        ValueError: If there is no such data set, `manual_dir` is no folder, or the data set does
            not know `skip_bad`.

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
    builder.download_and_prepare(download_config=download_config)
    return builder


def find_builder(name, data_dir=None, skip_bad=False):
    """The builder of a data set, prepared or not; arguments and errors as in `prepare`."""
    import tensorflow_datasets as tfds

    import tfds_builders  # noqa: F401  Importing registers its data sets with TFDS.

    try:
        # Only asked for where it is wanted: most builders do not know it.
        return tfds.builder(name, data_dir=data_dir, **({"skip_bad": True} if skip_bad else {}))
    except tfds.core.DatasetNotFoundError as error:
        raise ValueError(f"expected the name of a TFDS data set. Received: name={name!r}. {error}") from None
    except TypeError as error:
        if "skip_bad" not in str(error):
            raise
        raise ValueError(f"`skip_bad` expects a data set of `tfds_builders`. Received: name={name!r}.") from None


def flip_pairs(name, data_dir=None, manual_dir=None):
    """The pairs of nodes that change places in a mirror image of a data set, a list; empty where it declares none."""
    pairs = (prepare(name, data_dir, manual_dir).info.metadata or {}).get("flip_pairs")
    return [] if pairs is None else list(pairs)
