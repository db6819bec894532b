"""The meaning of the channels of a prediction."""

import dataclasses
import math
from collections.abc import Sequence

import keras
from keras import ops
from numpy.typing import ArrayLike

from hierseg_keras.tree.class_tree import ClassTree, as_class_tree
from hierseg_keras.tree.known_values import known_values
from hierseg_keras.tree.ops import softmax, sum_over_leaves
from hierseg_keras.tree.probabilities_seen import activation_behind, has_values_of_probabilities
from hierseg_keras.tree.tensor import Tensor

KINDS = ("nodes", "leaves")
# A bicubic resize can move probabilities this far outside of [0, 1].
OVERSHOOT = 0.25


@dataclasses.dataclass(frozen=True)
class Scores:
    """Describes the meaning of the channels of a prediction.

    Losses, metrics, decoding, averaging and export all read predictions through this class. `decoding.infer_scores`
    returns one.

    Args:
        tree: `ClassTree`.
        kind: `"nodes"` for one score per node, whose activation is a sigmoid; or `"leaves"` for one
            score per leaf, whose activation is a softmax.
        from_logits: Boolean or `None`: `True` for logits, `False` for probabilities after the
            activation. `None` (the default) assumes logits and raises an error for a prediction that
            is recognized as probabilities: by a softmax or sigmoid that computed it, or by its values
            if they are known (NumPy arrays and eager tensors).

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> scores = hs.decoding.Scores(tree, "leaves", from_logits=False)
    >>> scores.num_channels
    3
    >>> np.round(scores.node_probabilities(np.array([[[[0.5, 0.25, 0.25]]]], "float32")), 2).tolist()
    [[[[0.5, 0.25, 0.25, 0.75]]]]
    """

    tree: ClassTree
    kind: str
    from_logits: bool | None = None

    def __post_init__(self):
        # NumPy's Booleans, 0 and 1 are accepted as well, and below is compared with `False` itself.
        if self.from_logits is not None:
            object.__setattr__(self, "from_logits", bool(self.from_logits))

    @property
    def num_channels(self) -> int:
        """Number of channels: `V` for node scores, `L` for leaf scores."""
        return self.tree.num_nodes if self.kind == "nodes" else self.tree.num_leaves

    @property
    def are_logits(self) -> bool:
        """Whether predictions are logits. `True` if `from_logits` is `None`."""
        return self.from_logits is not False

    def check_channels(self, name: str, shape: Sequence[int | None]) -> None:
        """Checks the number of channels of a prediction.

        Args:
            name: Name of the loss, metric or function that reads the prediction, for errors.
            shape: Shape of the prediction.

        Raises:
            ValueError: If the last axis does not have `num_channels` channels.
        """
        if shape[-1] != self.num_channels:
            raise ValueError(
                f"`{name}` expects one channel per {'node' if self.kind == 'nodes' else 'leaf'} of `tree` "
                f"({self.num_channels}). Received: y_pred.shape={tuple(shape)}. {self._advice(shape[-1])}"
            )

    def logits(self, y_pred: ArrayLike) -> Tensor:
        """Returns the logits of a prediction, `(..., C)`; probabilities are clipped by `keras.config.epsilon()`."""
        y_pred = self.checked(y_pred)
        if self.are_logits:
            return y_pred
        low = keras.config.epsilon()
        if self.kind == "leaves":
            return ops.log(ops.maximum(y_pred, low))
        y_pred = ops.clip(y_pred, low, 1.0 - low)
        return ops.log(y_pred) - ops.log1p(-y_pred)

    def probabilities(self, y_pred: ArrayLike) -> Tensor:
        """Returns the probability of each channel of a prediction, `(..., C)`."""
        y_pred = self.checked(y_pred)
        if not self.are_logits:
            return y_pred
        if self.kind == "nodes":
            return ops.sigmoid(y_pred)
        return softmax(y_pred)

    def node_probabilities(self, y_pred: ArrayLike) -> Tensor:
        """Returns the probabilities of all nodes, `(..., V)`. For leaf scores, internal nodes sum their leaves."""
        probabilities = self.probabilities(y_pred)
        if self.kind == "nodes":
            return probabilities
        return sum_over_leaves(self.tree, probabilities)

    def checked(self, y_pred: ArrayLike) -> Tensor:
        """Returns the prediction as a tensor of at least 32 bits, after checking it against `from_logits`.

        Raises:
            ValueError: If `y_pred` does not hold floats; if `from_logits` is `None` and `y_pred` is recognized as
                probabilities; or if `from_logits` is false and `y_pred` has values outside of [0, 1]. In a graph, these
                become NaN.
        """
        y_pred = ops.convert_to_tensor(y_pred)
        if not keras.backend.is_float_dtype(y_pred.dtype):
            raise ValueError(
                f"`y_pred` expects float scores. Received: dtype {keras.backend.standardize_dtype(y_pred.dtype)}. Pass "
                "the scores of a network, not class indices."
            )
        if self.from_logits is None and (evidence := self.evidence_of_probabilities(y_pred)):
            raise ValueError(
                f"`y_pred` expects logits. Received: probabilities, because {evidence}. Pass from_logits=False, or "
                "from_logits=True if these values are logits after all."
            )
        if self.from_logits is False and (interval := _interval_outside_of_probabilities(y_pred)):
            raise ValueError(
                f"`y_pred` expects probabilities because from_logits=False. Received: values from {interval[0]:g} to "
                f"{interval[1]:g}. Pass from_logits=True for logits."
            )
        is_in_graph = self.from_logits is False and known_values(y_pred) is None
        if keras.backend.standardize_dtype(y_pred.dtype) in ("float16", "bfloat16"):
            # Metrics read float32 too. In half precision, different scores tie, and sums over a tree round.
            y_pred = ops.cast(y_pred, "float32")
        if is_in_graph:
            # In a graph, values that cannot be probabilities become NaN, which ends the training.
            is_valid = ops.logical_and(y_pred >= -OVERSHOOT, y_pred <= 1 + OVERSHOOT)
            return ops.where(is_valid, y_pred, ops.cast(float("nan"), y_pred.dtype))
        return y_pred

    def evidence_of_probabilities(self, y_pred: ArrayLike, at_least: int = 1) -> str | None:
        """Returns why a prediction is recognized as probabilities, as a clause for an error, or `None` if it is not.

        Args:
            y_pred: Float array or tensor, `(..., C)`.
            at_least: Integer. Values are not examined if there are fewer than this. Defaults to 1.
        """
        if activation := activation_behind(y_pred):
            return f"they are the output of {activation}"
        if None not in y_pred.shape and math.prod(y_pred.shape) < at_least:
            return None
        if not has_values_of_probabilities(self.kind, y_pred):
            return None
        return f"all values lie in [0, 1]{'' if self.kind == 'nodes' else ' and sum to 1 in each pixel'}"

    def _advice(self, received):
        other, kind = ("leaves", "leaf") if self.kind == "nodes" else ("nodes", "node")
        if received == Scores(self.tree, other).num_channels:
            return f"{received} is the number of {other}: this prediction holds {kind} scores."
        return "Use the same tree here and in the model."


