"""A loss on regions of pixels: their mutual information with the labels (Zhao et al., NeurIPS 2019)."""

from typing import Literal

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from hierseg_keras.arguments.exact_integer import is_count
from hierseg_keras.losses.tree_loss import (
    check_dtype,
    check_from_logits,
    check_normalization,
    mean_factor,
    precision_of,
    read_labels,
)
from hierseg_keras.losses.weights import check_not_negative
from hierseg_keras.tree import ClassTree, as_class_tree, check_ignore_class
from hierseg_keras.tree.labels import CODES, IGNORED, OUTSIDE, is_read, pixel_weights, without_weightless
from hierseg_keras.tree.scores import Scores
from hierseg_keras.tree.tensor import Tensor


def region_mutual_information(
    tree: ClassTree | str,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    scores: str = "nodes",
    radius: int = 3,
    pool_size: int = 4,
    regularization: float = 1e-6,
    from_logits: bool = True,
    ignore_class: int = 255,
) -> Tensor:
    """Computes the negative region mutual information of each image; see `RegionMutualInformation`.

    Formula, with the `d = radius^2` values of each region in the labels, `Y`, and in the probabilities, `P`:

        loss = sum over channels of log det(M) / (2 d)
        M    = cov(Y, Y) - cov(Y, P) (cov(P, P) + a I)^-1 cov(P, Y) + a I,    a = regularization

    Args:
        tree: `ClassTree`, or its text.
        y_true: Integer node labels, `(B, H, W)` or `(B, H, W, 1)`, in `[0, V)` or `ignore_class`.
        y_pred: Float logits, `(B, H, W, V)` or `(B, H, W, L)`; or probabilities, with `from_logits=False`.
        scores, radius, pool_size, regularization, from_logits, ignore_class: As in `RegionMutualInformation`.

    Returns:
        Float loss per image, `(B,)`: float64 if `y_pred` is float64, otherwise float32. 0 if no region of the image is
        labeled, and NaN as in `RegionMutualInformation`.

    Raises:
        ValueError: As in `RegionMutualInformation`.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> labels = np.arange(16 * 16).reshape(1, 16, 16) // 37 % 3
    >>> right = 20.0 * tree.ancestor_matrix[:, labels].transpose(1, 2, 3, 0) - 10
    >>> losses = [hs.losses.region_mutual_information(tree, labels, x) for x in (right, 0 * right)]
    >>> bool(losses[0] < losses[1])
    True
    """
    tree, owner = as_class_tree(tree), "region_mutual_information"
    _check_options(owner, scores, radius, pool_size, regularization)
    y_pred = ops.convert_to_tensor(y_pred)
    codes = read_labels(owner, tree, scores, y_true, y_pred, from_logits, ignore_class)
    return _image_losses(owner, Scores(tree, scores, from_logits), codes, y_pred, radius, pool_size, regularization)


def _check_options(owner, scores, radius, pool_size, regularization):
    if scores not in ("nodes", "leaves"):
        raise ValueError(f'`{owner}` expects `scores` to be "nodes" or "leaves". Received: scores={scores!r}.')
    for argument, value in (("radius", radius), ("pool_size", pool_size)):
        if not is_count(value):
            raise ValueError(f"`{owner}` expects an integer `{argument}` >= 1. Received: {argument}={value!r}.")
    if not check_not_negative(owner, "regularization", regularization):
        raise ValueError(f"`{owner}` expects regularization > 0. Received: regularization={regularization!r}.")


