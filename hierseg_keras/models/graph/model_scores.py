"""The meaning of a network's output channels: nodes or leaves, logits or probabilities."""

import keras

from hierseg_keras.tree import as_class_tree
from hierseg_keras.tree.scores import Scores, infer_scores

# The types of layers that resize or rearrange scores. Logits remain logits, and probabilities remain probabilities.
_MOVING = (
    "CropTo",
    "Cropping2D",
    "Identity",
    "Permute",
    "Reshape",
    "Resize",
    "ResizeTo",
    "Resizing",
    "UpSampling2D",
    "ZeroPadding2D",
)
_LINEAR = ("BatchNormalization", "Conv2D", "Conv2DTranspose", "Dense", "EinsumDense", "SeparableConv2D")
# From the name of an activation: whether its outputs are logits, and the only kind of scores that it can have.
_ACTIVATIONS = {"linear": (True, None), "sigmoid": (False, "nodes"), "softmax": (False, "leaves")}


def scores_of(model, owner, tree=None, scores=None, from_logits=None):
    """Infers the meaning of a network's output channels.

    Networks of `hierseg_keras.models` have attributes for it. For other functional networks it is inferred
    from the last activation, before any layers that only resize or crop: no activation means logits, a
    sigmoid means one probability per node, and a softmax means one probability per leaf.

    Args:
        model: `keras.Model` from images to scores, `(B, H, W, C)`.
        owner: Name of the calling function or class that errors mention.
        tree: `ClassTree`, or its text. Defaults to `model.tree`.
        scores: `"nodes"` or `"leaves"`. Defaults to the inferred kind.
        from_logits: Whether scores are logits. Defaults to the inferred answer.

    Returns:
        `tree.scores.Scores`, whose `from_logits` is not `None`.

    Raises:
        TypeError: If `model` is not a Keras model, or a subclassed model, whose output shape is unknown.
        ValueError: If there is no tree; if the number of channels fits neither nodes nor leaves; or if it
            cannot be inferred whether the output is logits or probabilities.
    """
    tree = getattr(model, "tree", None) if tree is None else tree
    # A training wrapper has the scores of the network that it wraps.
    model = getattr(model, "inference_model", model)
    if tree is None:
        raise ValueError(f"`{owner}` expects a `tree`, because `{type(model).__name__}` has none. Received: tree=None.")
    tree, shape = as_class_tree(tree), output_shape_of(model, owner)
    if from_logits is None:
        from_logits, kind = _known(model) or _found(model, owner)
        fits = kind is None or Scores(tree, kind).num_channels == shape[-1]
        if scores is None and not fits:
            activation = "sigmoid" if kind == "nodes" else "softmax"
            raise ValueError(
                f"`{owner}` expects a softmax over the {tree.num_leaves} leaves of `tree`, or a sigmoid for each of "
                f"its {tree.num_nodes} nodes. Received: {model.name!r}, which ends in a {activation} of {shape[-1]} "
                "channels. If this is intended, pass `scores` and `from_logits`."
            )
        scores = scores or kind
    elif scores is None and (known := _known(model)):
        scores = known[1]
    return infer_scores(tree, shape, scores, from_logits)


def output_shape_of(model, owner):
    """Returns the shape of a network's output, `(None, H, W, C)`.

    Raises:
        TypeError: If the model has no output shape before it is called.
        ValueError: If it does not have exactly one output of that form.
    """
    try:
        shape = model.output_shape
    except AttributeError:
        raise TypeError(
            f"`{owner}` expects a functional `keras.Model`, whose output shape is known. Received: "
            f"{type(model).__name__}. Pass keras.Model(image, model(image)) with image = keras.Input((None, None, 3))."
        ) from None
    # Keras also gives a dict or list of one output the shape of this output.
    is_one = not isinstance(getattr(model, "_outputs_struct", None), (dict, list, tuple))
    if not is_one or not isinstance(shape, tuple) or len(shape) != 4 or not isinstance(shape[-1], int):
        raise ValueError(
            f"`{owner}` expects a network with one output of scores, (B, H, W, C). Received: output_shape={shape}. "
            "Pass keras.Model(model.input, scores) with one of the outputs as `scores`."
        )
    return shape


def _known(model):
    """Returns `(from_logits, kind)` of a network that was made for a tree, and `None` for others."""
    kind, from_logits = getattr(model, "scores", None), getattr(model, "from_logits", None)
    return None if kind is None or from_logits is None else (from_logits, kind)


def _found(model, owner):
    operation = _last_operation(model)
    if type(operation).__name__ in ("Softmax", "Sigmoid"):
        activation = type(operation).__name__.lower()
    else:
        activation = getattr(operation, "activation", None)
        activation = getattr(activation, "__name__", activation)
        if activation is None and type(operation).__name__ in _LINEAR:
            activation = "linear"
    on_channels = getattr(operation, "axis", -1) in (-1, 3)
    if activation not in _ACTIVATIONS or not on_channels:
        where = "an unknown layer" if operation is None else f"{operation.name!r} ({type(operation).__name__})"
        raise ValueError(
            f"`{owner}` expects a last layer without activation (logits), or with sigmoid or softmax (probabilities). "
            f"Received: {model.name!r}, which ends in {where}. Pass from_logits=True or from_logits=False."
        )
    return _ACTIVATIONS[activation]


def _last_operation(model):
    """Returns the last operation that changes scores, also inside nested models; `None` without a functional graph."""
    # Subclassed models, nested ones too, have no outputs.
    if not getattr(model, "inputs", None) or len(getattr(model, "outputs", None) or ()) != 1:
        return None
    tensor = model.outputs[0]
    while True:
        operation, node, _ = tensor._keras_history
        inputs = operation._inbound_nodes[node].input_tensors
        if isinstance(operation, keras.Model):
            return _last_operation(operation)
        if not inputs or not _is_moving(operation):
            return operation
        tensor = inputs[0]


def _is_moving(operation):
    is_linear = getattr(getattr(operation, "activation", None), "__name__", None) == "linear"
    kind = type(operation).__name__
    return kind in _MOVING or kind == "Activation" and is_linear or kind == "Dropout"
