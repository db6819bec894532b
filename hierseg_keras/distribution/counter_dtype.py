"""The integer type of variables that count."""

import keras


def counter_dtype():
    """Returns the dtype of a variable that counts.

    TensorFlow keeps int32 variables on the CPU, where a step that XLA compiles for a GPU cannot read them. JAX has no
    int64 by default.
    """
    return "int64" if keras.backend.backend() == "tensorflow" else "int32"
