"""The image input of networks."""

import keras

from hierseg_keras.arguments.exact_integer import is_count


def image_input(model, input_shape, channels=3):
    """Makes the symbolic input of images.

    Args:
        model: Name of the network that errors mention.
        input_shape: Shape of an image, `(H, W, C)`, with `None` for a variable height or width.
        channels: Number of channels that the network expects, or `None` for any number. Defaults to 3.

    Returns:
        Symbolic tensor, `(B, H, W, C)`.

    Raises:
        ValueError: If `input_shape` does not have three entries, an entry is not a positive integer (or
            `None` for H and W), `C` is not `channels`, or Keras is set to channels first.
    """
    check_channels_last(model)
    shape = tuple(input_shape)
    wanted = "C" if channels is None else channels
    is_size = all(size is None or is_count(size) for size in shape[:2])
    has_channels = len(shape) == 3 and is_count(shape[2])
    if not has_channels or not is_size or channels not in (None, shape[2]):
        raise ValueError(
            f"`{model}` expects `input_shape=(H, W, {wanted})`, with None for a variable height or width. Received: "
            f"input_shape={input_shape}."
        )
    return keras.Input(shape, name="image")


def check_channels_last(model):
    """Raises `ValueError`, naming the model, if Keras is set to channels first."""
    if keras.config.image_data_format() != "channels_last":
        raise ValueError(
            f"`{model}` expects images with channels last, (B, H, W, C). Received: keras.config.image_data_format() == "
            f"{keras.config.image_data_format()!r}. Call keras.config.set_image_data_format('channels_last') first."
        )