def infer_scores(
    tree: ClassTree | str,
    shape: Sequence[int | None],
    scores: str | None = None,
    from_logits: bool | None = None,
) -> Scores:
    """Infers the meaning of the channels of a prediction from their number.

    Args:
        tree: `ClassTree`, or its text.
        shape: Shape of the prediction, `(..., V)` or `(..., L)`.
        scores: `"nodes"` or `"leaves"`. Defaults to the one that fits the number of channels. Required
            for a tree without internal nodes, where both fit.
        from_logits: As in `Scores`.

    Returns:
        `Scores`.

    Raises:
        ValueError: If `scores` or `from_logits` is not one of these values; if the number of channels
            fits neither nodes nor leaves, or not `scores`; or if it fits both and `scores` is `None`.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> hs.decoding.infer_scores(tree, (2, 64, 64, 4)).kind
    'nodes'
    """
    tree = as_class_tree(tree)
    check_meaning(scores, from_logits)
    channels = {kind: Scores(tree, kind).num_channels for kind in KINDS}
    fitting = [kind for kind in KINDS if channels[kind] == shape[-1] and scores in (None, kind)]
    if not fitting:
        raise ValueError(
            f"`y_pred` expects one channel per node ({tree.num_nodes}) or per leaf ({tree.num_leaves}) of `tree`. "
            f"Received: shape={tuple(shape)}, scores={scores!r}. Use the same tree here and in the model."
        )
    if len(fitting) > 1:
        raise ValueError(
            f'`scores` expects "nodes" or "leaves" because this tree has as many nodes as leaves ({tree.num_nodes}). '
            'Received: scores=None. Pass scores="leaves" for a softmax, or scores="nodes" for a sigmoid per class.'
        )
    return Scores(tree, fitting[0], from_logits)


def check_meaning(scores=None, from_logits=None):
    """Checks the values of `scores` and `from_logits`. `None` is valid for both.

    Raises:
        ValueError: If `scores` is not `"nodes"`, `"leaves"` or `None`, or `from_logits` is not a bool or `None`.
    """
    if scores not in (None, *KINDS):
        raise ValueError(f'`scores` expects "nodes" or "leaves". Received: scores={scores!r}.')
    if from_logits not in (None, True, False):
        raise ValueError(f"`from_logits` expects True or False. Received: from_logits={from_logits!r}.")


def _interval_outside_of_probabilities(y_pred):
    """Returns the smallest and the largest value if they are known and cannot be probabilities, else `None`."""
    values = known_values(y_pred)
    if values is None or not values.size:
        return None
    low, high = values.min(), values.max()
    # NaN fails both comparisons: it shows up as a NaN result instead.
    return (low, high) if low < -OVERSHOOT or high > 1 + OVERSHOOT else None
