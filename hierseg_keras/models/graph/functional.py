"""Networks whose layers can be told apart."""

import keras


def functional(owner, model):
    """A network as a functional model with one image for input.

    Args:
        owner: Name of the class that takes it, for errors.
        model: Functional `keras.Model`, or `keras.Sequential` with an input.

    Returns:
        The model itself; of a sequence, the functional model of the same layers.

    Raises:
        TypeError: If the model's layers cannot be told apart: it is a subclassed model, or wraps another for training.
        ValueError: If it does not have one image for input.
    """
    if isinstance(model, keras.Model) and hasattr(model, "inference_model"):
        raise TypeError(
            f"`{owner}` expects a network. Received: {model!r} of type {type(model).__name__}, which wraps one for its "
            "training. Pass its `inference_model`."
        )
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise TypeError(
            f"`{owner}` expects a functional `keras.Model`, from one image to scores, as only its layers can be told "
            f"apart. Received: {model!r} of type {type(model).__name__}. Build a subclassed model's layers by "
            "`keras.Model(inputs, outputs)`."
        )
    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs, model.outputs, name=model.name)
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
        shapes = [tuple(tensor.shape) for tensor in model.inputs]
        raise ValueError(
            f"`{owner}` expects a network with one image, (B, H, W, 3), for input. Received: inputs {shapes}."
        )
    return model
