"""Averages the moving statistics of batch normalization over replicas."""

import keras

from hierseg_keras.distribution.replicas import copies_of


class AverageReplicas(keras.callbacks.Callback):
    """Replaces the moving averages of batch normalization by their mean over replicas before each validation.

    Under `MirroredStrategy`, batch normalization without synchronization keeps separate moving averages
    on each replica, and Keras (3.15) saves only those of the first replica. Without this callback, the
    validated networks would differ from the saved network. With one replica, it does nothing.
    """

    def on_test_begin(self, logs=None):
        for variable in self.model.non_trainable_variables:
            copies = copies_of(self.model, variable)
            # The states of random generators are integers.
            if len(copies) > 1 and keras.backend.is_float_dtype(variable.dtype):
                variable.assign(keras.ops.mean(keras.ops.stack(copies), axis=0))
