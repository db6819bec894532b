"""Where a segmentation network can be taken apart: before its classes, and at what pixels are compared by."""

import keras

# What may lie between the classifier and the output: it moves or scales scores and knows no class.
_AFTERTHOUGHTS = (
    "Activation",
    "CropTo",
    "Cropping2D",
    "Identity",
    "Resize",
    "ResizeTo",
    "Resizing",
    "Sigmoid",
    "Softmax",
    "UpSampling2D",
)
_CLASSIFIERS = ("Conv2D", "Dense")


def classifier_input(segmenter, features=None):
    """Finds the features of a functional segmentation network.

    From the output backwards, past resizing and activations, to the 1x1 convolution that gives a
    score a class; its input is the features.

    Args:
        segmenter: Functional `keras.Model` with one image for input.
        features: Optional name of the layer whose output is classified.

    Returns:
        What is classified, a symbolic tensor `(B, h, w, C)`.

    Raises:
        ValueError: If no such place is found, or the name is of no layer.
    """
    classified = _classified(segmenter)[0] if features is None else _output_of(segmenter, features)
    return _checked_map(segmenter, "features", classified)


def embedding_of(segmenter, features=None, embedding=None):
    """Finds what pixels are compared by in a functional segmentation network.

    Where no layer is named, that is the output of a layer of the name `embedding`, as our networks
    have it; or else the input of the head, where the classifier is inside of a model of its own;
    or else what is classified.

    Args:
        segmenter: As `classifier_input`'s.
        features: As `classifier_input`'s.
        embedding: Optional name of the layer whose output is the embedding.

    Returns:
        Symbolic tensor, `(B, h, w, C)`.

    Raises:
        ValueError: As `classifier_input`.
    """
    if embedding is None and any(layer.name == "embedding" for layer in segmenter.layers):
        embedding = "embedding"
    named = embedding if embedding is not None else features
    compared = _classified(segmenter)[1] if named is None else _output_of(segmenter, named)
    return _checked_map(segmenter, "embedding", compared)


def _checked_map(segmenter, argument, tensor):
    if len(tensor.shape) != 4 or tensor.shape[-1] is None:
        raise ValueError(
            f"`{argument}` expects a map (B, h, w, C). Received: {tuple(tensor.shape)}. Name another layer of "
            f"{segmenter.name!r}."
        )
    return tensor


def _classified(segmenter):
    """The classifier's input, and that of the head that it is in."""
    if len(segmenter.outputs) != 1:
        raise ValueError(
            f"expected a network with one output of scores. Received: {segmenter.name!r} with "
            f"{len(segmenter.outputs)} outputs. Name the layer to classify: `features=`."
        )
    tensor = segmenter.outputs[0]
    while True:
        operation, node, _ = tensor._keras_history
        inputs = operation._inbound_nodes[node].input_tensors
        kind = type(operation).__name__
        if isinstance(operation, keras.Model) and len(operation.outputs) == 1 and len(inputs) == 1:
            inner, _ = _classified(operation)
            return keras.Model(operation.inputs, inner, name=f"{operation.name}_features")(inputs[0]), inputs[0]
        if kind in _CLASSIFIERS and _is_pointwise(operation):
            return inputs[0], inputs[0]
        if kind not in _AFTERTHOUGHTS or not inputs:
            raise ValueError(
                "expected a network that ends in a 1x1 convolution, followed by resizing and activations alone. "
                f"Received: {segmenter.name!r} with {operation.name!r} of type {kind} behind it. Name the layer whose "
                f'output is to be classified: `features="..."`, such as {_last_maps(segmenter)}.'
            )
        tensor = inputs[0]


def _is_pointwise(layer):
    return type(layer).__name__ == "Dense" or tuple(layer.kernel_size) == (1, 1)


def _output_of(segmenter, name):
    """The output of a layer, in the graph of the network."""
    calls = [node for nodes in segmenter._nodes_by_depth.values() for node in nodes if node.operation.name == name]
    if len(calls) == 1 and len(calls[0].output_tensors) == 1:
        return calls[0].output_tensors[0]
    raise ValueError(
        f"expected the name of a layer of {segmenter.name!r} with one output. Received: {name!r}, which gives "
        f"{sum(len(call.output_tensors) for call in calls)}. Its last maps: {_last_maps(segmenter)}."
    )


def _last_maps(segmenter, count=6):
    return [layer.name for layer in segmenter.layers if len(getattr(layer.output, "shape", ())) == 4][-count:]
