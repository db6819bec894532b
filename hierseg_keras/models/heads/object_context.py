"""Object-contextual representations: features of pixels with context from soft regions."""

import keras
from keras import layers, ops

from hierseg_keras.models.layers.conv_norm_relu import conv_norm_relu


@keras.saving.register_keras_serializable("hierseg_keras")
class RegionRepresentation(keras.layers.Layer):
    """Computes one representation per region: the mean of all pixels' features, weighted by a softmax over pixels.

    ```
    f_k = sum over pixels i of softmax_i(m_ki) x_i
    ```

    Call arguments:
        inputs: Pair `(x, logits)` of tensors: features, `(B, h, w, C)`, and the logits of a coarse
            segmentation into `K` regions, `(B, h, w, K)`.

    Returns:
        Tensor, `(B, 1, K, C)`. It has the form of a map of `1 x K` pixels, so that convolutions can be
        applied to it.

    Reference:
        [Yuan et al., ECCV 2020](https://arxiv.org/abs/1909.11065), equation 8.
    """

    def call(self, inputs):
        x, logits = inputs
        batch, channels, regions = ops.shape(x)[0], x.shape[-1], logits.shape[-1]
        # In float32, because the sum of exponentials over all pixels of an image overflows in half precision.
        logits = ops.reshape(ops.cast(logits, "float32"), (batch, -1, regions))
        weights = ops.cast(ops.softmax(logits, axis=1), x.dtype)
        x = ops.reshape(x, (batch, -1, channels))
        return ops.matmul(ops.transpose(weights, (0, 2, 1)), x)[:, None]

    def compute_output_shape(self, input_shape):
        x, logits = input_shape
        return (x[0], 1, logits[-1], x[-1])


@keras.saving.register_keras_serializable("hierseg_keras")
class RegionAttention(keras.layers.Layer):
    """Computes the attention of each pixel to the regions.

    ```
    w_ik = softmax_k(query_i . key_k / sqrt(C)),  y_i = sum over regions k of w_ik value_k
    ```

    Call arguments:
        inputs: Triple `(query, key, value)` of tensors, `(B, h, w, C)`, `(B, 1, K, C)` and
            `(B, 1, K, C)`.

    Returns:
        Tensor, `(B, h, w, C)`.

    Reference:
        [Yuan et al., ECCV 2020](https://arxiv.org/abs/1909.11065), equations 9 and 10.
    """

    def call(self, inputs):
        query, key, value = inputs
        shape, channels = ops.shape(query), query.shape[-1]
        # Scaled before the product, whose sums could be infinite in float16.
        query = ops.reshape(query, (shape[0], -1, channels)) * channels**-0.5
        similarity = ops.matmul(query, ops.transpose(key[:, 0], (0, 2, 1)))
        weights = ops.cast(ops.softmax(ops.cast(similarity, "float32"), axis=-1), query.dtype)
        return ops.reshape(ops.matmul(weights, value[:, 0]), (shape[0], shape[1], shape[2], channels))

    def compute_output_shape(self, input_shape):
        return input_shape[0]


def object_context(x, logits, filters, key_filters, dropout, prefix=""):
    """Builds object-contextual representations, and joins them with the features.

    Args:
        x: Symbolic features, `(B, h, w, filters)`.
        logits: Symbolic logits of a coarse segmentation of the same size, `(B, h, w, K)`.
        filters: Channels of the result.
        key_filters: Channels of queries, keys and values.
        dropout: Dropout rate of the channels of the result.
        prefix: Prefix of all layer names. Defaults to no prefix.

    Returns:
        Symbolic tensor, `(B, h, w, filters)`.
    """
    regions = RegionRepresentation(name=f"{prefix}regions")([x, logits])
    query = _two_convolutions(x, key_filters, f"{prefix}query")
    key = _two_convolutions(regions, key_filters, f"{prefix}key")
    value = conv_norm_relu(regions, key_filters, 1, f"{prefix}value")
    context = RegionAttention(name=f"{prefix}attention")([query, key, value])
    context = conv_norm_relu(context, filters, 1, f"{prefix}context")
    joined = layers.Concatenate(name=f"{prefix}join")([context, x])
    joined = conv_norm_relu(joined, filters, 1, f"{prefix}features")
    return layers.SpatialDropout2D(dropout, name=f"{prefix}dropout")(joined)


def _two_convolutions(x, filters, name):
    return conv_norm_relu(conv_norm_relu(x, filters, 1, f"{name}_1"), filters, 1, f"{name}_2")
