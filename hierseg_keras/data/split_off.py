"""A part of a split kept back from training."""


def split_off(builder, split, share):
    """Cuts a share of a split's images off its end.

    TFDS has shuffled a data set's images when it prepared it, so that the end is as good as a draw.

    Args:
        builder: Prepared `tfds.core.DatasetBuilder`, as `data.prepare` gives it.
        split: TFDS split, such as `"train"` or `"train[:25%]+validation"`.
        share: Number between 0 and 1.

    Returns:
        A pair of TFDS splits, `(rest, part)`, together the split.

    Raises:
        ValueError: If there is no such split, or either would have no image.

    Example:

    >>> hs.data.split_off(hs.data.prepare("street_blocks"), "train", 0.1)
    ('train[0:360]', 'train[360:400]')
    """
    import tensorflow_datasets as tfds

    try:
        absolute = tfds.core.ReadInstruction.from_spec(split).to_absolute(builder.info.splits)
    except (ValueError, AssertionError) as error:
        raise ValueError(
            f"expected a split of {builder.info.full_name}: {sorted(builder.info.splits)}. Received: split={split!r}. "
            f"{error}"
        ) from None
    sizes = builder.info.splits
    pieces = [(own.splitname, own.from_ or 0, own.to or sizes[own.splitname].num_examples) for own in absolute]
    counts = [stop - start for _, start, stop in pieces]
    cut = sum(counts) - round(sum(counts) * share)
    if not 0 < cut < sum(counts):
        raise ValueError(
            f"expected a split that a share can be cut off. Received: {sum(counts)} images in split={split!r}, and "
            f"share={share}."
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
