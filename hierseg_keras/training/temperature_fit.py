"""The temperature that fits a network's probabilities to labels, from sums over the labeled pixels."""

import dataclasses
import math

import numpy as np
import tensorflow as tf

from hierseg_keras.decoding import best_path
from hierseg_keras.tree.labels import label_codes
from hierseg_keras.tree.scores import Scores

# Bounds of the temperature, which is reached if the labels separate perfectly or the logits carry no information.
LARGEST = 20.0
# Of the logarithm of the temperature.
_TOLERANCE = 1e-4
_MAX_PASSES = 40
# As in Guo et al.
_NUM_BINS = 15
# How many logits are in float64 at once.
_BLOCK = 1 << 21


@dataclasses.dataclass(frozen=True)
class TemperatureFit:
    """Says how well probabilities at one temperature fit the labels.

    Attributes:
        temperature: Float.
        negative_log_likelihood: Mean over labeled pixels, in nats.
        calibration_error: Expected calibration error with 15 bins, in [0, 1], of the class predicted at the label's
            depth.
        num_pixels: Number of labeled pixels.
    """

    temperature: float
    negative_log_likelihood: float
    calibration_error: float
    num_pixels: int


def fit_temperature(sums_at, on_pass=lambda fit: None):
    """Finds the temperature with the smallest negative log-likelihood.

    Newton's method on the inverse temperature, which keeps to an interval that contains the minimum. The negative
    log-likelihood is convex in the inverse temperature if all labels are leaves, and for node scores. For leaf scores
    and labels that are internal nodes it may not be; the result is then a local minimum.

    Args:
        sums_at: Function from an inverse temperature to the vector of `pixel_sums`, summed over all batches. It is
            called about six times.
        on_pass: Function that is called with the `TemperatureFit` of every temperature that is tried.

    Returns:
        Pair of `TemperatureFit`s: at temperature 1, and at the best temperature, between 1/20 and 20.

    Raises:
        ValueError: If no pixel is labeled.
        FloatingPointError: If the network returns NaN or infinite logits.
    """
    low, high = -math.log(LARGEST), math.log(LARGEST)
    inverse, before = 1.0, None
    for _ in range(_MAX_PASSES):
        sums = sums_at(inverse)
        fit, slope, curvature = _fit(sums, inverse)
        on_pass(fit)
        before = before or fit
        low, high = (low, math.log(inverse)) if slope > 0 else (math.log(inverse), high)
        newton = inverse - slope / curvature if curvature > 0 else 0.0
        following = newton if newton > 0 and low <= math.log(newton) <= high else math.exp((low + high) / 2)
        if abs(math.log(following / inverse)) < _TOLERANCE:
            break
        inverse = following
    return before, fit


def _fit(sums, inverse):
    num_pixels, nll, slope, curvature = sums[:4]
    if num_pixels == 0:
        raise ValueError("fitting a temperature expects labeled pixels. Received: none. Choose another split.")
    if not np.isfinite(sums).all():
        raise FloatingPointError(
            "fitting a temperature expects finite logits. Received: NaN or infinite ones. Load the weights of an "
            "earlier epoch."
        )
    count, confidence, num_right = sums[4:].reshape(3, _NUM_BINS)
    error = np.abs(confidence - num_right).sum() / count.sum()
    return TemperatureFit(1 / inverse, nll / num_pixels, error, int(num_pixels)), slope, curvature


