"""Calls a network in one of several processes."""

from hierseg_keras.distribution.processes import alone, process_count


def call_alone(model, image):
    """Calls a network in this process alone, for evaluation.

    With several processes, its variables are arrays of all of them, which every process would have to compute with.

    Args:
        model: `keras.Model`.
        image: Array `(B, H, W, 3)`.

    Returns:
        Output of the network.
    """
    if process_count() == 1:
        return model(image, training=False)
    groups = (model.trainable_variables, model.non_trainable_variables)
    copies = ([variable.value.addressable_data(0) for variable in group] for group in groups)
    with alone():
        output, _ = model.stateless_call(*copies, image, training=False)
    return output
