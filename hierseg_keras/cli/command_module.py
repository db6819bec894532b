"""Imports the module of a command."""

import importlib


def command_module(name):
    """Returns the module that runs a command, such as `hierseg_keras.cli.new_dataset` for `new-dataset`."""
    return importlib.import_module(f"hierseg_keras.cli.{name.replace('-', '_')}")
