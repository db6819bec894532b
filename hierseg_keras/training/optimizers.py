"""Makes the optimizer of a run, with its schedule, averaged weights and accumulated gradients."""

import keras

from hierseg_keras.training.accumulation import accumulated
from hierseg_keras.training.config.problems import refused_options


def make_optimizer(config, num_batches):
    """Makes the optimizer that a configuration names.

    Args:
        config: `RunConfig`.
        num_batches: Number of batches in the whole run. The learning rate decays to
            `config.schedule.end_learning_rate` over their optimizer steps. There is one step per
            `config.schedule.accumulation_steps` batches.

    Returns:
        `keras.optimizers.Optimizer`.

    Raises:
        ValueError: If `num_batches` is less than `config.schedule.accumulation_steps`.
        ConfigError: If the optimizer's class raises an error for its options.
    """
    schedule = config.schedule
    steps = num_batches // schedule.accumulation_steps
    if steps < 1:
        raise ValueError(
            f"`schedule.accumulation_steps` expects at most the number of batches in the run ({num_batches}). "
            f"Received: {schedule.accumulation_steps}."
        )
    rate = keras.optimizers.schedules.PolynomialDecay(
        config.optimizer.learning_rate, steps, end_learning_rate=schedule.end_learning_rate, power=schedule.power
    )
    arguments = {name: value for name, value in config.optimizer.arguments().items() if name != "learning_rate"}
    if schedule.ema_momentum is not None:
        arguments |= {"use_ema": True, "ema_momentum": schedule.ema_momentum}
    with refused_options("optimizer", config.optimizer.name):
        if schedule.accumulation_steps > 1:
            return accumulated(config.optimizer.made)(rate, accumulation_steps=schedule.accumulation_steps, **arguments)
        return config.optimizer.made(rate, **arguments)
