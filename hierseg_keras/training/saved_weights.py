"""Converts a network's weights to the bytes of a `.weights.h5` file."""

import io


class _Memory(io.BytesIO):
    """A file in memory. Its text form ends in `.weights.h5`, because Keras checks the ending of the path."""

    def __str__(self):
        return "model.weights.h5"


def weights_as_bytes(model):
    """Returns the content of the file that `model.save_weights` would write.

    If HDF5 (1.14) cannot write a file, for example because the disk is full, it crashes the process when the
    process ends. Writing to memory avoids this. The caller writes the bytes to the file.

    Args:
        model: `keras.Model`.

    Returns:
        Bytes.
    """
    memory = _Memory()
    model.save_weights(memory)
    # `getvalue` does not copy. Python 3.13 warns about a view of the buffer that outlives the file.
    return memory.getvalue()
