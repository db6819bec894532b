"""What training adds to a compiled model's loss: terms of further logits."""

import keras

LOGITS = "logits"


def auxiliary_loss(model, weights, y, y_pred, sample_weight):
    """The weighted sum of a compiled model's loss over named predictions."""
    if weights and not isinstance(model.loss, keras.losses.Loss):
        raise ValueError(
            f"`{type(model).__name__}` expects to be compiled with a `keras.losses.Loss`, which its auxiliary logits "
            f"are trained with too. Received: loss={model.loss!r}."
        )
    return sum(weight * model.loss(y, y_pred[name], sample_weight) for name, weight in weights.items())


def check_weights(model, **weights):
    """Refuses weights of losses below 0, naming the model and the argument."""
    for argument, weight in weights.items():
        if not weight >= 0:
            raise ValueError(f"`{model}` expects `{argument}` >= 0. Received: {argument}={weight!r}.")


def check_fit(model, arguments):
    """Refuses `fit(class_weight=...)`, which Keras has for images of one class only."""
    if arguments.get("class_weight") is not None:
        raise ValueError(
            f"`{type(model).__name__}.fit` expects class weights in the loss, as every pixel has a class. Received: "
            "class_weight. Pass class_weights=hs.data.class_weights(tree, counts) to the loss."
        )


def one_of_list(value):
    """The one element of a list, as which Keras takes the labels of a network with one output too."""
    return value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value
