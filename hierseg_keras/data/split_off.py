"""A part of a split kept back from training."""

from hierseg_keras.data.argument_checks import check_arguments
from hierseg_keras.data.record_files import file_instructions


def split_off(builder, split, share):
    """Cuts a share of a split's images off its end.

    TFDS shuffled the images when it prepared the data set, so that the end is as good as a random sample.

    Args:
        builder: Prepared `tfds.core.DatasetBuilder`, as `data.prepare` gives it.
        split: TFDS split, such as `"train"` or `"train[:25%]+validation"`.
        share: Number between 0 and 1.

    Returns:
        A pair of TFDS splits, `(rest, part)`, together the split.

    Raises:
        ValueError: If there is no such split, `share` is not between 0 and 1, or either part would have no image.

    Example:

    >>> hs.data.split_off(hs.data.prepare("street_blocks"), "train", 0.1)
    ('train[0:360]', 'train[360:400]')
    """
    import tensorflow_datasets as tfds

    check_arguments("split_off", share=share)
    # Raises where there is no such split.
    file_instructions(builder, split)
    absolute = tfds.core.ReadInstruction.from_spec(split).to_absolute(builder.info.splits)
    sizes = builder.info.splits
    pieces = [(part.splitname, part.from_ or 0, part.to or sizes[part.splitname].num_examples) for part in absolute]
    counts = [stop - start for _, start, stop in pieces]
    cut = sum(counts) - round(sum(counts) * share)
    if not 0 < cut < sum(counts):
        raise ValueError(
            f"`split_off` expects a split of which a share can be cut off. Received: {sum(counts)} images in "
            f"split={split!r}, and share={share}."
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
