"""Statistics over a data set from which the clusters of each stage are derived."""

import numpy as np


def count_confusions(batches, num_leaves):
    """Computes the confusion matrix of each stage.

    Args:
        batches: Iterable of pairs `(labels, predictions)`: labels are `(B, H, W)` integers, and
            predictions are a dict from each stage to its predicted leaves, of the same shape.
        num_leaves: Number of leaves. Only pixels labeled with a leaf are counted.

    Returns:
        Dict from each stage to its confusion matrix, `(L, L)` int64: labels in rows, predictions in columns.
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
    """Computes the mean features of each leaf at each stage.

    Feature maps may be smaller than label maps. Each labeled pixel takes the features of the cell
    of the feature map that covers it.

    Args:
        batches: Iterable of pairs `(labels, features)`: labels are `(B, H, W)` integers, and
            features are a dict from each stage to a feature map, `(B, h, w, C)`.
        num_leaves: Number of leaves.

    Returns:
        Dict from each stage to the mean features, `(L, C)` float64. Rows of leaves without a pixel are NaN.
    """
    sums, pixels = {}, np.zeros((num_leaves, 1))
    for label, features in batches:
        for stage, x in features.items():
            counts = _leaf_counts(label, x.shape[1:3], num_leaves)
            sums[stage] = sums.get(stage, 0) + counts.T @ x.reshape(-1, x.shape[-1])
        pixels += np.bincount(label[(label >= 0) & (label < num_leaves)], minlength=num_leaves)[:, None]
    with np.errstate(invalid="ignore"):
        return {stage: total / pixels for stage, total in sums.items()}


def mean_regions(batches, num_leaves):
    """Computes the mean region representation of each leaf at each stage, over the images in which it is labeled.

    Args:
        batches: Iterable of pairs `(labels, regions)`: labels are `(B, H, W)` integers, and regions are a dict from
            each stage to the representations of all leaves, `(B, 1, L, C)`.
        num_leaves: Number of leaves.

    Returns:
        As from `mean_embeddings`.
    """
    sums, images = {}, np.zeros((num_leaves, 1))
    for label, regions in batches:
        is_there = np.stack([np.isin(np.arange(num_leaves), image) for image in label])[..., None]
        for stage, x in regions.items():
            sums[stage] = sums.get(stage, 0) + np.where(is_there, x[:, 0].astype("float64"), 0).sum(axis=0)
        images += is_there.sum(axis=0)
    with np.errstate(invalid="ignore"):
        return {stage: total / images for stage, total in sums.items()}


def _leaf_counts(label, size, num_leaves):
    """Counts the pixels of each leaf in each cell of a smaller map of `size` (h, w), `(B * h * w, L)`."""
    batch, rows, columns = np.indices(label.shape, sparse=True)
    height, width = size
    cell = (batch * height + rows * height // label.shape[1]) * width + columns * width // label.shape[2]
    is_leaf = (label >= 0) & (label < num_leaves)
    counts = np.zeros((len(label) * height * width, num_leaves))
    np.add.at(counts, (cell[is_leaf], label[is_leaf]), 1)
    return counts
