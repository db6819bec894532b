"""The check of arguments that count something."""


def check_counts(model, **counts):
    """Refuses counts that are not integers from 1 on, naming the model and the argument."""
    for argument, value in counts.items():
        if int(value) != value or value < 1:
            raise ValueError(f"`{model}` expects an integer `{argument}` >= 1. Received: {argument}={value!r}.")
