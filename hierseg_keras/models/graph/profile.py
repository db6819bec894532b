"""What a network costs: parameters, and multiply-adds of an image, by layer."""

import contextlib
import dataclasses

import keras
import numpy as np


@dataclasses.dataclass(frozen=True)
class LayerProfile:
    """A layer's costs.

    Attributes:
        name: The layer's, inside a nested model after that one's and a slash.
        parameters: Number of trained numbers; moving averages are not among them.
        multiply_adds: Of one image, in convolutions, matrix products and attention.
    """

    name: str
    parameters: int
    multiply_adds: int


def profile(model, size):
    """Parameters and multiply-adds of a network by layer.

    Counted in the graph that TensorFlow runs, of convolutions (transposed, grouped and depthwise
    ones too), matrix products and Einstein sums, whoever wrote the layer:

    ```
    multiply_adds = numbers in the output * numbers that each is a sum of
    ```

    Biases, normalization, activations and resizing are left out, as the papers' figures do.

    Args:
        model: `keras.Model` from images.
        size: `(H, W)` of the image.

    Returns:
        List of `LayerProfile`, in the order of the model's layers, of those with costs. Their
        sums are the model's.

    Raises:
        ValueError: On another backend than TensorFlow, or if the model takes no such images.

    Example:

    >>> tree = hs.ClassTree.load("camvid")
    >>> rows = hs.models.profile(hs.models.UNet(tree, filters=8), (96, 128))
    >>> rows[0]
    LayerProfile(name='encoder_0_a_conv', parameters=216, multiply_adds=2654208)
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(f"`profile` expects the TensorFlow backend. Received: {keras.backend.backend()}.")
    import tensorflow as tf

    expected = model.input_shape[1:3]
    if len(size) != 2 or any(have not in (None, want) for have, want in zip(expected, size)):
        raise ValueError(f"`profile` expects a `size` (H, W) that the model takes, {expected}. Received: size={size}.")
    image = tf.TensorSpec((1, *size, model.input_shape[-1]), model.inputs[0].dtype)
    layers = dict(_layers(model))
    with _ranges_of(layers.values()) as ranges, _functions_inline():
        run = tf.function(lambda x: model(x, training=False), autograph=False).get_concrete_function(image)
    operations = run.graph.get_operations()
    rows = []
    for name, layer in layers.items():
        parameters = sum(int(np.prod(weight.shape)) for weight in layer.trainable_weights)
        layer_operations = [operation for start, end in ranges[id(layer)] for operation in operations[start:end]]
        multiply_adds = sum(
            _COSTS[operation.type](operation) for operation in layer_operations if operation.type in _COSTS
        )
        if parameters or multiply_adds:
            rows.append(LayerProfile(name, parameters, multiply_adds))
    return rows


def _layers(model, prefix=""):
    """The innermost models' layers with their full names."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer, f"{prefix}{layer.name}/")
        else:
            yield prefix + layer.name, layer


@contextlib.contextmanager
def _ranges_of(layers):
    """By the id of each layer: the ranges of a graph's operations that its calls add to it."""
    import tensorflow as tf

    ranges, call = {id(layer): [] for layer in layers}, keras.layers.Layer.__call__

    def noting(self, *args, **kwargs):
        graph = tf.compat.v1.get_default_graph()
        start = len(graph.get_operations())
        result = call(self, *args, **kwargs)
        if id(self) in ranges:
            ranges[id(self)].append((start, len(graph.get_operations())))
        return result

    keras.layers.Layer.__call__ = noting
    try:
        yield ranges
    finally:
        keras.layers.Layer.__call__ = call


@contextlib.contextmanager
def _functions_inline():
    """Keras calls a function of its own for grouped convolutions; its operations are to stand in the graph itself."""
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


def _convolution_cost(operation):
    """Outputs times a kernel's numbers for each: all but the output channels."""
    return _size(_undilated(operation.outputs[0])) * int(np.prod(operation.inputs[1].shape[:-1]))


def _depthwise_cost(operation):
    height, width, _, _ = operation.inputs[1].shape
    return _size(_undilated(operation.outputs[0])) * height * width


def _undilated(tensor):
    """TensorFlow dilates by dealing a padded map out to several images: their padding is not counted."""
    for consumer in tensor.consumers():
        if consumer.type == "BatchToSpaceND":
            return consumer.outputs[0]
    return tensor


def _transposed_cost(operation):
    """Of a convolution backwards: every input pixel meets the whole kernel."""
    _, kernel, given = operation.inputs
    return _size(given) * int(np.prod(kernel.shape[:-1]))


def _product_cost(operation):
    first = operation.inputs[0].shape
    is_turned = operation.get_attr("transpose_a" if operation.type == "MatMul" else "adj_x")
    return _size(operation.outputs[0]) * int(first[-2] if is_turned else first[-1])


def _einsum_cost(operation):
    """The product of the sizes of all its letters."""
    terms = operation.get_attr("equation").decode().split("->")[0].split(",")
    sizes = {}
    for term, tensor in zip(terms, operation.inputs):
        if "." in term:
            raise ValueError(f"`profile` cannot count an Einstein sum with an ellipsis: {operation.name}.")
        sizes.update(zip(term, tensor.shape))
    return int(np.prod(list(sizes.values())))


def _size(tensor):
    if None in tensor.shape:
        raise ValueError(f"`profile` expects sizes known from the image's. Received: {tensor.name} of {tensor.shape}.")
    return int(np.prod(tensor.shape))


_COSTS = {
    "Conv2D": _convolution_cost,
    "Conv3D": _convolution_cost,
    "DepthwiseConv2dNative": _depthwise_cost,
    "Conv2DBackpropInput": _transposed_cost,
    "MatMul": _product_cost,
    "BatchMatMul": _product_cost,
    "BatchMatMulV2": _product_cost,
    "BatchMatMulV3": _product_cost,
    "Einsum": _einsum_cost,
}
