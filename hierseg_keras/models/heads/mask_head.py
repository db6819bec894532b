"""The parts of mask classification: masks of queries, and the probabilities of leaves that follow from them."""

import keras
from keras import ops

from hierseg_keras.tree.ops import softmax

# Keeps the division defined where every mask is 0.
_SMALLEST = 1e-30


@keras.saving.register_keras_serializable("hierseg_keras")
class QueryMasks(keras.layers.Layer):
    """Computes the mask logits of queries, the products of their mask embeddings with the features of pixels.

    Call arguments:
        inputs: Pair of tensors: mask embeddings, `(B, Q, C)`, and features of pixels, `(B, h, w, C)`.

    Returns:
        Tensor, `(B, h, w, Q)`.
    """

    def call(self, inputs):
        masks, x = inputs
        return ops.einsum("bhwc,bqc->bhwq", x, masks)

    def compute_output_shape(self, input_shape):
        masks, x = input_shape
        return (*x[:3], masks[1])


@keras.saving.register_keras_serializable("hierseg_keras")
class MaskProbabilities(keras.layers.Layer):
    """Computes the probabilities of leaves from the classes and masks of queries.

    ```
    p_k = s_k / sum over leaves of s,    s_k = sum over queries q of softmax(classes_q)[k] * sigmoid(mask_q)
    ```

    "No object", the last class, is excluded. The division by the sum leaves the most probable leaf as it is.

    Call arguments:
        inputs: Pair of tensors: class logits, `(B, Q, L + 1)`, and mask logits, `(B, h, w, Q)`.

    Returns:
        Tensor, `(B, h, w, L)`.
    """

    def call(self, inputs):
        classes, masks = inputs
        scores = ops.einsum("bhwq,bqk->bhwk", ops.sigmoid(masks), softmax(classes)[..., :-1])
        return scores / ops.maximum(ops.sum(scores, axis=-1, keepdims=True), _SMALLEST)

    def compute_output_shape(self, input_shape):
        classes, masks = input_shape
        return (*masks[:3], classes[2] - 1)