def _image_losses(owner, scores, codes, y_pred, radius, pool_size, regularization):
    """Computes the loss of each image, `(B,)`, from label codes, `(B, H, W)`, and scores, `(B, H, W, C)`."""
    least = radius * pool_size
    if any(length is not None and length < least for length in y_pred.shape[1:3]):
        raise ValueError(
            f"`{owner}` expects images of at least {least} x {least} pixels, a region of radius={radius} after pooling "
            f"by pool_size={pool_size}. Received: y_pred.shape={tuple(y_pred.shape)}."
        )
    dtype = precision_of(y_pred)
    targets, is_known = (ops.cast(table, dtype) for table in _of_labels(scores, codes))
    # Scores that do not contribute are replaced before the activation, so that a NaN among them has no gradient. A
    # softmax needs all scores of a labeled pixel.
    is_needed = is_known > 0 if scores.kind == "nodes" else (codes != IGNORED)[..., None]
    y_pred = ops.where(is_needed, ops.cast(y_pred, dtype), 0.0)
    probabilities = scores.probabilities(y_pred)
    # The solvers of TensorFlow raise an error for a matrix with a NaN.
    is_finite = ops.isfinite(probabilities)
    probabilities = ops.where(is_finite, probabilities, 0.0)
    known = _pooled(is_known, pool_size)
    targets, probabilities = (
        ops.divide_no_nan(_pooled(values * is_known, pool_size), known) for values in (targets, probabilities)
    )
    is_complete = _are_complete(known, radius)
    counts = ops.cast(is_complete, dtype)
    values = _log_determinants(_regions(targets, radius), _regions(probabilities, radius), counts, regularization)
    losses = ops.sum(ops.where(ops.any(is_complete, axis=-1), values, 0.0), axis=-1) / (2 * radius**2)
    is_wrong = ops.logical_or(ops.any(codes == OUTSIDE, axis=(1, 2)), ops.logical_not(ops.all(is_finite, (1, 2, 3))))
    return ops.where(ops.logical_or(is_wrong, _are_too_small(codes, least)), float("nan"), losses)


def _have_regions(scores, codes, radius, pool_size):
    """Returns whether an image counts in a mean, because a region of it is known, or because its loss is NaN.

    Returns:
        Bool tensor, `(B,)`.
    """
    _, is_known = _of_labels(scores, codes)
    known = _pooled(ops.cast(is_known, "float32"), pool_size)
    has_region = ops.any(_are_complete(known, radius), axis=(1, 2))
    return ops.logical_or(has_region, _are_too_small(codes, radius * pool_size))


def _are_too_small(codes, least):
    """Returns whether the images are smaller than one region. Their size may be unknown until a graph runs."""
    height, width = (ops.shape(codes)[axis] for axis in (1, 2))
    return ops.logical_or(height < least, width < least)


def _are_complete(known, radius):
    """Returns whether all cells of each region have a known label: bool, `(B, C, N)`."""
    return ops.all(_regions(known, radius) > 0, axis=-1)


def _of_labels(scores, codes):
    """Returns two bool tensors, `(B, H, W, C)`: whether each channel contains the label, and whether this is known."""
    ancestors = scores.tree.ancestor_matrix
    below = ancestors & ~np.eye(len(ancestors), dtype=bool)
    label, num_channels = ops.maximum(codes, 0), scores.num_channels
    contains = ops.take(ancestors.T[:, :num_channels], label, axis=0)
    is_unknown = ops.take(below[:, :num_channels], label, axis=0)
    return contains, ops.logical_and(codes[..., None] != IGNORED, ops.logical_not(is_unknown))


def _pooled(values, size):
    """Averages cells of `size x size` pixels of `(B, H, W, C)`. An incomplete cell at the end is dropped."""
    if size == 1:
        return values
    return ops.average_pool(values, size, strides=size, padding="valid", data_format="channels_last")


def _regions(values, radius):
    """Returns the `d = radius^2` values of each region of `(B, H, W, C)`, as `(B, C, N, d)`."""
    height, width = (ops.shape(values)[axis] - radius + 1 for axis in (1, 2))
    values = ops.transpose(values, (0, 3, 1, 2))
    shifted = [values[:, :, i : i + height, j : j + width] for i in range(radius) for j in range(radius)]
    return ops.reshape(ops.stack(shifted, axis=-1), (*ops.shape(values)[:2], -1, radius**2))


def _log_determinants(targets, probabilities, counts, regularization):
    """Computes `log det(M)` per image and channel.

    `M` is computed as `E[e e^T] + a B B^T + a I` with the residuals `e = y - B p` of the ridge regression
    `B = cov(Y, P) (cov(P, P) + a I)^-1`. This equals the formula above, but is a sum of positive matrices, so that
    float32 suffices. `B` minimizes the determinant, which therefore has no gradient with respect to `B`.

    Args:
        targets, probabilities: Float tensors, `(B, C, N, d)`.
        counts: Float tensor, `(B, C, N)`, 1 for regions whose labels are known, and 0 for others.
        regularization: Float `a`.

    Returns:
        Float tensor, `(B, C)`.
    """
    identity = np.eye(targets.shape[-1])
    number = ops.maximum(ops.sum(counts, axis=-1), 1)[..., None, None]
    targets, probabilities = (_centered(values, counts, number) for values in (targets, probabilities))

    fixed = ops.stop_gradient(probabilities)
    covariance = _exact(_product(fixed, fixed) / number)
    ridge = (regularization + _rounding(covariance)) * ops.cast(identity, covariance.dtype)
    solution = ops.solve(covariance + ridge, _exact(_product(fixed, targets) / number))
    solution = ops.stop_gradient(solution)

    residuals = targets - ops.matmul(probabilities, ops.cast(solution, targets.dtype))
    covariance = _exact(_product(residuals, residuals) / number)
    covariance = covariance + regularization * ops.matmul(ops.swapaxes(solution, -1, -2), solution)
    ridge = (regularization + _rounding(covariance)) * ops.cast(identity, covariance.dtype)
    diagonal = ops.diagonal(ops.cholesky(covariance + ridge), axis1=-2, axis2=-1)
    return ops.cast(2 * ops.sum(ops.log(diagonal), axis=-1), targets.dtype)


