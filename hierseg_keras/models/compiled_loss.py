"""Losses of auxiliary logits, and checks of arguments that concern a compiled loss."""

import keras

from hierseg_keras.losses.objectives import leaf_crossentropy
from hierseg_keras.losses.weights import is_not_negative

LOGITS = "logits"


def auxiliary_loss(model, weights, y, y_pred, sample_weight):
    """Computes the weighted sum of the losses of a compiled model's auxiliary predictions.

    Their loss is the compiled one. Those in `model.flat_auxiliary` are leaf logits, and have the flat crossentropy.

    Args:
        model: Compiled `keras.Model`, with the attributes `tree` and `flat_auxiliary`.
        weights: Dict from the name of an auxiliary prediction to its weight.
        y: Labels, `(B, H, W)`.
        y_pred: Dict of predictions by name.
        sample_weight: As in `fit`, or `None`.

    Returns:
        Scalar tensor, or 0 if there are no auxiliary predictions.

    Raises:
        ValueError: If there are auxiliary predictions that need the compiled loss, and it is not a
            `keras.losses.Loss`.
    """
    if weights.keys() - set(model.flat_auxiliary) and not isinstance(model.loss, keras.losses.Loss):
        raise ValueError(
            f"`{type(model).__name__}` expects to be compiled with a `keras.losses.Loss`, because its auxiliary logits "
            f"have the same loss. Received: loss={model.loss!r}. Pass a loss object, such as one of `hs.losses`."
        )
    total = 0
    for name, weight in weights.items():
        loss = leaf_crossentropy(model.tree, model.loss) if name in model.flat_auxiliary else model.loss
        total = total + weight * loss(y, y_pred[name], sample_weight)
    return total


def check_weights(model, **weights):
    """Raises `ValueError`, naming the model and the argument, if a weight of a loss is no number >= 0."""
    for argument, weight in weights.items():
        if not is_not_negative(weight):
            raise ValueError(f"`{model}` expects `{argument}` >= 0. Received: {argument}={weight!r}.")


def check_fit(model, arguments, method="fit"):
    """Raises `ValueError` for `fit(class_weight=...)`, which Keras supports only for one class per image."""
    if arguments.get("class_weight") is not None:
        raise ValueError(
            f"`{type(model).__name__}.{method}` expects class weights in the loss, because every pixel has its own "
            "class. Received: class_weight. Pass class_weights=hs.data.class_weights(tree, counts) to the loss."
        )


def one_of_list(value):
    """Returns the element of a list with one element, which Keras may pass if a network has one output."""
    return value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value
