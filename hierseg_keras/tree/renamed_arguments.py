"""Configurations in files of earlier versions, where arguments had other names."""

_RENAMED = {"outputs": "scores"}


def with_new_names(config):
    """Returns a configuration under the names that arguments have now."""
    return {_RENAMED.get(name, name): value for name, value in config.items()}
