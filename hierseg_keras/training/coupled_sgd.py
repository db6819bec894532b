"""SGD with the weight decay of the papers: a part of the gradient."""

import math
import re

import keras
from keras import ops


@keras.saving.register_keras_serializable("hierseg_keras")
class CoupledSGD(keras.optimizers.SGD):
    """SGD whose weight decay is added to the gradient, as in PyTorch's `torch.optim.SGD`.

    Formula, with gradient `g`, momentum `mu` and decay `wd`:

        g = g + wd * weight
        m = mu * m + g
        weight = weight - rate * m                with `nesterov`: rate * (g + mu * m)

    The papers' "SGD with momentum 0.9 and weight decay 1e-4" means this. In `keras.optimizers.SGD`, as in
    `AdamW`, the decay is decoupled: `weight = weight - rate * wd * weight`, outside of the momentum. With
    momentum 0.9 a coupled decay is ten times as strong: at rate 0.01 and decay 1e-4, with a gradient of
    zero, the first 2,000 of 80,000 steps of a polynomial schedule leave 0.9805 of a weight, against 0.9980.

    Every trainable variable is decayed, biases and batch normalization included, as `torch.optim.SGD`
    does by default and the papers' training code therefore does too. `exclude_from_weight_decay` takes
    variables out; a saved optimizer remembers which.

    The decay is added after gradients are unscaled, clipped and summed over replicas, the order of a PyTorch loop
    that calls `clip_grad_norm_` before `step`.

    Args:
        learning_rate: Float, or `keras.optimizers.schedules.LearningRateSchedule`. Defaults to 0.01.
        momentum: Float in [0, 1]. Defaults to 0.
        nesterov: Whether to apply Nesterov momentum. Defaults to `False`.
        weight_decay: Optional float >= 0. Defaults to `None`: no decay.
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
        https://arxiv.org/abs/1711.05101), which names both.
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
            var_names: List of regular expressions. A variable whose path, such as `"conv/bias"`, contains
                a match of one of them is excluded.

        Raises:
            ValueError: If the optimizer has been built.
        """
        if self.built:
            raise ValueError(
                "`exclude_from_weight_decay` expects an optimizer that has not been built. Received: an optimizer of "
                f"{len(self._is_decayed)} variables. Call it before `fit`."
            )
        self._excluded_paths = sorted({variable.path for variable in var_list or ()})
        self._excluded_names = list(var_names or ())

    def build(self, variables):
        if not self.built:
            # By index, which is the same for a variable and for its copy on a replica.
            self._is_decayed = [not self._is_excluded(variable) for variable in variables]
        super().build(variables)

    def _is_excluded(self, variable):
        by_name = any(re.search(name, variable.path) for name in self._excluded_names)
        return by_name or variable.path in self._excluded_paths

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        learning_rate, gradient = (ops.cast(value, variable.dtype) for value in (learning_rate, gradient))
        if self.weight_decay and self._is_decayed[index]:
            # The gradient of an embedding is sparse, which Python's operators do not take.
            gradient = ops.add(gradient, ops.multiply(variable, self.weight_decay))
        if self.momentum:
            velocity = self.momentums[index]
            self.assign(velocity, ops.add(ops.multiply(velocity, self.momentum), gradient))
            gradient = ops.add(gradient, ops.multiply(velocity, self.momentum)) if self.nesterov else velocity
        self.assign_sub(variable, ops.multiply(gradient, learning_rate))

    def _apply_weight_decay(self, variables):
        """Nothing: where Keras's optimizers decay weights, outside of the gradient."""

    def get_config(self):
        excluded = {"paths": list(self._excluded_paths), "names": list(self._excluded_names)}
        return {**super().get_config(), "excluded_from_weight_decay": excluded}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        excluded = config.pop("excluded_from_weight_decay", {"paths": [], "names": []})
        optimizer = super().from_config(config, custom_objects)
        optimizer._excluded_paths, optimizer._excluded_names = excluded["paths"], excluded["names"]
        return optimizer
