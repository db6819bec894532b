"""What the channels of a prediction mean, known once for everything that reads one."""

import dataclasses
import math

import keras
from keras import ops

from hierseg_keras.tree.class_tree import ClassTree, as_class_tree
from hierseg_keras.tree.known_values import known_values
from hierseg_keras.tree.ops import softmax, sum_over_leaves
from hierseg_keras.tree.probabilities_seen import activation_behind, has_values_of_probabilities

KINDS = ("nodes", "leaves")
# How far outside of [0, 1] a bicubic resize may take probabilities.
_OVERSHOOT = 0.25


@dataclasses.dataclass(frozen=True)
class Scores:
    """The meaning of the channels of a prediction.

    Losses, metrics, decoding, averaging and export read predictions through this record alone.

    Args:
        tree: `ClassTree`.
        kind: `"nodes"`, one score per node, each with a sigmoid of its own; or `"leaves"`, one score
            per leaf, under a softmax.
        from_logits: Whether the scores are logits, or probabilities after that activation. `None`
            takes them for logits and refuses what visibly holds probabilities: the output of a softmax
            or sigmoid, and values that can hardly be logits, where values are known (NumPy arrays and
            eager tensors).
    """

    tree: ClassTree
    kind: str
    from_logits: bool | None = None

    @property
    def num_channels(self):
        """`V` of node scores, `L` of leaf scores."""
        return self.tree.num_nodes if self.kind == "nodes" else self.tree.num_leaves

    @property
    def are_logits(self):
        return self.from_logits is not False

    def check_channels(self, name, shape):
        """Refuses a prediction whose last axis does not have `num_channels`, naming the one who expects it."""
        if shape[-1] != self.num_channels:
            raise ValueError(
                f"`{name}` expects one channel per {'node' if self.kind == 'nodes' else 'leaf'} of `tree` "
                f"({self.num_channels}). Received: y_pred.shape={tuple(shape)}. {self._advice(shape[-1])}"
            )

    def logits(self, y_pred):
        """Logits of a prediction, `(..., C)`: of probabilities, those clipped to `keras.config.epsilon()`."""
        y_pred = self.checked(y_pred)
        if self.are_logits:
            return y_pred
        low = keras.config.epsilon()
        if self.kind == "leaves":
            return ops.log(ops.maximum(y_pred, low))
        y_pred = ops.clip(y_pred, low, 1.0 - low)
        return ops.log(y_pred) - ops.log1p(-y_pred)

    def probabilities(self, y_pred):
        """Probabilities of a prediction's own channels, `(..., C)`."""
        y_pred = self.checked(y_pred)
        if not self.are_logits:
            return y_pred
        if self.kind == "nodes":
            return ops.sigmoid(y_pred)
        return softmax(y_pred)

    def node_probabilities(self, y_pred):
        """Probabilities of all nodes, `(..., V)`: of leaf scores, an internal node's is the sum over its leaves."""
        probabilities = self.probabilities(y_pred)
        if self.kind == "nodes":
            return probabilities
        return ops.concatenate([probabilities, sum_over_leaves(self.tree, probabilities)], axis=-1)

    def checked(self, y_pred):
        """The prediction as a tensor; refuses one that visibly is not what `from_logits` says.

        Raises:
            ValueError: If `from_logits` is `None` and `y_pred` visibly holds probabilities, or it is false and
                `y_pred` has values outside of [0, 1].
        """
        y_pred = ops.convert_to_tensor(y_pred)
        if self.from_logits is None and (evidence := self.evidence_of_probabilities(y_pred)):
            raise ValueError(
                f"`y_pred` expects logits. Received: probabilities, as {evidence}. Pass from_logits=False; or "
                "from_logits=True if they are logits all the same."
            )
        if self.from_logits is False and (interval := _interval_outside_of_probabilities(y_pred)):
            raise ValueError(
                f"`y_pred` expects probabilities, as from_logits=False. Received: values from {interval[0]:g} to "
                f"{interval[1]:g}. Pass from_logits=True for logits."
            )
        return y_pred

    def evidence_of_probabilities(self, y_pred, at_least=1):
        """Says by what a prediction visibly holds probabilities; `None` if nothing does, or only fewer values."""
        if activation := activation_behind(y_pred):
            return f"they come out of {activation}"
        if None not in y_pred.shape and math.prod(y_pred.shape) < at_least:
            return None
        if not has_values_of_probabilities(self.kind, y_pred):
            return None
        return f"all values lie in [0, 1]{'' if self.kind == 'nodes' else ' and sum to 1 in each pixel'}"

    def _advice(self, received):
        other, kind = ("leaves", "leaf") if self.kind == "nodes" else ("nodes", "node")
        if received == Scores(self.tree, other).num_channels:
            return f"{received} is the number of {other}: this prediction holds {kind} scores."
        return "Give the model and the one who reads it the same tree."


def infer_scores(tree, shape, scores=None, from_logits=None):
    """Infers what the channels of a prediction mean from their number.

    Args:
        tree: `ClassTree`, or its text.
        shape: Shape of the prediction, `(..., V)` or `(..., L)`.
        scores: `"nodes"` or `"leaves"`. Needed only for a tree without internal nodes, where both
            have as many channels.
        from_logits: As in `Scores`.

    Returns:
        `Scores`.

    Raises:
        ValueError: If `scores` or `from_logits` has another value, the number of channels fits neither
            (or not `scores`), or it fits both.

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
            f"expected scores with one channel per node ({tree.num_nodes}) or per leaf ({tree.num_leaves}) of "
            f"`tree`. Received: shape={tuple(shape)}, scores={scores!r}. Give the model and the one who reads it the "
            "same tree."
        )
    if len(fitting) > 1:
        raise ValueError(
            f"expected `scores`, as this tree has as many nodes as leaves ({tree.num_nodes}). Received: scores=None. "
            'Pass scores="leaves" for a softmax, or scores="nodes" for a sigmoid per class.'
        )
    return Scores(tree, fitting[0], from_logits)


def check_meaning(scores=None, from_logits=None):
    """Refuses values of `scores` and `from_logits` that mean nothing; `None` leaves either open."""
    if scores not in (None, *KINDS):
        raise ValueError(f'`scores` expects "nodes" or "leaves". Received: scores={scores!r}.')
    if from_logits not in (None, True, False):
        raise ValueError(f"`from_logits` expects True or False. Received: from_logits={from_logits!r}.")


def _interval_outside_of_probabilities(y_pred):
    """The least and the largest value, where they are known and no probabilities; `None` otherwise."""
    values = known_values(y_pred)
    if values is None or not values.size:
        return None
    low, high = values.min(), values.max()
    # Not finite is another fault, which NaN results tell of.
    return (low, high) if low < -_OVERSHOOT or high > 1 + _OVERSHOOT else None
