"""SGD with the papers' weight decay, which is part of the gradient."""

import math
import re

import keras
from keras import ops


@keras.saving.register_keras_serializable("hierseg_keras")
class CoupledSGD(keras.optimizers.SGD):
    """Runs SGD with weight decay added to the gradient, as in PyTorch's `torch.optim.SGD`.

    Formula, with gradient `g`, momentum `mu` and decay `wd`:

        g = g + wd * weight
        m = mu * m + g
        weight = weight - rate * m                with `nesterov`: rate * (g + mu * m)

    The papers' "SGD with momentum 0.9 and weight decay 1e-4" is this optimizer. In `keras.optimizers.SGD`, as
    in `AdamW`, the decay is decoupled from the momentum: `weight = weight - rate * wd * weight`. With momentum
    0.9, coupled decay is about ten times as strong. For example, with learning rate 0.01, decay 1e-4 and a
    gradient of zero, after the first 2,000 of 80,000 steps of a polynomial schedule a weight is 0.9805 times its
    initial value; with decoupled decay it is 0.9980 times.

    Every trainable variable is decayed, including biases and batch normalization. `torch.optim.SGD` does so by
    default, and therefore the papers' training code does too. `exclude_from_weight_decay` excludes variables. A
    saved optimizer keeps the exclusions.

    The decay is added after gradients are unscaled, clipped and summed over replicas. This is the order of a
    PyTorch loop that calls `clip_grad_norm_` before `step`.

    Args:
        learning_rate: Float, or `keras.optimizers.schedules.LearningRateSchedule`. Defaults to 0.01.
        momentum: Float in [0, 1]. Defaults to 0.
        nesterov: Whether to apply Nesterov momentum. Defaults to `False`.
        weight_decay: Optional float >= 0. Defaults to `None`, which means no decay.
        name: Name of the optimizer.
        **kwargs: As in `keras.optimizers.SGD`.

    Raises:
        ValueError: If `weight_decay` is negative or not finite.

    Example:

    >>> optimizer = hs.training.CoupledSGD(0.01, momentum=0.9, weight_decay=1e-4)
    >>> optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    >>> model.compile(optimizer, loss=loss)

    Reference:
        [Loshchilov & Hutter, Decoupled Weight Decay Regularization, ICLR 2019](
        https://arxiv.org/abs/1711.05101), which compares coupled and decoupled weight decay.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        name: str = "coupled_sgd",
        **kwargs,
    ):
        if weight_decay is not None and not 0 <= weight_decay < math.inf:
            raise ValueError(
                f"`{type(self).__name__}` expects a finite `weight_decay` >= 0, or None. Received: "
                f"weight_decay={weight_decay!r}."
            )
        super().__init__(
            learning_rate, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay, name=name, **kwargs
        )
        self._excluded_paths, self._excluded_names = [], []

    def exclude_from_weight_decay(self, var_list=None, var_names=None):
        """Excludes variables from weight decay; call it before training.

        Args:
            var_list: List of `keras.Variable`s.
            var_names: List of regular expressions. A variable is excluded if one of them matches a part of its
                path, such as `"conv/bias"`.

        Raises:
            ValueError: If the optimizer has been built.
        """
        if self.built:
            raise ValueError(
                "`exclude_from_weight_decay` expects an optimizer that has not been built. Received: an optimizer "
                f"built for {len(self._is_decayed)} variables. Call it before `fit`."
            )
        self._excluded_paths = sorted({variable.path for variable in var_list or ()})
        self._excluded_names = list(var_names or ())

    def build(self, variables):
        if not self.built:
            # Stored by index, because a variable and its copies on replicas have the same index.
            self._is_decayed = [not self._is_excluded(variable) for variable in variables]
        super().build(variables)

    def _is_excluded(self, variable):
        by_name = any(re.search(name, variable.path) for name in self._excluded_names)
        return by_name or variable.path in self._excluded_paths

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        learning_rate, gradient = (ops.cast(value, variable.dtype) for value in (learning_rate, gradient))
        if self.weight_decay and self._is_decayed[index]:
            # Uses `ops.add` because the gradient of an embedding is sparse, and Python's operators reject it.
            gradient = ops.add(gradient, ops.multiply(variable, self.weight_decay))
        if self.momentum:
            velocity = self.momentums[index]
            self.assign(velocity, ops.add(ops.multiply(velocity, self.momentum), gradient))
            gradient = ops.add(gradient, ops.multiply(velocity, self.momentum)) if self.nesterov else velocity
        self.assign_sub(variable, ops.multiply(gradient, learning_rate))

    def _apply_weight_decay(self, variables):
        """Does nothing, because `update_step` adds the decay. Keras's optimizers decay weights here."""

    def get_config(self):
        excluded = {"paths": list(self._excluded_paths), "names": list(self._excluded_names)}
        return {**super().get_config(), "excluded_from_weight_decay": excluded}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        excluded = config.pop("excluded_from_weight_decay", {"paths": [], "names": []})
        optimizer = super().from_config(config, custom_objects)
        optimizer._excluded_paths, optimizer._excluded_names = excluded["paths"], excluded["names"]
        return optimizer
