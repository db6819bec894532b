"""Swin's stages, with timm's layer names, so that its checkpoints can be loaded."""

import keras
import numpy as np
from keras import layers, ops

from hierseg_keras.models.backbones.window_attention import PadToWindows, WindowAttention
from hierseg_keras.models.layers.crop_to import CropTo

EPSILON = 1e-5


def swin_stages(x, width, depths, num_heads, window=7, drop_path=0.3):
    """Builds the stages of a Swin Transformer (Liu et al., ICCV 2021).

    Args:
        x: Symbolic tensor of scaled images, `(B, H, W, 3)`.
        width: Channels of the first stage. Each further stage doubles them.
        depths: Number of blocks of each of the four stages.
        num_heads: Number of attention heads of each stage.
        window: Height and width of a window, in patches. Defaults to 7.
        drop_path: Probability that a residual branch of the last block is dropped for an image in
            training. Over the blocks, the probability rises from 0 in equal steps. Defaults to 0.3.

    Returns:
        Dict from `"stage1"`, ..., `"stage4"` to normalized maps at strides 4, 8, 16 and 32. Each is the
        output of the layer with the stage's name.
    """
    x = PadToWindows(4, name="patch_embed.pad")(x)
    x = layers.Conv2D(width, 4, strides=4, name="patch_embed.proj")(x)
    x = _norm(x, "patch_embed.norm")
    rates, stages = iter(np.linspace(0, drop_path, sum(depths)).tolist()), {}
    for stage, (depth, heads) in enumerate(zip(depths, num_heads)):
        if stage > 0:
            x = _merged_patches(x, f"layers.{stage}.downsample")
        for i in range(depth):
            x = _block(x, heads, window, i % 2 == 1, next(rates), f"layers.{stage}.blocks.{i}")
        stages[f"stage{stage + 1}"] = _norm(x, f"stage{stage + 1}")
    return stages


def _block(x, num_heads, window, is_shifted, drop_path, name):
    channels = x.shape[-1]
    y = PadToWindows(window, name=f"{name}.pad")(_norm(x, f"{name}.norm1"))
    y = layers.Dense(3 * channels, name=f"{name}.attn.qkv")(y)
    y = WindowAttention(num_heads, window, is_shifted, name=f"{name}.attn")(y)
    y = CropTo(name=f"{name}.crop")([y, x])
    y = layers.Dense(channels, name=f"{name}.attn.proj")(y)
    x = _residual(x, y, drop_path, f"{name}.1")
    y = layers.Dense(4 * channels, name=f"{name}.mlp.fc1")(_norm(x, f"{name}.norm2"))
    y = layers.Activation(_gelu, name=f"{name}.mlp.act")(y)
    y = layers.Dense(channels, name=f"{name}.mlp.fc2")(y)
    return _residual(x, y, drop_path, f"{name}.2")


def _residual(x, y, drop_path, name):
    if drop_path:
        # With this noise shape, a branch is dropped or kept for a whole image.
        y = layers.Dropout(drop_path, noise_shape=(None, 1, 1, 1), name=f"{name}.drop_path")(y)
    return layers.Add(name=f"{name}.add")([x, y])


def _merged_patches(x, name):
    """Merges each square of 2x2 patches into one patch with twice the channels."""
    x = PadToWindows(2, name=f"{name}.pad")(x)
    x = MergePatches(name=f"{name}.merge")(x)
    x = _norm(x, f"{name}.norm")
    return layers.Dense(x.shape[-1] // 2, use_bias=False, name=f"{name}.reduction")(x)


def _norm(x, name):
    return layers.LayerNormalization(epsilon=EPSILON, name=name)(x)


@keras.saving.register_keras_serializable("hierseg_keras")
def _gelu(x):
    return ops.gelu(x, approximate=False)


@keras.saving.register_keras_serializable("hierseg_keras")
class MergePatches(keras.layers.Layer):
    """Concatenates the channels of each square of 2x2 pixels, column by column.

    Call arguments:
        x: Tensor, `(B, 2 * h, 2 * w, C)`.

    Returns:
        Tensor, `(B, h, w, 4 * C)`.
    """

    def call(self, x):
        _, height, width, channels = ops.shape(x)
        x = ops.reshape(x, (-1, height // 2, 2, width // 2, 2, channels))
        return ops.reshape(ops.transpose(x, (0, 1, 3, 4, 2, 5)), (-1, height // 2, width // 2, 4 * channels))

    def compute_output_shape(self, input_shape):
        batch, *size, channels = input_shape
        return (batch, *(length and length // 2 for length in size), 4 * channels)
