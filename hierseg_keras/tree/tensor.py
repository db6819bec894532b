"""The type of tensors in annotations."""

import typing

# A tensor of the Keras backend in use (`tf.Tensor` or `jax.Array`) or a symbolic `keras.KerasTensor`. These have no
# base class in common.
Tensor = typing.Any