def _centered(values, counts, number):
    counts = counts[..., None]
    mean = ops.sum(values * counts, axis=-2, keepdims=True) / number
    return (values - mean) * counts


def _product(x, y):
    return ops.matmul(ops.swapaxes(x, -1, -2), y)


def _exact(matrices):
    """Casts small matrices to the most exact dtype of the backend. JAX has float64 only if it is switched on."""
    return ops.cast(matrices, "float64") if keras.backend.backend() == "tensorflow" else matrices


def _rounding(matrices):
    """Returns a bound of the rounding errors of the eigenvalues of covariances, `(B, C, 1, 1)`."""
    epsilon = np.finfo(keras.backend.standardize_dtype(matrices.dtype)).eps
    trace = ops.sum(ops.diagonal(matrices, axis1=-2, axis2=-1), axis=-1)
    return ops.stop_gradient(4 * float(epsilon) * trace[..., None, None])


@keras.saving.register_keras_serializable("hierseg_keras")
class RegionMutualInformation(keras.losses.Loss):
    """Computes the negative mutual information of labels and probabilities on regions of pixels (RMI).

    Losses per pixel ignore that neighboring pixels depend on each other. This loss is added to such a loss, with
    `WeightedSum`; the code released with HSSN does so for human parsing. Labels and probabilities are averaged over
    cells of `pool_size x pool_size` pixels. Each square of `radius x radius` cells is then a point with
    `d = radius^2` coordinates, in the labels (`Y`) and in the probabilities (`P`). Formula, with covariances over the
    points of an image:

        loss = sum over channels of log det(M) / (2 d)
        M    = cov(Y, Y) - cov(Y, P) (cov(P, P) + a I)^-1 cov(P, Y) + a I,    a = regularization

    `-log det(M) / 2` is a lower bound of the mutual information of `Y` and `P`, up to a constant. The loss is
    therefore negative for good predictions: at best `log(a) / 2` per channel, also for a class that is absent. The
    determinants are computed in float64 on TensorFlow, and on JAX in the precision of the scores.

    With node scores, `Y` is 1 for the label and its ancestors, and `P` is the sigmoid of the scores. With leaf scores,
    `Y` is the one-hot label, and `P` is the softmax. Pixels labeled `ignore_class` contribute neither to the loss nor
    to its gradient: a cell is averaged over its labeled pixels, and a region is excluded if one of its cells has no
    labeled pixel. Nodes below an internal label are unknown, and treated in the same way. The loss is 0 for a channel
    that has no region in an image, and for an image without regions.

    Args:
        tree: `ClassTree`, or its text.
        scores: `"nodes"` (the default) for node scores, or `"leaves"` for leaf scores.
        radius: Height and width of a region in cells. Defaults to 3, as in the paper.
        pool_size: Height and width of a cell in pixels. Defaults to 4. 1 means no pooling.
        regularization: Number that is added to the diagonals, above 0. Defaults to 1e-6.
        from_logits: Whether `y_pred` contains logits (the default) or probabilities.
        ignore_class: Integer label of unlabeled pixels, outside `[0, V)`; may be negative. Defaults to 255.
        normalization: Denominator of a mean under `tf.distribute`: `"replica"` (the default) divides by the images
            with labeled regions of each replica, and `"global"` by those of all replicas.
        reduction, name, dtype: As in `keras.losses.Loss`.

    Call arguments:
        y_true: Integer node labels, `(B, H, W)` or `(B, H, W, 1)`, in `[0, V)` or `ignore_class`.
        y_pred: Float scores, `(B, H, W, V)` or `(B, H, W, L)`.
        sample_weight: Optional, `(B,)`, one weight per image, or `(B, H, W)`, one per pixel. The loss of an image is
            multiplied by the mean weight of its labeled pixels. Pixels with weight 0 count in this mean, but are
            otherwise treated as unlabeled.

    Returns:
        Float loss per image, `(B,)`, from `call()`. Calling the object reduces it, by default to the mean over images
        with labeled regions. 0 if there is none. NaN if a label is neither a node nor `ignore_class`, if a score that
        contributes is not finite, or if an image whose size is unknown in the graph is smaller than one region.

    Raises:
        ValueError: If `scores` or `normalization` is unknown, `radius` or `pool_size` is not a positive integer, or
            `regularization` is not positive; if `y_pred` does not have one channel per node or leaf, or is smaller
            than one region; or as in `FocalTreeMin`.

    Example:

    >>> tree = hs.ClassTree.load("pascal_person_part")
    >>> region = hs.losses.RegionMutualInformation(tree)
    >>> loss = hs.losses.WeightedSum([hs.losses.FocalTreeMin(tree), region], weights=[1, 0.5])
    >>> loss.scores
    'nodes'

    Reference:
        [Zhao et al., Region Mutual Information Loss for Semantic Segmentation, NeurIPS 2019](
        https://arxiv.org/abs/1910.12037). The paper leaves ignored pixels open; here they are left out, while its
        code sets them to 0 in labels and probabilities. The code omits the division of the covariances by the number
        of points, which shifts the loss by a constant, and adds 5e-4 to the diagonals.
    """

    def __init__(
        self,
        tree: ClassTree | str,
        scores: Literal["nodes", "leaves"] = "nodes",
        radius: int = 3,
        pool_size: int = 4,
        regularization: float = 1e-6,
        from_logits: bool = True,
        ignore_class: int = 255,
        normalization: Literal["replica", "global"] = "replica",
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "region_mutual_information",
        dtype: str | None = None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        check_dtype(self)
        owner = type(self).__name__
        _check_options(owner, scores, radius, pool_size, regularization)
        self.tree = as_class_tree(tree)
        self.scores = scores
        self.radius, self.pool_size = int(radius), int(pool_size)
        self.regularization = float(regularization)
        self.from_logits = check_from_logits(owner, from_logits)
        self.ignore_class = check_ignore_class(owner, self.tree, ignore_class)
        self.normalization = check_normalization(owner, normalization, reduction)

    def __call__(self, y_true, y_pred, sample_weight=None):
        y_pred = ops.convert_to_tensor(y_pred)
        codes = self._codes(y_true, y_pred)
        scores = Scores(self.tree, self.scores, self.from_logits)
        counts = weights = ops.cast(_have_regions(scores, codes, self.radius, self.pool_size), self.dtype)
        if sample_weight is not None:
            of_pixels = pixel_weights(type(self).__name__, sample_weight, codes, self.dtype)
            is_labeled = ops.cast(codes != IGNORED, self.dtype)
            of_image = ops.sum(of_pixels * is_labeled, axis=(1, 2))
            weights = counts * ops.divide_no_nan(of_image, ops.sum(is_labeled, axis=(1, 2)))
            codes = without_weightless(codes, of_pixels)
        if self.reduction in ("sum_over_batch_size", "mean"):
            weights = weights * mean_factor(counts, self.normalization)
        # Keras casts the codes to the loss's dtype, which holds them.
        return super().__call__({CODES: codes}, ops.cast(y_pred, self.dtype), weights)

    def call(self, y_true, y_pred):
        codes, scores = self._codes(y_true, y_pred), Scores(self.tree, self.scores, self.from_logits)
        options = (self.radius, self.pool_size, self.regularization)
        return _image_losses(type(self).__name__, scores, codes, ops.cast(y_pred, self.dtype), *options)

    def _codes(self, y_true, y_pred):
        if is_read(y_true):
            return ops.cast(y_true[CODES], "int32")
        options = (y_true, ops.convert_to_tensor(y_pred), self.from_logits, self.ignore_class)
        return read_labels(type(self).__name__, self.tree, self.scores, *options)

    def get_config(self):
        return {
            **super().get_config(),
            "tree": self.tree.to_text(),
            "scores": self.scores,
            "radius": self.radius,
            "pool_size": self.pool_size,
            "regularization": self.regularization,
            "from_logits": self.from_logits,
            "ignore_class": self.ignore_class,
            "normalization": self.normalization,
            "dtype": self.dtype,
        }
