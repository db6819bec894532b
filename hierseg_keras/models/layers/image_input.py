"""The input of every network: images, channels last."""

import keras


def image_input(model, input_shape, channels=3):
    """Makes the symbolic input of images.

    Args:
        model: Name of the network, for errors.
        input_shape: `(H, W, C)`, where H and W may be `None`.
        channels: Number of channels that the network takes; `None` for any.

    Returns:
        Symbolic tensor `(B, H, W, C)`.

    Raises:
        ValueError: If the shape has another value, or Keras is set to channels first.
    """
    check_channels_last(model)
    shape = tuple(input_shape)
    wanted = "C" if channels is None else channels
    is_size = all(size is None or isinstance(size, int) and size > 0 for size in shape[:2])
    has_channels = len(shape) == 3 and isinstance(shape[2], int) and shape[2] > 0
    if not has_channels or not is_size or channels not in (None, shape[2]):
        raise ValueError(
            f"`{model}` expects `input_shape=(H, W, {wanted})`, None where a size is not known. Received: "
            f"input_shape={input_shape}."
        )
    return keras.Input(shape, name="image")


def check_channels_last(model):
    """Refuses Keras's setting of channels first, naming the model."""
    if keras.config.image_data_format() != "channels_last":
        raise ValueError(
            f"`{model}` expects images with channels last, (B, H, W, C). Received: keras.config.image_data_format() == "
            f"{keras.config.image_data_format()!r}. Call keras.config.set_image_data_format('channels_last') first."
        )
