"""Optimizers that step once in several batches, on one replica or many."""

import keras

from hierseg_keras.distribution.accumulated_steps import AccumulatedSteps
from hierseg_keras.training.coupled_sgd import CoupledSGD


@keras.saving.register_keras_serializable("hierseg_keras")
class AccumulatedSGD(AccumulatedSteps, keras.optimizers.SGD):
    """`keras.optimizers.SGD` that steps once in `accumulation_steps` batches.

    A step takes the mean of the batches' gradients. Where the loss is a mean over images, or over
    equally many labeled pixels in each batch, and no layer looks at the batch as a whole, that is
    the step of one batch of all their images. Batch normalization still sees one batch at a time.
    `iterations`, and with it a schedule and the weights of `use_ema`, count steps. Batches that
    are left over when training ends are not used.

    Its weight decay is Keras's decoupled one; `AccumulatedCoupledSGD` has the papers'.

    Args:
        accumulation_steps: Integer >= 1, the batches per step. Defaults to 2.
        *args, **kwargs: As in `keras.optimizers.SGD`, without `gradient_accumulation_steps`,
            which fails under `MirroredStrategy`.

    Raises:
        ValueError: If `accumulation_steps` is not an integer >= 1.

    Example:

    >>> model.compile(hs.training.AccumulatedSGD(0.1, momentum=0.9, accumulation_steps=4), loss=loss)
    """


@keras.saving.register_keras_serializable("hierseg_keras")
class AccumulatedCoupledSGD(AccumulatedSteps, CoupledSGD):
    """`CoupledSGD` that steps once in `accumulation_steps` batches.

    Args:
        accumulation_steps: As in `AccumulatedSGD`, which explains what a step is.
        *args, **kwargs: As in `CoupledSGD`, without `gradient_accumulation_steps`.

    Example:

    >>> optimizer = hs.training.AccumulatedCoupledSGD(0.01, momentum=0.9, weight_decay=1e-4, accumulation_steps=4)
    >>> model.compile(optimizer, loss=loss)
    """


@keras.saving.register_keras_serializable("hierseg_keras")
class AccumulatedAdamW(AccumulatedSteps, keras.optimizers.AdamW):
    """`keras.optimizers.AdamW` that steps once in `accumulation_steps` batches.

    Args:
        accumulation_steps: As in `AccumulatedSGD`, which explains what a step is.
        *args, **kwargs: As in `keras.optimizers.AdamW`.

    Example:

    >>> model.compile(hs.training.AccumulatedAdamW(1e-3, accumulation_steps=4), loss=loss)
    """


def accumulated(cls):
    """The class of an optimizer with `accumulation_steps`; it is made for one that has none here."""
    known = {known.__bases__[1]: known for known in (AccumulatedSGD, AccumulatedCoupledSGD, AccumulatedAdamW)}
    return known.get(cls) or type(f"Accumulated{cls.__name__}", (AccumulatedSteps, cls), {"__doc__": cls.__doc__})
