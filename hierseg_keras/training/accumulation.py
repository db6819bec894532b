"""Optimizers that step once in several batches, on one replica or many."""

import keras

from hierseg_keras.training.coupled_sgd import CoupledSGD


class _Accumulation:
    """Mixin before a Keras optimizer: gradients of `accumulation_steps` batches make one step.

    Keras's own `gradient_accumulation_steps` (3.15) fails under `MirroredStrategy`, as it steps
    inside a condition of each replica, where replicas cannot meet; it also counts batches where a
    schedule wants steps, and averages the weights of `use_ema` once a batch. Here the condition
    is asked once for all replicas, and the optimizer itself only ever sees whole steps.
    """

    def __init__(self, *args, accumulation_steps=2, **kwargs):
        if int(accumulation_steps) != accumulation_steps or accumulation_steps < 1:
            raise ValueError(
                f"`{type(self).__name__}` expects an integer `accumulation_steps` >= 1. "
                f"Received: accumulation_steps={accumulation_steps!r}."
            )
        if kwargs.pop("gradient_accumulation_steps", None):
            raise ValueError(
                f"`{type(self).__name__}` expects `accumulation_steps` in place of Keras's own argument. "
                "Received: gradient_accumulation_steps. Leave it out."
            )
        super().__init__(*args, **kwargs)
        self.accumulation_steps = int(accumulation_steps)

    def build(self, variables):
        super().build(variables)
        self._num_batches = self.add_variable((), dtype="int32", aggregation="only_first_replica", name="num_batches")
        self._stepped = list(variables)
        # Each replica holds its own sums; they meet in the step.
        self._sums = [self.add_variable_from_reference(variable, name="gradient_sum") for variable in variables]

    def apply(self, grads, trainable_variables=None):
        import tensorflow as tf

        if not self.built:
            self.build(list(trainable_variables))
        if len(grads) != len(self._sums):
            raise ValueError(
                f"`{type(self).__name__}` expects one gradient per variable that it was built with "
                f"({len(self._sums)}). Received: {len(grads)} gradients. Compile anew after freezing a layer."
            )
        tf.distribute.get_replica_context().merge_call(self._apply_on_all_replicas, args=(grads,))

    def _apply_on_all_replicas(self, strategy, grads):
        import tensorflow as tf

        present = [index for index, gradient in enumerate(grads) if gradient is not None]
        for index in present:
            strategy.extended.update(
                self._sums[index].value, lambda total, gradient: total.assign_add(gradient), args=(grads[index],)
            )
        self._num_batches.assign_add(1)

        def step():
            strategy.extended.call_for_each_replica(self._step, args=(present,))
            for index in present:
                strategy.extended.update(self._sums[index].value, lambda total: total.assign(tf.zeros_like(total)))

        tf.cond(self._num_batches % self.accumulation_steps == 0, step, lambda: None)

    def _step(self, present):
        gradients = [self._sums[index] / self.accumulation_steps for index in present]
        super().apply(gradients, [self._stepped[index] for index in present])

    def get_config(self):
        config = {**super().get_config(), "accumulation_steps": self.accumulation_steps}
        del config["gradient_accumulation_steps"]
        return config


@keras.saving.register_keras_serializable("hierseg_keras")
class AccumulatedSGD(_Accumulation, keras.optimizers.SGD):
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
class AccumulatedCoupledSGD(_Accumulation, CoupledSGD):
    """`CoupledSGD` that steps once in `accumulation_steps` batches.

    Args:
        accumulation_steps: As in `AccumulatedSGD`, which explains what a step is.
        *args, **kwargs: As in `CoupledSGD`, without `gradient_accumulation_steps`.

    Example:

    >>> optimizer = hs.training.AccumulatedCoupledSGD(0.01, momentum=0.9, weight_decay=1e-4, accumulation_steps=4)
    >>> model.compile(optimizer, loss=loss)
    """


@keras.saving.register_keras_serializable("hierseg_keras")
class AccumulatedAdamW(_Accumulation, keras.optimizers.AdamW):
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
    return known.get(cls) or type(f"Accumulated{cls.__name__}", (_Accumulation, cls), {"__doc__": cls.__doc__})
