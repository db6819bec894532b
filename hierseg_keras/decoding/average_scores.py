"""Averages of several predictions of one image."""

from collections.abc import Sequence

from keras import backend, ops
from numpy.typing import ArrayLike

from hierseg_keras.tree.not_converted import not_converted
from hierseg_keras.tree.ops import log_softmax
from hierseg_keras.tree.scores import Scores, check_meaning
from hierseg_keras.tree.tensor import Tensor

# Close to the smallest normal float32, so that the logarithm of a probability of 0 stays finite.
_SMALLEST = 1e-37


@not_converted
def average_scores(predictions: Sequence[ArrayLike], scores: str, from_logits: bool | None = True) -> Tensor:
    """Averages the probabilities of several predictions.

    Logits give logits, and probabilities give probabilities, so that the result can be used like a
    single prediction. Probabilities near 0 and near 1 keep the precision of their logits.

    Formula, with `p_i` the probabilities of prediction `i` of `n`:

        average = logit(1/n sum_i p_i)     for node logits
        average = log(1/n sum_i p_i)       for leaf logits
        average = 1/n sum_i p_i            for probabilities

    Args:
        predictions: List of float tensors of one shape, `(..., V)` or `(..., L)`; or one tensor, whose first axis is
            that of the predictions.
        scores: `"nodes"` (a sigmoid per node) or `"leaves"` (a softmax over leaves).
        from_logits: Whether the predictions are logits or probabilities. Defaults to `True`, logits. `None`, as in
            `best_path`, assumes logits and refuses arrays that visibly hold probabilities.

    Returns:
        Float tensor of the same shape.

    Raises:
        ValueError: If there is no prediction, shapes differ, `scores` or `from_logits` is not one of these values,
            `from_logits` is `None` and a prediction visibly holds probabilities, or `from_logits=False` and values lie
            outside [0, 1].

    Example:

    >>> logits = hs.decoding.average_scores([np.array([0.0]), np.log([3.0])], "nodes")   # 1/2 and 3/4
    >>> round(float(np.exp(logits[0])), 4)                                               # 5/8 to 3/8
    1.6667
    """
    check_meaning(scores, from_logits)
    predictions = [ops.convert_to_tensor(prediction) for prediction in predictions]
    if scores is None or not predictions:
        raise ValueError(
            '`average_scores` expects at least one prediction, and "nodes" or "leaves" as `scores`. Received: '
            f"{len(predictions)} predictions, scores={scores!r}."
        )
    shapes = [tuple(prediction.shape) for prediction in predictions]
    if len(set(shapes)) > 1:
        raise ValueError(f"`average_scores` expects predictions of one shape. Received: shapes {shapes}.")
    # The meaning of channels does not depend on the tree.
    meaning = Scores(None, scores, from_logits)
    log_sums = None
    for prediction in predictions:
        log_sums = added(log_sums, log_terms(meaning.checked(prediction), scores, meaning.are_logits))
    return from_log_sums(log_sums, scores, meaning.are_logits)


def log_terms(y_pred, scores, from_logits=True):
    """Computes the logarithms of a prediction's probabilities.

    Args:
        y_pred: Float tensor, `(..., C)`.
        scores, from_logits: As in `average_scores`.

    Returns:
        List of float tensors, `(..., C)`, of at least 32 bits: for node scores `log p` and `log (1 - p)`, for leaf
        scores `log p`.
    """
    # Small probabilities would be 0 in float16.
    y_pred = ops.cast(y_pred, backend.result_type(y_pred.dtype, "float32"))
    if not from_logits:
        parts = [y_pred, 1.0 - y_pred] if scores == "nodes" else [y_pred]
        return [ops.log(ops.maximum(part, _SMALLEST)) for part in parts]
    if scores == "nodes":
        return [ops.log_sigmoid(y_pred), ops.log_sigmoid(-y_pred)]
    return [log_softmax(y_pred)]


def added(log_sums, terms):
    """Adds a prediction to sums of probabilities.

    Args:
        log_sums: List of float tensors, `(..., C)`, the logarithms of the sums so far, or `None` if there are none.
        terms: As returned by `log_terms`.

    Returns:
        List of float tensors, `(..., C)`.
    """
    # `ops.logaddexp` uses an operation that ONNX lacks.
    return terms if log_sums is None else [ops.logsumexp(ops.stack(pair), axis=0) for pair in zip(log_sums, terms)]


def from_log_sums(log_sums, scores, from_logits=True):
    """Computes scores from the logarithms of summed probabilities.

    The result does not depend on the number of predictions in the sums.

    Args:
        log_sums: List of float tensors: for each tensor of `log_terms`, the log-sum-exp over predictions.
        scores, from_logits: As in `average_scores`.

    Returns:
        Float tensor, `(..., C)`, of the scores of the mean probabilities.
    """
    if scores == "nodes":
        yes, no = log_sums
        return yes - no if from_logits else ops.sigmoid(yes - no)
    means = log_softmax(log_sums[0])
    return means if from_logits else ops.exp(means)
