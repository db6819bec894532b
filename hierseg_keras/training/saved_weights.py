"""A network's weights as the bytes of a `.weights.h5` file."""

import io


class _Memory(io.BytesIO):
    """A file in memory, which Keras takes for a path where it asks only for the ending of the name."""

    def __str__(self):
        return "model.weights.h5"


def weights_as_bytes(model):
    """The content of the file that `model.save_weights` writes.

    HDF5 (1.14) crashes the process at its end when a file could not be written, as on a full disk. In
    memory nothing fails, and the bytes are then written as any others.

    Args:
        model: `keras.Model`.

    Returns:
        Bytes.
    """
    memory = _Memory()
    model.save_weights(memory)
    # Without a copy. A view of the buffer may outlive the file, which Python 3.13 then warns of.
    return memory.getvalue()
