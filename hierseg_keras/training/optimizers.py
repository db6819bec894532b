"""The optimizer of a run: its schedule, averaged weights and accumulated gradients."""

import keras

from hierseg_keras.training.accumulation import accumulated


def make_optimizer(config, num_batches):
    """Makes the optimizer that a configuration names.

    Args:
        config: `RunConfig`.
        num_batches: Batches of the whole run. The learning rate falls to 0 over the steps in
            them, one in `config.schedule.accumulation_steps` batches.

    Returns:
        `keras.optimizers.Optimizer`.

    Raises:
        ValueError: If the batches do not fill one step.
    """
    schedule = config.schedule
    steps = num_batches // schedule.accumulation_steps
    if steps < 1:
        raise ValueError(
            f"`schedule.accumulation_steps` expects at most the batches of the whole run ({num_batches}). Received: "
            f"{schedule.accumulation_steps}."
        )
    rate = keras.optimizers.schedules.PolynomialDecay(
        config.optimizer.learning_rate, steps, end_learning_rate=0.0, power=schedule.power
    )
    arguments = {name: value for name, value in config.optimizer.arguments().items() if name != "learning_rate"}
    if schedule.ema_momentum is not None:
        arguments |= {"use_ema": True, "ema_momentum": schedule.ema_momentum}
    if schedule.accumulation_steps > 1:
        return accumulated(config.optimizer.made)(rate, accumulation_steps=schedule.accumulation_steps, **arguments)
    return config.optimizer.made(rate, **arguments)
