"""Self-attention inside windows of a map, and the padding of maps to whole windows."""

import keras
import numpy as np
from keras import ops

# Added to the similarity of pixels from opposite edges of the map in one window, as in the paper's code.
_APART = -100.0


@keras.saving.register_keras_serializable("hierseg_keras")
class PadToWindows(keras.layers.Layer):
    """Pads maps with zeros, at the bottom and on the right, to whole windows.

    Args:
        window: Height and width of a window, in pixels.

    Call arguments:
        x: Tensor, `(B, H, W, C)`.

    Returns:
        Tensor, `(B, H', W', C)`. `H'` and `W'` are multiples of `window`.
    """

    def __init__(self, window, **kwargs):
        super().__init__(**kwargs)
        self.window = window

    def call(self, x):
        height, width = ops.shape(x)[1:3]
        return ops.pad(x, [[0, 0], [0, -height % self.window], [0, -width % self.window], [0, 0]])

    def compute_output_shape(self, input_shape):
        batch, *size, channels = input_shape
        return (batch, *(length and length + -length % self.window for length in size), channels)

    def get_config(self):
        return {**super().get_config(), "window": self.window}


@keras.saving.register_keras_serializable("hierseg_keras")
class WindowAttention(keras.layers.Layer):
    """Applies multi-head self-attention inside each window, with a bias by relative position.

    ```
    softmax(q k^T / sqrt(d) + bias) v
    ```

    Windows may be shifted by half their size. Shifted windows wrap around the edges of the map, and pixels
    from opposite edges do not attend to each other. An axis with a single window is not shifted.

    Args:
        num_heads: Number of heads, each of `C / num_heads` channels.
        window: Height and width of a window, in pixels.
        is_shifted: Whether windows are shifted by `window // 2`. Defaults to `False`.

    Call arguments:
        qkv: Queries, keys and values, `(B, H, W, 3 * C)`. `H` and `W` are multiples of `window`.

    Returns:
        Tensor, `(B, H, W, C)`.

    Reference:
        [Liu et al., Swin Transformer, ICCV 2021](https://arxiv.org/abs/2103.14030), section 3.2
        and equation 4.
    """

    def __init__(self, num_heads, window, is_shifted=False, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.window = window
        self.is_shifted = is_shifted
        self._positions = _relative_positions(window)

    def build(self, input_shape):
        self.relative_position_bias_table = self.add_weight(
            shape=((2 * self.window - 1) ** 2, self.num_heads),
            initializer=keras.initializers.TruncatedNormal(stddev=0.02),
            name="relative_position_bias_table",
        )

    def call(self, qkv):
        size = ops.shape(qkv)[1:3]
        shifts = [self._shift(length) for length in size] if self.is_shifted else None
        if shifts:
            qkv = _rolled(qkv, shifts)
        windows = _windows(qkv, self.window)
        bias = ops.take(self.relative_position_bias_table, self._positions, axis=0)
        bias = ops.cast(ops.transpose(bias, (2, 0, 1)), "float32")
        if shifts:
            bias = bias + self._apart(size, shifts)[:, None]
        x = self._attention(windows, bias)
        x = _joined(x, ops.shape(qkv), self.window)
        return _rolled(x, [length - shift for length, shift in zip(size, shifts)]) if shifts else x

    def _shift(self, length):
        """Returns the shift along an axis: half a window, or 0 if the axis has only one window."""
        if isinstance(length, int):
            return self.window // 2 if length > self.window else 0
        return ops.where(length > self.window, self.window // 2, 0)

    def _apart(self, size, shifts):
        """Returns `(windows, n, n)`: `_APART` for pairs of pixels from opposite edges of the map, and 0 for others."""
        regions = []
        for length, shift in zip(size, shifts):
            place = ops.arange(length)
            last = ops.cast(place >= length - self.window, "int32")
            regions.append(last + ops.cast(place >= length - shift, "int32"))
        region = 3 * regions[0][:, None] + regions[1][None, :]
        region = _windows(region[None, :, :, None], self.window)[..., 0]
        return _APART * ops.cast(region[:, :, None] != region[:, None, :], "float32")

    def _attention(self, windows, bias):
        """Computes attention in windows, `(B * windows, n, 3 * C)`.

        The bias is `(heads, n, n)`, or `(windows, heads, n, n)` with one bias per window of an image.
        """
        pixels, channels = self.window**2, windows.shape[-1] // 3
        parts = ops.reshape(windows, (-1, pixels, 3, self.num_heads, channels // self.num_heads))
        query, key, value = ops.unstack(ops.transpose(parts, (2, 0, 3, 1, 4)), num=3)
        scale = (channels // self.num_heads) ** -0.5
        similarity = ops.matmul(query * scale, ops.transpose(key, (0, 1, 3, 2)))
        # In float32, because in half precision the softmax does not sum to 1.
        similarity = ops.cast(similarity, "float32")
        if len(bias.shape) == 4:
            shape = ops.shape(similarity)
            by_image = ops.reshape(similarity, (-1, ops.shape(bias)[0], self.num_heads, pixels, pixels))
            similarity = ops.reshape(by_image + bias, shape)
        else:
            similarity = similarity + bias
        weights = ops.cast(ops.softmax(similarity, axis=-1), value.dtype)
        x = ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3))
        return ops.reshape(x, (-1, pixels, channels))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:3], input_shape[3] // 3)

    def get_config(self):
        config = {"num_heads": self.num_heads, "window": self.window, "is_shifted": self.is_shifted}
        return {**super().get_config(), **config}


def _relative_positions(window):
    """Returns the row of the bias table for each pair of a window's pixels, `(n, n)`."""
    place = np.stack(np.meshgrid(np.arange(window), np.arange(window), indexing="ij")).reshape(2, -1)
    down, right = place[:, :, None] - place[:, None, :] + window - 1
    return down * (2 * window - 1) + right


def _windows(x, window):
    """Splits a map `(B, H, W, C)` into windows, `(B * windows, window * window, C)`."""
    _, height, width, _ = ops.shape(x)
    x = ops.reshape(x, (-1, height // window, window, width // window, window, x.shape[-1]))
    return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, window**2, x.shape[-1]))


def _joined(windows, shape, window):
    """Joins windows into a map with the height and width of `shape`, the inverse of `_windows`."""
    height, width, channels = shape[1], shape[2], windows.shape[-1]
    x = ops.reshape(windows, (-1, height // window, width // window, window, window, channels))
    return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, height, width, channels))


def _rolled(x, shifts):
    """Moves the first rows and columns of a map to the end. The shifts are integers or integer tensors."""
    down, right = shifts
    x = ops.concatenate([x[:, down:], x[:, :down]], axis=1)
    return ops.concatenate([x[:, :, right:], x[:, :, :right]], axis=2)
