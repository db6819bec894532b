"""The check that weights are finite."""

import keras
from keras import ops

from hierseg_keras.messages.capped_list import capped

# The largest number of variables that an error names.
_NUM_NAMED = 3


def check_finite_weights(model, what):
    """Checks that all weights of a network are finite, because with NaN it predicts class 0 everywhere.

    All floating-point variables are checked, including the moving averages of batch normalization.

    Args:
        model: `keras.Model`.
        what: Name of the caller, with which the error begins.

    Raises:
        FloatingPointError: If a weight is NaN or infinite. The error names the first such variables.
    """
    weights = [weight for weight in model.weights if keras.backend.is_float_dtype(weight.dtype)]
    if not weights:
        return
    # Checked in one operation, because reading each result from the device would wait for it.
    are_finite = ops.convert_to_numpy(ops.stack([ops.all(ops.isfinite(weight.value)) for weight in weights]))
    bad = [weight for weight, is_finite in zip(weights, are_finite) if not is_finite]
    if bad:
        named = "; ".join(capped([_described(weight) for weight in bad], _NUM_NAMED))
        raise FloatingPointError(
            f"{what} expects finite weights. Received: {named}. Lower the learning rate, or load the weights "
            "of an earlier epoch."
        )


def _described(weight):
    is_finite = ops.convert_to_numpy(ops.isfinite(weight.value))
    return f"{weight.path}, {is_finite.size - int(is_finite.sum())} of {is_finite.size} values NaN or infinite"
