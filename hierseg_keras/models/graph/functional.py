"""The check that a network is a functional model."""

import keras


def functional(owner, model):
    """Checks that a network is a functional model with one image input, and converts sequential models.

    Args:
        owner: Name of the class that errors mention.
        model: Functional `keras.Model`, or `keras.Sequential` with a known input shape.

    Returns:
        The model itself, or the functional model of the same layers for a `keras.Sequential`.

    Raises:
        TypeError: If the model is a subclassed model, whose layers have no graph, or a wrapper for training.
        ValueError: If the model does not have exactly one image input.
    """
    if isinstance(model, keras.Model) and hasattr(model, "inference_model"):
        raise TypeError(
            f"`{owner}` expects a network. Received: {model!r} of type {type(model).__name__}, which wraps a network "
            "for training. Pass its `inference_model`."
        )
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise TypeError(
            f"`{owner}` expects a functional `keras.Model` from one image to scores. Received: {model!r} of type "
            f"{type(model).__name__}, whose layers have no graph. Connect the layers with a functional "
            "`keras.Model(inputs, outputs)`."
        )
    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs, model.outputs, name=model.name)
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
        shapes = [tuple(tensor.shape) for tensor in model.inputs]
        raise ValueError(
            f"`{owner}` expects a network with one image input, (B, H, W, 3). Received: inputs of shapes {shapes}. "
            "Concatenate several images along the channels."
        )
    return model
