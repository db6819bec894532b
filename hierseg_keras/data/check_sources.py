"""Checks the arguments of `data.load` that have one value per data set."""


def check_sources(names, splits, batch_size, by_name, weights, batch_shares, label_levels):
    """Checks that there is one value per data set, and that the values do not contradict each other.

    Args:
        names: List of strings, the data sets.
        splits: List of strings.
        by_name: Dict from the name of an argument to its value, a dict with data sets' names as keys, or `None`.
        batch_size, weights, batch_shares, label_levels: As in `data.load`. Their types have been checked.

    Raises:
        ValueError: If a value is missing or contradicts another one.
    """
    if not names or len(splits) != len(names):
        raise ValueError(
            f"`data.load` expects one `split`, or one per data set. Received: {len(splits)} for {len(names)} data sets."
        )
    by_source = {"weight": ("weights", weights), "batch share": ("batch_shares", batch_shares)}
    if hasattr(label_levels, "__len__"):
        by_source["label level"] = ("label_levels", label_levels)
    for what, (argument, values) in by_source.items():
        if values is not None and len(values) != len(names):
            raise ValueError(
                f"`data.load` expects one {what} per data set ({len(names)}). Received: {argument}={values}."
            )
    _check_shares(batch_shares, batch_size, weights)
    for argument, values in by_name.items():
        unknown = [key for key in values or () if key not in names]
        if unknown:
            raise ValueError(f"`{argument}` expects a dict with keys among {names}. Received: {unknown}.")


def _check_shares(batch_shares, batch_size, weights):
    if batch_shares is None:
        return
    if weights is not None:
        raise ValueError(
            "`data.load` expects `weights` or `batch_shares`, because either one determines how often each data set "
            f"is drawn from. Received: weights={weights}, batch_shares={batch_shares}. Omit one of them."
        )
    if sum(batch_shares) != batch_size:
        raise ValueError(
            f"`data.load` expects `batch_shares` whose sum is `batch_size` ({batch_size}). Received: "
            f"batch_shares={batch_shares}, whose sum is {sum(batch_shares)}."
        )


def levels_of(label_levels, count, tree):
    """Returns the list of label levels, one per data set.

    Raises:
        ValueError: If the tree does not have so many levels.
    """
    levels = [int(level) for level in label_levels] if hasattr(label_levels, "__len__") else [int(label_levels)] * count
    if max(levels) > tree.num_levels:
        raise ValueError(
            f"`data.load` expects `label_levels` between 1, the finest level, and {tree.num_levels}, the coarsest "
            f"level of the tree. Received: label_levels={label_levels}."
        )
    return levels
