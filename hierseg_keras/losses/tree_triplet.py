"""A triplet loss of pixel embeddings with margins from a class tree (HSSN, eq. 7 and 8)."""

from collections.abc import Callable
from typing import Literal

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from hierseg_keras.arguments.exact_integer import is_count
from hierseg_keras.arguments.renamed_arguments import with_new_names
from hierseg_keras.distribution.replicas import random_uniform
from hierseg_keras.losses.tree_loss import check_dtype, precision_of
from hierseg_keras.losses.weights import check_not_negative
from hierseg_keras.tree import ClassTree, as_class_tree, check_ignore_class
from hierseg_keras.tree.labels import OUTSIDE, is_read, label_codes, pixel_weights, without_weightless
from hierseg_keras.tree.tensor import Tensor

DISTANCES = ("cosine", "euclidean")
POSITIVES = ("tree", "class")
# Number of random draws per call: one per class of the triplet, and one for the three pixels.
_DRAWS = 4
_GAP, _WEIGHT = "gap", "weight"


def tree_triplet(
    tree: ClassTree | str,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    seed_generator: keras.random.SeedGenerator,
    num_triplets: int = 200,
    positives: str = "tree",
    margin: str | float = "tree",
    tolerance: float = 0.1,
    margin_scale: float = 0.5,
    distance: str = "cosine",
    ignore_class: int = 255,
    projection: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Draws triplets of pixels, and computes their tree-triplet loss; see `TreeTriplet`.

    Formula, with `psi` the distance of two leaves in a balanced tree of height `D` (`ClassTree.distance`):

        loss   = max(<i, i+> - <i, i-> + m, 0)
        m      = tolerance + margin_scale * (psi(i, i-) - psi(i, i+)) / (2 D)
        <x, y> = (1 - cos(x, y)) / 2

    Args:
        tree: `ClassTree`, or its text.
        y_true: Integer node labels, `(B, H, W)` or `(B, H, W, 1)`, in `[0, V)` or `ignore_class`.
        y_pred: Float embeddings, `(B, h, w, C)`, of any size.
        seed_generator: `keras.random.SeedGenerator`. Each call advances its state.
        num_triplets, positives, margin, tolerance, margin_scale, distance, ignore_class: As in `TreeTriplet`.
        projection: As in the call of `TreeTriplet`.

    Returns:
        Float tensor, `(num_triplets,)`: float64 if `y_pred` is float64, otherwise float32. It is 0 if no triplet can be
        drawn, and NaN if a label is neither a node nor `ignore_class`.

    Raises:
        ValueError: As in `TreeTriplet`.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> labels, embeddings = np.array([[[0, 1, 2]]]), np.array([[[[1.0, 0], [1, 0], [-1, 0]]]])
    >>> seed_generator = keras.random.SeedGenerator(0)
    >>> as_lists(hs.losses.tree_triplet(tree, labels, embeddings, seed_generator, num_triplets=2))
    [0.0, 0.0]
    """
    tree, y_pred = as_class_tree(tree), ops.convert_to_tensor(y_pred)
    _check_options("tree_triplet", num_triplets, positives, margin, tolerance, margin_scale, distance)
    codes = _read_codes("tree_triplet", tree, ignore_class, y_true, y_pred)
    drawn, embeddings = _draw(tree, codes, y_pred, seed_generator, num_triplets, positives, projection)
    return _losses_of(tree, drawn, embeddings, margin, tolerance, margin_scale, distance)


def _draw(tree, codes, y_pred, seed_generator, num_triplets, positives, projection):
    """Draws triplets, and projects the embeddings of their pixels.

    Returns:
        A pair: a dict with the gap in the tree of each triplet, `(T,)`, and the weight of all, a scalar; and the
        projected embeddings `(3, T, C)` of anchors, positives and negatives.
    """
    label = ops.reshape(_resized(codes, ops.shape(y_pred)[1:3]), (-1,))
    pixels, gap, can_draw = draw_triplets(tree, label, num_triplets, positives, seed_generator)
    embeddings = ops.take(ops.reshape(y_pred, (-1, y_pred.shape[-1])), ops.concatenate(pixels), axis=0)
    if projection is not None:
        embeddings = projection(embeddings[:, None, None, :])
    dtype = precision_of(embeddings)
    embeddings = ops.reshape(ops.cast(embeddings, dtype), (3, num_triplets, embeddings.shape[-1]))
    weight = ops.where(ops.any(codes == OUTSIDE), float("nan"), ops.cast(can_draw, dtype))
    return {_GAP: ops.cast(gap, dtype), _WEIGHT: weight}, embeddings


def _losses_of(tree, drawn, embeddings, margin, tolerance, margin_scale, distance):
    """Computes the loss of each triplet from the results of `_draw`."""
    anchor, positive, negative = ops.unstack(embeddings, 3)
    measure = _cosine_distance if distance == "cosine" else _euclidean_distance
    if margin == "tree":
        margin = tolerance + margin_scale * drawn[_GAP] / (2 * tree.num_levels)
    return drawn[_WEIGHT] * ops.maximum(measure(anchor, positive) - measure(anchor, negative) + margin, 0.0)


def _read_codes(owner, tree, ignore_class, y_true, y_pred):
    if not is_read(y_true):
        check_ignore_class(owner, tree, ignore_class)
    return label_codes(owner, tree, ignore_class, y_true, y_pred, has_own_size=True)


def _check_options(owner, num_triplets, positives, margin, tolerance, margin_scale, distance):
    if not is_count(num_triplets):
        raise ValueError(f"`{owner}` expects an integer `num_triplets` >= 1. Received: {num_triplets!r}.")
    for argument, value, allowed in (("distance", distance, DISTANCES), ("positives", positives, POSITIVES)):
        if value not in allowed:
            raise ValueError(f"`{owner}` expects `{argument}` among {allowed}. Received: {argument}={value!r}.")
    if margin != "tree" and (isinstance(margin, str) or not 0 <= margin < float("inf")):
        raise ValueError(f'`{owner}` expects `margin` to be "tree" or a number >= 0. Received: {margin!r}.')
    check_not_negative(owner, "tolerance", tolerance)
    check_not_negative(owner, "margin_scale", margin_scale)


def draw_triplets(tree, label, num_triplets, positives, seed_generator):
    """Draws triplets of pixels from label codes `(N,)`.

    Returns:
        A triple: a list of three int tensors `(T,)`, the pixels of anchor, positive and negative; the difference of
        their distances in the tree, int `(T,)`; and whether any triplet can be drawn, a bool scalar. If none can, the
        others are arbitrary.
    """
    num_nodes = tree.num_nodes
    least, largest = (ops.convert_to_tensor(table) for table in tree.distance_bounds)
    group = ops.cast(ops.where(label >= 0, label, num_nodes), "int32")
    count = ops.segment_sum(ops.ones_like(group), group, num_segments=num_nodes + 1)[:num_nodes]
    is_present = count > 0

    # can_be[a, p]: whether p can be the positive of anchor a, which requires a present class that is farther from a.
    farthest = ops.max(ops.where(is_present[None, :], least, -1), axis=1)
    can_be = ops.logical_and(is_present[None, :], largest < farthest[:, None])
    is_same = np.eye(num_nodes, dtype=bool)
    can_be = ops.logical_and(can_be, ops.logical_or(~is_same, count[None, :] > 1))
    if positives == "class":
        can_be = ops.logical_and(can_be, is_same)

    shape = (num_triplets, num_nodes)
    is_anchor = ops.logical_and(is_present, ops.any(can_be, axis=1))
    anchor = _draw_class(seed_generator, ops.broadcast_to(is_anchor[None, :], shape))
    positive = _draw_class(seed_generator, ops.take(can_be, anchor, axis=0))
    nearest = ops.take(ops.reshape(largest, (-1,)), anchor * num_nodes + positive)
    is_farther = ops.take(least, anchor, axis=0) > nearest[:, None]
    negative = _draw_class(seed_generator, ops.logical_and(is_present[None, :], is_farther))
    gap = ops.take(ops.reshape(least, (-1,)), anchor * num_nodes + negative) - nearest

    # After sorting by class, the pixels of a class are adjacent.
    order, first = ops.argsort(group), ops.cumsum(count) - count
    rank = random_uniform((3, num_triplets), seed_generator)
    sizes = [ops.take(count, node) for node in (anchor, positive, negative)]
    of_anchor, of_positive, of_negative = (_rank(rank[i], size) for i, size in enumerate(sizes))
    # If the positive has the class of the anchor, a different pixel is drawn.
    another = (of_anchor + 1 + _rank(rank[1], sizes[1] - 1)) % ops.maximum(sizes[1], 1)
    of_positive = ops.where(anchor == positive, another, of_positive)
    ranks = ((anchor, of_anchor), (positive, of_positive), (negative, of_negative))
    # If no class is present, all ranks are beyond the last pixel.
    last = ops.size(group) - 1
    pixels = [ops.take(order, ops.minimum(ops.take(first, node) + r, last)) for node, r in ranks]
    return pixels, gap, ops.any(is_anchor)


def _draw_class(seed_generator, allowed):
    """Draws one class per row, with equal probability for each allowed class."""
    return ops.argmax(ops.where(allowed, random_uniform(ops.shape(allowed), seed_generator), -1.0), axis=1)


def _resized(label, size):
    """Resizes labels `(B, H, W)` to `(B, h, w)`. A cell gets the label at its center."""
    for axis, length in zip((1, 2), size):
        before, after = (ops.cast(each, "float32") for each in (ops.shape(label)[axis], length))
        middle = (ops.cast(ops.arange(length), "float32") + 0.5) * before / after
        label = ops.take(label, ops.cast(middle, "int32"), axis=axis)
    return label


def _rank(share, size):
    """Converts a uniform number in [0, 1) to an integer in `[0, size)`, or to 0 if the size is 0."""
    return ops.clip(ops.cast(share * ops.cast(size, share.dtype), "int32"), 0, ops.maximum(size - 1, 0))


def _cosine_distance(x, y):
    return 0.5 * (1.0 - ops.sum(_normalized(x) * _normalized(y), axis=-1))


def _normalized(x):
    # The maximum avoids a division by 0: an embedding of zeros has cosine 0 with every embedding.
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=-1, keepdims=True), 1e-12))


def _euclidean_distance(x, y):
    squared = ops.sum(ops.square(x - y), axis=-1)
    # The square root has no gradient at 0, which is the distance of two equal embeddings.
    is_apart = squared > 0
    return ops.where(is_apart, ops.sqrt(ops.where(is_apart, squared, 1.0)), 0.0)


@keras.saving.register_keras_serializable("hierseg_keras")
class TreeTriplet(keras.losses.Loss):
    """Computes the tree-triplet loss of pixel embeddings, which HSSN adds to its loss on the logits.

    In a triplet, the class of the positive is nearer to the anchor's class in the tree than that of the
    negative. The loss makes the embedding of the anchor more similar to the positive than to the
    negative, by a margin that increases with the difference of the two distances in the tree. Formula,
    with `psi` the distance of two leaves in a balanced tree of height `D` (`ClassTree.distance`):

        loss   = max(<i, i+> - <i, i-> + m, 0)
        m      = tolerance + margin_scale * (psi(i, i-) - psi(i, i+)) / (2 D)
        <x, y> = (1 - cos(x, y)) / 2

    Each call draws new triplets from the classes that are present in the batch. It draws the class of
    the anchor, then a class for the positive, which may be the anchor's class, and then a class for the
    negative that is farther from the anchor. Finally it draws one pixel per class. All possible
    classes have equal probability, however many pixels they have, so there are no `class_weights`. If no
    triplet can be drawn, the loss is 0.

    A label at an internal node represents any leaf below it. It is drawn only if the order of the
    distances is the same for all these leaves. The margin uses the smallest difference.

    On several replicas of `tf.distribute`, each replica draws its own `num_triplets` from its part of
    the batch, and the loss is the mean over replicas.

    Args:
        tree: `ClassTree`, or its text.
        num_triplets: Number of triplets per call. Defaults to 200, as in the paper.
        positives: `"tree"` (the default) draws positives as described above. `"class"` draws them from
            the anchor's class, and negatives from any other class, as in the classic triplet loss
            (table 8, "Vanilla").
        margin: `"tree"` (the default) uses the formula above. A number is a constant margin for all
            triplets (table 8, "Constant").
        tolerance: Smallest margin, the paper's `m_epsilon`. Defaults to 0.1.
        margin_scale: Factor of the part of the margin that depends on the tree. Defaults to 0.5.
        distance: `"cosine"` (the default), which is in [0, 1], or `"euclidean"` (table 9).
        ignore_class: Integer label of pixels without one, which are not drawn, outside `[0, V)`; may
            be negative. Defaults to 255.
        seed: Integer or `keras.random.SeedGenerator`. Equal seeds draw equal triplets. On the JAX
            backend, pass a `SeedGenerator` that the model tracks, as `models.HSSN` does, because a
            compiled step cannot advance any other.
        name, dtype: As in `keras.losses.Loss`.

    Call arguments:
        y_true: Integer node labels, `(B, H, W)` or `(B, H, W, 1)`, in `[0, V)` or `ignore_class`.
        y_pred: Float embeddings, `(B, h, w, C)`, of any size. An embedding covers a cell of the image,
            and has the label at the center of the cell.
        sample_weight: Optional, `(B,)` or `(B, H, W)`. Pixels with weight 0 are not drawn.
        projection: Optional layer or function from `(N, 1, 1, C)` to `(N, 1, 1, P)`, such as a network of
            1x1 convolutions, which is applied to the embeddings of the drawn pixels only. Defaults to
            none.

    Returns:
        Scalar, the mean over triplets. `call()` returns one value per triplet, `(num_triplets,)`. NaN if a label is
        neither a node nor `ignore_class`.

    Raises:
        ValueError: If `num_triplets` is not an integer >= 1, `positives`, `margin` or `distance` is not
            one of the values above, `tolerance` or `margin_scale` is negative, or `ignore_class` is a
            node; if `y_pred` does not have four axes, `y_true` does not have one label map per image, or
            `sample_weight` has another shape.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> loss = hs.losses.TreeTriplet(tree, seed=0)
    >>> labels, embeddings = np.array([[[0, 1, 2]]]), np.array([[[[1.0, 0], [1, 0], [-1, 0]]]])
    >>> float(loss(labels, embeddings))      # 1 apart, where the largest margin is 0.1 + 0.5 / 2
    0.0

    Reference:
        [Li et al., Deep Hierarchical Semantic Segmentation, CVPR 2022](
        https://arxiv.org/abs/2203.14335), eq. 7 and 8. The paper leaves open how triplets are
        drawn (here as described above), and the constant margin of table 8. Its distance counts the edges of
        the tree; here that of a ragged tree is as in a balanced one. The released code has a constant margin
        of 0.6 on `1 - cos`, which is `margin=0.3` here, with half the loss.
    """

    def __init__(
        self,
        tree: ClassTree | str,
        num_triplets: int = 200,
        positives: Literal["tree", "class"] = "tree",
        margin: Literal["tree"] | float = "tree",
        tolerance: float = 0.1,
        margin_scale: float = 0.5,
        distance: Literal["cosine", "euclidean"] = "cosine",
        ignore_class: int = 255,
        seed: int | keras.random.SeedGenerator | None = None,
        name: str | None = "tree_triplet",
        dtype: str | None = None,
    ):
        super().__init__(name=name, dtype=dtype)
        check_dtype(self)
        self.tree = as_class_tree(tree)
        self.ignore_class = check_ignore_class("TreeTriplet", self.tree, ignore_class)
        _check_options("TreeTriplet", num_triplets, positives, margin, tolerance, margin_scale, distance)
        self.num_triplets = int(num_triplets)
        self.positives = positives
        self.margin = margin
        self.tolerance = tolerance
        self.margin_scale = margin_scale
        self.distance = distance
        self.seed_generator = seed if isinstance(seed, keras.random.SeedGenerator) else keras.random.SeedGenerator(seed)

    def __call__(self, y_true, y_pred, sample_weight=None, projection=None):
        return super().__call__(*self._draw(y_true, y_pred, sample_weight, projection))

    def call(self, y_true, y_pred):
        if not (isinstance(y_true, dict) and _GAP in y_true):
            y_true, y_pred = self._draw(y_true, y_pred)
        return _losses_of(self.tree, y_true, y_pred, self.margin, self.tolerance, self.margin_scale, self.distance)

    def _draw(self, y_true, y_pred, sample_weight=None, projection=None):
        y_pred = ops.convert_to_tensor(y_pred)
        codes = _read_codes("TreeTriplet", self.tree, self.ignore_class, y_true, y_pred)
        if sample_weight is not None:
            codes = without_weightless(codes, pixel_weights("TreeTriplet", sample_weight, codes, self.dtype))
        return _draw(self.tree, codes, y_pred, self.seed_generator, self.num_triplets, self.positives, projection)

    def go_to_step(self, step: Tensor) -> None:
        """Sets the random state, so that the next call draws the triplets of a given training step.

        Args:
            step: Integer scalar tensor, the number of the step, starting from 0.
        """
        state = self.seed_generator.state
        state.assign(ops.stack([state[0], ops.cast(step * _DRAWS, state.dtype)]))

    def get_config(self):
        config = super().get_config()
        del config["reduction"]
        return {
            **config,
            "tree": self.tree.to_text(),
            "num_triplets": self.num_triplets,
            "positives": self.positives,
            "margin": self.margin,
            "tolerance": self.tolerance,
            "margin_scale": self.margin_scale,
            "distance": self.distance,
            "ignore_class": self.ignore_class,
            "seed": self.seed_generator.get_config()["seed"],
            "dtype": self.dtype,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**with_new_names(config))
