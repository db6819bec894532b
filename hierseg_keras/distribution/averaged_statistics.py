"""Moving averages of batch normalization, which replicas keep apart, averaged over them."""

import keras

from hierseg_keras.distribution.replicas import copies_of


class AverageReplicas(keras.callbacks.Callback):
    """Gives every replica the mean of all replicas' moving averages before each validation.

    Under `MirroredStrategy` batch normalization that is not synchronized keeps moving averages of
    its own on each replica, and Keras (3.15) reads and saves the first replica's only. Without
    this, validation would be of other networks than the one that is saved. On one replica it does
    nothing.
    """

    def on_test_begin(self, logs=None):
        for variable in self.model.non_trainable_variables:
            copies = copies_of(self.model, variable)
            # The states of random generators are integers.
            if len(copies) > 1 and keras.backend.is_float_dtype(variable.dtype):
                variable.assign(keras.ops.mean(keras.ops.stack(copies), axis=0))
