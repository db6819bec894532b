"""What is counted over a data set to find the clusters of each stage."""

import numpy as np


def count_confusions(batches, num_leaves):
    """Counts labels by predictions of each stage.

    Args:
        batches: Iterable of pairs: labels, `(B, H, W)` integers; and a dict from each stage to the leaves that it
            predicts, of the same shape.
        num_leaves: Number of classes. Only pixels labeled with one of them are counted.

    Returns:
        Dict from each stage to counts of labels by predictions, `(L, L)` int64.
    """
    counts = {}
    for label, predictions in batches:
        is_leaf = (label >= 0) & (label < num_leaves)
        for stage, predicted in predictions.items():
            cells = label[is_leaf] * num_leaves + predicted[is_leaf]
            batch = np.bincount(cells, minlength=num_leaves**2).reshape(num_leaves, num_leaves)
            counts[stage] = counts.get(stage, 0) + batch
    return counts


def mean_embeddings(batches, num_leaves):
    """Computes the mean of each class's features at each stage.

    The features of a labeled pixel are those of the pixel of the smaller map that it lies in.

    Args:
        batches: Iterable of pairs: labels, `(B, H, W)` integers; and a dict from each stage to features,
            `(B, h, w, C)`.
        num_leaves: Number of classes.

    Returns:
        Dict from each stage to `(L, C)` float64; NaN for a class without a pixel.
    """
    sums, pixels = {}, np.zeros((num_leaves, 1))
    for label, features in batches:
        for stage, x in features.items():
            shares = _leaf_counts(label, x.shape[1:3], num_leaves)
            sums[stage] = sums.get(stage, 0) + shares.T @ x.reshape(-1, x.shape[-1])
        pixels += np.bincount(label[(label >= 0) & (label < num_leaves)], minlength=num_leaves)[:, None]
    with np.errstate(invalid="ignore"):
        return {stage: total / pixels for stage, total in sums.items()}


def _leaf_counts(label, size, num_leaves):
    """How many pixels of each leaf lie in each pixel of a smaller map, `(B * h * w, L)`."""
    batch, rows, columns = np.indices(label.shape, sparse=True)
    height, width = size
    cell = (batch * height + rows * height // label.shape[1]) * width + columns * width // label.shape[2]
    is_leaf = (label >= 0) & (label < num_leaves)
    counts = np.zeros((len(label) * height * width, num_leaves))
    np.add.at(counts, (cell[is_leaf], label[is_leaf]), 1)
    return counts
