"""Optimizers that accumulate the gradients of several batches per step, on one or more replicas."""

import functools
import inspect

import keras

from hierseg_keras.distribution.accumulated_steps import AccumulatedSteps
from hierseg_keras.training.coupled_sgd import CoupledSGD


@keras.saving.register_keras_serializable("hierseg_keras")
class AccumulatedSGD(AccumulatedSteps, keras.optimizers.SGD):
    """Runs `keras.optimizers.SGD` with one step per `accumulation_steps` batches.

    A step uses the mean of the batches' gradients. It equals the step of one large batch of all
    images if the loss is a mean over images, or if each batch has equally many labeled pixels, and
    no layer depends on the whole batch. Batch normalization does: it still normalizes each batch
    separately. `iterations`, learning rate schedules and `use_ema` count steps. Batches that do
    not fill a step at the end of training are not used.

    Weight decay is decoupled, as in Keras. `AccumulatedCoupledSGD` has the papers' weight decay.

    Args:
        accumulation_steps: Integer >= 1, the number of batches per step. Defaults to 2.
        *args, **kwargs: As in `keras.optimizers.SGD`, without `gradient_accumulation_steps`,
            which fails under `MirroredStrategy`.

    Raises:
        ValueError: If `accumulation_steps` is not an integer >= 1.

    Example:

    >>> model.compile(hs.training.AccumulatedSGD(0.1, momentum=0.9, accumulation_steps=4), loss=loss)
    """


@keras.saving.register_keras_serializable("hierseg_keras")
class AccumulatedCoupledSGD(AccumulatedSteps, CoupledSGD):
    """Runs `CoupledSGD` with one step per `accumulation_steps` batches.

    Args:
        accumulation_steps: As in `AccumulatedSGD`, which explains what a step is.
        *args, **kwargs: As in `CoupledSGD`, without `gradient_accumulation_steps`.

    Example:

    >>> optimizer = hs.training.AccumulatedCoupledSGD(0.01, momentum=0.9, weight_decay=1e-4, accumulation_steps=4)
    >>> model.compile(optimizer, loss=loss)
    """


@keras.saving.register_keras_serializable("hierseg_keras")
class AccumulatedAdamW(AccumulatedSteps, keras.optimizers.AdamW):
    """Runs `keras.optimizers.AdamW` with one step per `accumulation_steps` batches.

    Args:
        accumulation_steps: As in `AccumulatedSGD`, which explains what a step is.
        *args, **kwargs: As in `keras.optimizers.AdamW`.

    Example:

    >>> model.compile(hs.training.AccumulatedAdamW(1e-3, accumulation_steps=4), loss=loss)
    """


@functools.cache
def accumulated(cls):
    """Returns the accumulating subclass of an optimizer class, with which Keras saves and loads models.

    It is created if this module does not define one. A model that was trained with an optimizer of your own is loaded
    after a call of this function with its class.
    """
    known = {known.__bases__[1]: known for known in (AccumulatedSGD, AccumulatedCoupledSGD, AccumulatedAdamW)}
    if cls in known:
        return known[cls]
    made = type(f"Accumulated{cls.__name__}", (AccumulatedSteps, cls), {"__doc__": cls.__doc__})
    # The name of a class of Keras is unique, and that of a class of the user may be the same.
    is_of_keras = vars(keras.optimizers).get(cls.__name__) is cls
    name = made.__name__ if is_of_keras else f"{cls.__module__}.{made.__name__}"
    return keras.saving.register_keras_serializable("hierseg_keras", name)(made)


def _register_those_of_keras():
    """Makes Keras find the accumulating optimizers in every process that loads a model."""
    for cls in list(vars(keras.optimizers).values()):
        # Other optimizers wrap optimizers.
        if inspect.isclass(cls) and "learning_rate" in inspect.signature(cls).parameters:
            accumulated(cls)


_register_those_of_keras()
