"""Creation of an optimizer's variables before training."""


def create_optimizer_variables(model):
    """Creates the variables of a compiled model's optimizer, if they do not exist yet.

    Keras (3.15) creates them inside the first training step, and TensorFlow then traces the step twice: a traced
    function may create variables only in its first trace. With the variables in place, `fit` starts twice as fast. On
    other backends, and under `tf.distribute`, Keras creates them before the first step.

    Args:
        model: `keras.Model`.
    """
    optimizer, strategy = getattr(model, "optimizer", None), getattr(model, "distribute_strategy", None)
    if strategy is not None and optimizer is not None and model.built and not optimizer.built:
        with strategy.scope():
            optimizer.build(model.trainable_variables)
