"""The optimizer of a run: its schedule, averaged weights and accumulated gradients."""

import keras

from hierseg_keras.training.accumulation import AccumulatedAdamW, AccumulatedCoupledSGD
from hierseg_keras.training.coupled_sgd import CoupledSGD

# Name -> (class, class for several batches per step, arguments). Each has the weight decay that the papers mean by it.
OPTIMIZERS = {
    "sgd": (CoupledSGD, AccumulatedCoupledSGD, {"momentum": 0.9}),
    "adamw": (keras.optimizers.AdamW, AccumulatedAdamW, {}),
}


def make_optimizer(config, num_batches):
    """Makes the optimizer that a configuration names.

    Args:
        config: `RunConfig`.
        num_batches: Batches of the whole run. The learning rate falls to 0 over the steps in
            them, one in `config.accumulation_steps` batches.

    Returns:
        `keras.optimizers.Optimizer`.

    Raises:
        ValueError: If the batches do not fill one step.
    """
    steps = num_batches // config.accumulation_steps
    if steps < 1:
        raise ValueError(
            f"`accumulation_steps` expects at most the batches of the whole run ({num_batches}). "
            f"Received: accumulation_steps={config.accumulation_steps}."
        )
    rate = keras.optimizers.schedules.PolynomialDecay(
        config.learning_rate, steps, end_learning_rate=0.0, power=config.power
    )
    make, make_accumulated, arguments = OPTIMIZERS[config.optimizer]
    arguments = {**arguments, "weight_decay": config.weight_decay}
    if config.ema_momentum is not None:
        arguments |= {"use_ema": True, "ema_momentum": config.ema_momentum}
    if config.accumulation_steps > 1:
        return make_accumulated(rate, accumulation_steps=config.accumulation_steps, **arguments)
    return make(rate, **arguments)
