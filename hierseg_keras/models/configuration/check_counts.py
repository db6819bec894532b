"""The check of arguments that count something."""

from hierseg_keras.tree.exact_integer import is_count


def check_counts(model, **counts):
    """Refuses counts that are not integers from 1 on, naming the model and the argument."""
    for argument, value in counts.items():
        if not is_count(value):
            raise ValueError(f"`{model}` expects an integer `{argument}` >= 1. Received: {argument}={value!r}.")