def pixel_sums(scores, y_true, y_pred, inverse, ignore_class=255):
    """Sums over the labeled pixels of a batch what `fit_temperature` needs.

    A label determines more than one class. For leaf scores the likelihood is the probability of the label, the sum
    over its leaves. For node scores it is the product over all nodes that the label determines: those on its path and
    those that exclude it, but not the nodes below an internal label.

    The calibration error compares, in each pixel, the node of the best path at the label's depth with the label. A
    leaf counts at depth `D`.

    Args:
        scores: `tree.scores.Scores`.
        y_true: Integer labels, `(B, H, W)`.
        y_pred: Float scores, `(B, H, W, C)`.
        inverse: Inverse of the temperature.
        ignore_class: Integer label of unlabeled pixels.

    Returns:
        Float64 tensor: number of labeled pixels; negative log-likelihood, and its first and second derivatives with
        respect to `inverse`; and per bin of confidence the number of pixels, their confidences and the number of
        right ones.
    """
    label = label_codes("find_temperature", scores.tree, ignore_class, y_true, y_pred)
    label = tf.reshape(label, [-1])
    logits = tf.reshape(scores.logits(y_pred), [-1, scores.num_channels])
    num_rows = max(_BLOCK // scores.num_channels, 1)

    def add(start, total):
        rows = slice(start, start + num_rows)
        return start + num_rows, total + _block_sums(scores, label[rows], logits[rows], inverse)

    # Block by block, because all pixels of large images would need much memory in float64.
    first = 0, tf.zeros([4 + 3 * _NUM_BINS], tf.float64)
    return tf.while_loop(lambda start, _: start < tf.size(label), add, first, parallel_iterations=1)[1]


def _block_sums(scores, label, logits, inverse):
    is_counted = label >= 0
    # Any node stands in for the label of unlabeled pixels, which are left out of all sums.
    label = tf.where(is_counted, label, 0)
    logits, inverse = tf.cast(logits, tf.float64), tf.cast(inverse, tf.float64)
    derivatives = _node_terms if scores.kind == "nodes" else _leaf_terms
    terms = [tf.ones_like(logits[:, 0]), *derivatives(scores.tree, label, logits, inverse)]
    sums = [tf.reduce_sum(tf.where(is_counted, term, 0)) for term in terms]
    bins = _bins(scores, label, logits * inverse, is_counted)
    return tf.concat([tf.stack(sums), tf.reshape(bins, [-1])], axis=0)


def _leaf_terms(tree, label, z, inverse):
    """Computes the negative log-likelihood and its derivatives per pixel: a log-sum-exp over all leaves minus ours."""
    is_below = tf.gather(tf.constant(tree.ancestor_matrix[:, : tree.num_leaves]), label)
    z -= tf.reduce_max(z, axis=-1, keepdims=True)

    def moments(scaled):
        log_sum = tf.reduce_logsumexp(scaled, axis=-1)
        p = tf.exp(scaled - log_sum[:, None])
        mean = tf.reduce_sum(p * z, axis=-1)
        return log_sum, mean, tf.reduce_sum(p * (z - mean[:, None]) ** 2, axis=-1)

    scaled = inverse * z
    of_all, of_label = moments(scaled), moments(tf.where(is_below, scaled, -np.inf))
    return [all_leaves - own for all_leaves, own in zip(of_all, of_label)]


def _node_terms(tree, label, z, inverse):
    """Computes the same for the sum of binary crossentropies over the nodes that the label determines."""
    ancestors = tree.ancestor_matrix
    is_on_path = tf.gather(tf.constant(ancestors.T), label)
    is_known = tf.gather(tf.constant(~ancestors | np.eye(tree.num_nodes, dtype=bool)), label)
    error = tf.where(is_on_path, -z, z)
    wrong = tf.sigmoid(inverse * error)
    terms = tf.nn.softplus(inverse * error), error * wrong, error**2 * wrong * (1 - wrong)
    return [tf.reduce_sum(tf.where(is_known, term, 0), axis=-1) for term in terms]


def _bins(scores, label, logits, is_counted):
    tree = scores.tree
    leaf, _ = best_path(tree, logits, scores.kind, from_logits=True)
    probabilities = Scores(tree, scores.kind, from_logits=True).node_probabilities(logits)
    row = tf.gather(tf.constant(tree.levels - 1, tf.int32), label)
    node = tf.gather_nd(tf.constant(tree.level_table, tf.int32), tf.stack([row, leaf], axis=-1))
    confidence = tf.gather(probabilities, node, batch_dims=1)
    index = tf.clip_by_value(tf.cast(confidence * _NUM_BINS, tf.int32), 0, _NUM_BINS - 1)
    # Pixels with a negative index are dropped.
    index = tf.where(is_counted, index, -1)
    parts = tf.ones_like(confidence), confidence, tf.cast(node == label, tf.float64)
    return tf.stack([tf.math.unsorted_segment_sum(part, index, _NUM_BINS) for part in parts])
