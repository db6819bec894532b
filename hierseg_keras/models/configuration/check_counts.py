"""The check of arguments that must be positive integers."""

from hierseg_keras.arguments.exact_integer import is_count


def check_counts(model, **counts):
    """Raises `ValueError`, naming the model and the argument, if a count is not a positive integer."""
    for argument, value in counts.items():
        if not is_count(value):
            raise ValueError(f"`{model}` expects `{argument}` to be an integer >= 1. Received: {argument}={value!r}.")
