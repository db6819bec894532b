"""Search for the classifier's input, and for the embedding, in the graph of a segmentation network."""

import keras

from hierseg_keras.models.graph.operations_before import operations_before

# The types of layers that may follow the classifier: they resize or activate scores, and do not mix classes.
_AFTER_CLASSIFIER = (
    "Activation",
    "Identity",
    "Resize",
    "ResizeTo",
    "Resizing",
    "Sigmoid",
    "Softmax",
    "UpSampling2D",
)
# New scores of the map before it would be those of the uncropped image.
_CROPS = ("CropTo", "Cropping2D")
_CLASSIFIERS = ("Conv2D", "Dense")


def classifier_input(segmenter, features=None):
    """Finds the map that a functional segmentation network classifies.

    The search goes from the output backwards, past resizing and activations, to the 1x1 convolution that
    outputs one score per class. The map is its input.

    Args:
        segmenter: Functional `keras.Model` with one image input.
        features: Name of the layer whose output is classified. Defaults to the result of the search.

    Returns:
        Symbolic tensor, `(B, h, w, C)`.

    Raises:
        ValueError: If the search fails, a layer after the classifier crops the scores, or `features` is not the name
            of a layer that outputs one map.
    """
    if features is None:
        return _checked_map(segmenter, "features", _classified(segmenter)[1])
    classified = _output_of(segmenter, features)
    _refuse_crops_after(segmenter, classified)
    return _checked_map(segmenter, "features", classified)


def classifier_of(segmenter):
    """Returns the 1x1 convolution that `classifier_input` finds, also before a crop, or `None` if the search fails."""
    try:
        return _classified(segmenter, (*_AFTER_CLASSIFIER, *_CROPS))[0]
    except (ValueError, AttributeError):
        return None


def embedding_of(segmenter, features=None, embedding=None):
    """Finds the embedding of pixels in a functional segmentation network.

    Without the argument `embedding`, it is the output of the layer called "embedding" if the network has
    one. Otherwise it is the output of the layer `features` if that is given, the input of the head if the
    classifier lies inside a nested model, or the input of the classifier.

    Args:
        segmenter, features: As in `classifier_input`.
        embedding: Name of the layer whose output is the embedding. Defaults to the search above.

    Returns:
        Symbolic tensor, `(B, h, w, C)`.

    Raises:
        ValueError: If the search fails, a named layer does not exist or does not output one map, or no layer before
            the embedding has weights, because the whole network is one layer of `segmenter`.
    """
    if embedding is None and any(layer.name == "embedding" for layer in segmenter.layers):
        embedding = "embedding"
    named = embedding if embedding is not None else features
    compared = _classified(segmenter)[2] if named is None else _output_of(segmenter, named)
    if named is None and not _is_learned(compared):
        is_nested = any(isinstance(layer, keras.Model) for layer in segmenter.layers)
        where, advice = "its classifier", "Pass the name of a layer before the classifier as `embedding`"
        if is_nested:
            where, advice = "one nested model", "Pass the nested model itself, and scale the images inside of it"
        raise ValueError(
            "expected an embedding that layers with weights compute. Received: the output of "
            f"{compared._keras_history.operation.name!r} in {segmenter.name!r}, whose weights lie in {where}. {advice}."
        )
    return _checked_map(segmenter, "embedding", compared)


def _is_learned(tensor):
    """Returns whether a layer that can be trained lies between the image and a tensor."""
    layers = (operation for operation in operations_before(tensor) if isinstance(operation, keras.Layer))
    return any(_can_train(part) for layer in layers for part in layer._flatten_layers())


def _can_train(layer):
    # Also if it is frozen; `Normalization` has statistics alone.
    return bool(layer._trainable_variables)


def _checked_map(segmenter, argument, tensor):
    if len(tensor.shape) != 4 or tensor.shape[-1] is None:
        raise ValueError(
            f"`{argument}` expects a layer with a map, (B, h, w, C), as output. Received: an output of shape "
            f"{tuple(tensor.shape)}. Name another layer of {segmenter.name!r}."
        )
    return tensor


def _classified(segmenter, after=_AFTER_CLASSIFIER):
    """Returns the classifier, its input, and the input of the outermost nested model that contains the classifier."""
    if len(segmenter.outputs) != 1:
        raise ValueError(
            f"expected a network with one output of scores. Received: {segmenter.name!r} with "
            f"{len(segmenter.outputs)} outputs. Pass the name of the layer to classify as `features`."
        )
    tensor = segmenter.outputs[0]
    while True:
        operation, node, _ = tensor._keras_history
        inputs = operation._inbound_nodes[node].input_tensors
        kind = type(operation).__name__
        # Subclassed models have no outputs.
        if len(getattr(operation, "outputs", None) or ()) == 1 and len(inputs) == 1:
            classifier, inner, _ = _classified(operation, after)
            features = keras.Model(operation.inputs, inner, name=f"{operation.name}_features")
            return classifier, features(inputs[0]), inputs[0]
        if kind in _CLASSIFIERS and _is_pointwise(operation):
            _refuse_channels_first(segmenter, operation)
            return operation, inputs[0], inputs[0]
        if kind not in after:
            _refuse_crop(segmenter, operation)
        if kind not in after or not inputs:
            raise ValueError(
                "expected a network that ends in a 1x1 convolution, followed only by resizing and activations. "
                f"Received: {segmenter.name!r}, whose last other layer is {operation.name!r} of type {kind}. Pass the "
                "name of the layer whose output is to be classified as `features`. The last layers with maps are "
                f"{_last_maps(segmenter)}."
            )
        tensor = inputs[0]


def _refuse_channels_first(segmenter, operation):
    if getattr(operation, "data_format", None) == "channels_first":
        raise ValueError(
            f"expected a network whose maps have their channels last. Received: {segmenter.name!r}, whose layer "
            f"{operation.name!r} has data_format='channels_first'. Build the network with channels last."
        )


def _refuse_crops_after(segmenter, tensor):
    """Raises `ValueError` if a layer crops the map on its way to the output, as far as each layer has one input."""
    following = segmenter.outputs[0]
    while following is not tensor:
        operation, node, _ = following._keras_history
        _refuse_crop(segmenter, operation)
        inputs = operation._inbound_nodes[node].input_tensors
        if len(inputs) != 1:
            return
        following = inputs[0]


def _refuse_crop(segmenter, operation):
    kind = type(operation).__name__
    if kind in _CROPS:
        raise ValueError(
            f"expected a network whose scores cover the whole image. Received: {segmenter.name!r}, whose layer "
            f"{operation.name!r} of type {kind} crops them. Pad and crop outside of the network."
        )


def _is_pointwise(layer):
    return type(layer).__name__ == "Dense" or tuple(layer.kernel_size) == (1, 1)


def _output_of(segmenter, name):
    """Returns the output of a layer in the graph of the network."""
    calls = [node for nodes in segmenter._nodes_by_depth.values() for node in nodes if node.operation.name == name]
    if len(calls) == 1 and len(calls[0].output_tensors) == 1:
        return calls[0].output_tensors[0]
    raise ValueError(
        f"expected the name of a layer of {segmenter.name!r} with one output. Received: {name!r}, with "
        f"{sum(len(call.output_tensors) for call in calls)} outputs. The last layers with maps are "
        f"{_last_maps(segmenter)}."
    )


def _last_maps(segmenter, count=6):
    return [layer.name for layer in segmenter.layers if len(getattr(layer.output, "shape", ())) == 4][-count:]
