"""Finds the temperature that calibrates a network."""

from collections.abc import Callable

import keras
import tensorflow as tf

from hierseg_keras.distribution.strategy import check_outside_scope
from hierseg_keras.models.graph.model_scores import scores_of
from hierseg_keras.training.temperature_fit import TemperatureFit, fit_temperature, pixel_sums
from hierseg_keras.tree import ClassTree, check_ignore_class


def find_temperature(
    model: keras.Model,
    examples: tf.data.Dataset,
    tree: ClassTree | str | None = None,
    scores: str | None = None,
    from_logits: bool | None = None,
    ignore_class: int = 255,
    on_pass: Callable[[TemperatureFit], None] | None = None,
) -> tuple[TemperatureFit, TemperatureFit]:
    """Finds the temperature for `models.Calibrated`, at which a network's probabilities fit labels best.

    The temperature minimizes the negative log-likelihood of the labels. For leaf scores this is the negative logarithm
    of the label's probability; for node scores it is the sum of binary crossentropies over the nodes that the label
    determines. The examples are predicted about six times, without storing the predictions.

    Args:
        model: `keras.Model` from images `(B, H, W, 3)` to node or leaf scores.
        examples: `tf.data.Dataset` of batches `(image, label)`, with integer labels `(B, H, W)`. Images that the
            network was trained on give a temperature that is too small.
        tree: `ClassTree`, or its text. Defaults to `model.tree`.
        scores, from_logits: As in `models.MultiScale`.
        ignore_class: Integer label of pixels without one. Defaults to 255.
        on_pass: Function that is called with the `TemperatureFit` of every temperature that is tried. Defaults to
            `None`.

    Returns:
        Pair of `TemperatureFit`s, at temperature 1 and at the best temperature.

    Raises:
        RuntimeError: If the Keras backend is not TensorFlow.
        TypeError: If `model` is a subclassed model, whose output shape is unknown.
        FloatingPointError: If a logit is NaN or infinite.
        ValueError: If no pixel is labeled; if there is no tree or the meaning of the scores cannot be inferred; or in
            the scope of several replicas.

    Example:

    >>> before, after = hs.training.find_temperature(model, val)
    >>> calibrated = hs.models.Calibrated(model, after.temperature)

    Reference:
        [Guo et al., On Calibration of Modern Neural Networks, ICML 2017](https://arxiv.org/abs/1706.04599).
    """
    check_can_calibrate("find_temperature")
    meaning, network = (
        scores_of(model, "find_temperature", tree, scores, from_logits),
        getattr(model, "inference_model", model),
    )
    check_ignore_class("find_temperature", meaning.tree, ignore_class)

    @tf.function(input_signature=[*examples.element_spec, tf.TensorSpec((), tf.float64)], autograph=False)
    def sums_of(image, label, inverse):
        return pixel_sums(meaning, label, network(image, training=False), inverse, ignore_class)

    def sums_at(inverse):
        inverse = tf.constant(inverse, tf.float64)
        return sum(sums_of(image, label, inverse).numpy() for image, label in examples)

    return fit_temperature(sums_at, on_pass or (lambda fit: None))


def check_can_calibrate(owner):
    """Checks that the backend is TensorFlow, outside of the scope of several replicas.

    Args:
        owner: Name of the function that errors mention.

    Raises:
        RuntimeError: If the Keras backend is not TensorFlow.
        ValueError: As in `check_outside_scope`.
    """
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            f"`{owner}` expects the TensorFlow backend. Received: {keras.backend.backend()!r}. Set "
            "KERAS_BACKEND=tensorflow before importing keras; networks of other backends load there too."
        )
    check_outside_scope(owner)
