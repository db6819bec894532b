"""Translates configurations saved by earlier versions, in which some arguments had other names."""

_RENAMED = {"outputs": "scores"}


def with_new_names(config):
    """Returns a configuration with the current argument names."""
    return {_RENAMED.get(name, name): value for name, value in config.items()}
