"""Imports the user's own modules, whose classes a configuration may name."""

import importlib
import os
import sys

from hierseg_keras.cli.option_error import OptionError


def import_own_modules(names):
    """Imports modules. Modules in the working folder are found too, as with `python -m`.

    Args:
        names: List of names, such as `["my_package.losses"]`.

    Raises:
        OptionError: If a module is not found. Errors raised inside a module are not converted.
    """
    if names and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise OptionError(f"--import expects the name of a module, such as my_package.losses. Received: {name!r}.")
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name not in (name, *_parents(name)):
                raise
            raise OptionError(f"--import expects a module that Python can find. Received: {name!r}. {error}") from error


def _parents(name):
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]
