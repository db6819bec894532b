"""Optimizer steps that accumulate the gradients of several batches, on one or more replicas."""

import numbers

import keras


class AccumulatedSteps:
    """Adds gradient accumulation to a Keras optimizer: one step per `accumulation_steps` batches.

    It is a mixin that must precede the optimizer among the base classes. Keras's own
    `gradient_accumulation_steps` (3.15) fails under `MirroredStrategy`, because each replica steps
    inside its own condition, where replicas cannot exchange gradients. Keras also counts batches
    instead of steps for schedules, and updates the averaged weights of `use_ema` per batch. Here one
    condition serves all replicas, and the optimizer itself runs only once per step.
    """

    def __init__(self, *args, accumulation_steps=2, **kwargs):
        is_number = isinstance(accumulation_steps, numbers.Integral) and not isinstance(accumulation_steps, bool)
        if not is_number or accumulation_steps < 1:
            raise ValueError(
                f"`{type(self).__name__}` expects an integer `accumulation_steps` >= 1. "
                f"Received: accumulation_steps={accumulation_steps!r}."
            )
        if kwargs.pop("gradient_accumulation_steps", None):
            raise ValueError(
                f"`{type(self).__name__}` expects `accumulation_steps` instead of Keras's "
                "`gradient_accumulation_steps`. Received: gradient_accumulation_steps. Remove it."
            )
        super().__init__(*args, **kwargs)
        self.accumulation_steps = int(accumulation_steps)

    def build(self, variables):
        super().build(variables)
        self._num_batches = self.add_variable((), dtype="int", aggregation="only_first_replica", name="num_batches")
        if keras.backend.backend() == "tensorflow":
            # Keras counts variables in such a list as the optimizer's own. Files of earlier versions contain them.
            # On the JAX backend, a step could not give up the memory of a variable that is listed twice.
            self._stepped = list(variables)
        # Each replica has its own sums. They are added over replicas only in the step, hence the aggregation.
        self._sums = [
            self.add_variable(variable.shape, dtype=variable.dtype, aggregation="sum", name="gradient_sum")
            for variable in variables
        ]

    def apply(self, grads, trainable_variables=None):
        if not self.built:
            self.build(list(trainable_variables))
        if len(grads) != len(self._sums):
            raise ValueError(
                f"`{type(self).__name__}` expects one gradient per variable that it was built with "
                f"({len(self._sums)}). Received: {len(grads)} gradients. After freezing a layer, compile again."
            )
        if keras.backend.backend() != "tensorflow":
            self._apply_or_discard(grads)
            return
        import tensorflow as tf

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

    def _apply_or_discard(self, grads):
        """Makes a step with every batch, and discards it unless it is due.

        On the JAX backend, a variable cannot be assigned in one branch of a condition.
        """
        present = [index for index, gradient in enumerate(grads) if gradient is not None]
        for index in present:
            self._sums[index].assign(self._sums[index] + grads[index])
        self._num_batches.assign(self._num_batches + 1)
        is_due = self._num_batches % self.accumulation_steps == 0
        variables = [*self.variables, *self._trainable_variables]
        before = [variable.value for variable in variables]
        self._step(present)
        for index in present:
            self._sums[index].assign(keras.ops.zeros_like(self._sums[index].value))
        for variable, value in zip(variables, before):
            variable.assign(keras.ops.where(is_due, variable.value, value))

    def _step(self, present):
        gradients = [self._sums[index] / self.accumulation_steps for index in present]
        super().apply(gradients, [self._trainable_variables[index] for index in present])

    def get_config(self):
        config = {**super().get_config(), "accumulation_steps": self.accumulation_steps}
        del config["gradient_accumulation_steps"]
        return config
