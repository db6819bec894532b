"""The cost of a network's layers: parameters, and multiply-adds per image."""

import contextlib
import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

from hierseg_keras.arguments.exact_integer import is_size
from hierseg_keras.models.graph.functional import functional


@dataclasses.dataclass(frozen=True)
class LayerProfile:
    """Holds the cost of a layer.

    Attributes:
        name: Name of the layer. A layer of a nested model is named `"model/layer"`.
        parameters: Number of trainable parameters. The moving averages of batch normalization are not
            counted.
        multiply_adds: Number of multiply-adds for one image, in convolutions, matrix products and
            attention.
    """

    name: str
    parameters: int
    multiply_adds: int


def profile(model: keras.Model, size: Sequence[int]) -> list[LayerProfile]:
    """Counts the parameters and multiply-adds of each layer of a network.

    Multiply-adds are counted in the graph that TensorFlow runs, so that custom layers are counted too.
    Convolutions (including transposed, grouped and depthwise ones), matrix products and Einstein sums
    contribute:

    ```
    multiply_adds = number of output values * number of products summed per output value
    ```

    Biases, normalization, activations and resizing do not contribute, as in the papers.

    Args:
        model: `keras.Model` with an image input, or a wrapper for training around one.
        size: Height and width of the image in pixels, `(H, W)`.

    Returns:
        List with one `LayerProfile` per layer that has parameters or multiply-adds, in the order of the
        model's layers. The costs of the model are the sums over the list.

    Raises:
        TypeError: If the model is not functional.
        ValueError: If the Keras backend is not TensorFlow; if the model does not accept images of the
            size; or if the size of a product cannot be derived from the size of the image.

    Example:

    >>> tree = hs.ClassTree.load("camvid")
    >>> rows = hs.models.profile(hs.models.UNet(tree, filters=8), (96, 128))
    >>> rows[0]
    LayerProfile(name='encoder_0_a_conv', parameters=216, multiply_adds=2654208)
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"`profile` expects the TensorFlow backend. Received: {keras.backend.backend()!r}. Set "
            "KERAS_BACKEND=tensorflow."
        )
    import tensorflow as tf

    model = functional("profile", getattr(model, "inference_model", model))
    expected = model.input_shape[1:3]
    if not is_size(size) or any(have not in (None, want) for have, want in zip(expected, size)):
        raise ValueError(
            f"`profile` expects a `size` (H, W) that the model accepts, {expected}. Received: size={size}."
        )
    image = tf.TensorSpec((1, *size, model.input_shape[-1]), model.inputs[0].dtype)
    layers = dict(_layers(model))
    with _ranges_of(layers.values()) as ranges, _functions_inline():
        run = tf.function(lambda x: model(x, training=False), autograph=False).get_concrete_function(image)
    operations = run.graph.get_operations()
    rows = []
    for name, layer in layers.items():
        parameters = sum(int(np.prod(weight.shape)) for weight in layer.trainable_weights)
        of_layer = [operation for start, end in ranges[id(layer)] for operation in operations[start:end]]
        multiply_adds = sum(_COSTS[operation.type](operation) for operation in of_layer if operation.type in _COSTS)
        if parameters or multiply_adds:
            rows.append(LayerProfile(name, parameters, multiply_adds))
    return rows


def _layers(model, prefix=""):
    """Yields the full names and layers of a model. Nested models are replaced by their layers."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer, f"{prefix}{layer.name}/")
        else:
            yield prefix + layer.name, layer


@contextlib.contextmanager
def _ranges_of(layers):
    """Records the ranges of a graph's operations that each layer adds in its calls.

    Yields:
        Dict from the id of each layer to a list of pairs of indices: of the first operation, and one past
        the last.
    """
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
    """Puts the operations of inner functions into the graph itself, such as that of Keras's grouped convolutions."""
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


def _convolution_cost(operation):
    """Computes the number of outputs times the size of the kernel without its output channels."""
    return _size(_undilated(operation.outputs[0])) * int(np.prod(operation.inputs[1].shape[:-1]))


def _depthwise_cost(operation):
    height, width, _, _ = operation.inputs[1].shape
    return _size(_undilated(operation.outputs[0])) * height * width


def _undilated(tensor):
    """Returns the output of a dilated convolution without its padding.

    TensorFlow splits a padded map into several images, convolves these, and joins them again.
    """
    for consumer in tensor.consumers():
        if consumer.type == "BatchToSpaceND":
            return consumer.outputs[0]
    return tensor


def _transposed_cost(operation):
    """Computes the cost of a transposed convolution, in which each input pixel is multiplied by the whole kernel."""
    _, kernel, x = operation.inputs
    return _size(x) * int(np.prod(kernel.shape[:-1]))


def _product_cost(operation):
    first = operation.inputs[0].shape
    is_turned = operation.get_attr("transpose_a" if operation.type == "MatMul" else "adj_x")
    return _size(operation.outputs[0]) * int(first[-2] if is_turned else first[-1])


def _einsum_cost(operation):
    """Computes the product of the sizes of all letters in the equation."""
    terms = operation.get_attr("equation").decode().split("->")[0].split(",")
    sizes = {}
    for term, tensor in zip(terms, operation.inputs):
        if "." in term:
            raise ValueError(
                f"`profile` expects Einstein sums without an ellipsis. Received: {operation.name}. Write out its axes."
            )
        sizes.update(zip(term, tensor.shape))
    return int(np.prod(list(sizes.values())))


def _size(tensor):
    if None in tensor.shape:
        raise ValueError(
            f"`profile` expects maps whose size follows from that of the image. Received: {tensor.name} of shape "
            f"{tensor.shape}."
        )
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
