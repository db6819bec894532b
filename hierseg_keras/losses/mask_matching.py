"""The one-to-one matching of queries with the classes of an image."""

import keras
import numpy as np
from keras import ops
from scipy.optimize import linear_sum_assignment

# Larger than any cost, so that a cost that is not finite is chosen last. The loss is not finite then, which ends the
# training with a clear error.
_WORST = 1e9


def match(costs, is_present):
    """Matches each class that is present in an image with one query, at the least total cost.

    If there are more classes than queries, some classes remain unmatched. The matching runs on the host, even if the
    training runs on other devices.

    Args:
        costs: Float tensor, `(..., Q, L)`, the cost of each pair of a query and a class. It gets no gradient.
        is_present: Bool tensor, `(..., L)`.

    Returns:
        Int32 tensor, `(..., L)`: the query of each class, or -1.
    """
    costs, is_present = ops.stop_gradient(ops.cast(costs, "float32")), ops.convert_to_tensor(is_present)
    if keras.backend.backend() == "jax":
        import jax

        return jax.pure_callback(matched, jax.ShapeDtypeStruct(is_present.shape, "int32"), costs, is_present)
    import tensorflow as tf

    queries = tf.numpy_function(matched, [costs, is_present], tf.int32, stateful=False)
    return tf.ensure_shape(queries, is_present.shape)


def matched(costs, is_present):
    """Computes `match` with NumPy."""
    costs, is_present = np.asarray(costs), np.asarray(is_present)
    queries = np.full(is_present.shape, -1, np.int32)
    for place in np.ndindex(is_present.shape[:-1]):
        classes = np.flatnonzero(is_present[place])
        costs_of_classes = np.nan_to_num(costs[place][:, classes], nan=_WORST, posinf=_WORST, neginf=-_WORST)
        chosen, columns = linear_sum_assignment(costs_of_classes)
        queries[(*place, classes[columns])] = chosen
    return queries
