"""Divides a split into two parts."""

import typing

from hierseg_keras.data.argument_checks import check_arguments
from hierseg_keras.data.record_files import file_instructions

if typing.TYPE_CHECKING:
    import tensorflow_datasets as tfds


def split_off(builder: "tfds.core.DatasetBuilder", split: str, share: float) -> tuple[str, str]:
    """Splits off a share of a split's images, to be held out from training for example.

    The images are the last ones of the split. TFDS shuffles images when it prepares a data set, so this is a random
    sample. Examples of `from_arrays` and `from_dataset` stay in their order: shuffle them first.

    Args:
        builder: Prepared `tfds.core.DatasetBuilder`, as returned by `data.prepare`.
        split: String, TFDS split, such as `"train"` or `"train[:25%]+validation"`.
        share: Float between 0 and 1, both excluded.

    Returns:
        A pair of TFDS splits `(rest, part)`. `part` has the given share of the images, `rest` has the others.

    Raises:
        ValueError: If there is no such split, `share` is not between 0 and 1, or one part would have no images.

    Example:

    >>> hs.data.split_off(hs.data.prepare("street_blocks"), "train", 0.1)
    ('train[0:360]', 'train[360:400]')
    """
    import tensorflow_datasets as tfds

    check_arguments("split_off", share=share)
    # Raises if there is no such split.
    file_instructions(builder, split)
    absolute = tfds.core.ReadInstruction.from_spec(split).to_absolute(builder.info.splits)
    sizes = builder.info.splits
    pieces = [
        (part.splitname, part.from_ or 0, sizes[part.splitname].num_examples if part.to is None else part.to)
        for part in absolute
    ]
    counts = [stop - start for _, start, stop in pieces]
    cut = sum(counts) - round(sum(counts) * share)
    if not 0 < cut < sum(counts):
        raise ValueError(
            f"`split_off` expects at least one image in each part. Received: share={share} of {sum(counts)} images in "
            f"split={split!r}. Pass a larger split or another share."
        )
    rest, part = [], []
    for (name, start, stop), count in zip(pieces, counts):
        middle = start + min(max(cut, 0), count)
        cut -= count
        rest += _slices(name, start, middle)
        part += _slices(name, middle, stop)
    return "+".join(rest), "+".join(part)


def _slices(name, start, stop):
    return [f"{name}[{start}:{stop}]"] if start < stop else []
