"""Replaces the arguments of Python functions in messages by the options of a command."""

import argparse
import functools
import re

from hierseg_command.options import OPTIONS
from hierseg_keras.cli.command_module import command_module

# Arguments whose options have other names.
_OTHER_NAMES = {"format": "mask_format", "class_maps": "class_map"}
# What `name` of `hierseg_keras.data.find_builder` is in a command. In `train` it may be one of two keys.
_DATA_SETS = {"data": "NAME", "evaluate": "--dataset", "demo": "--dataset", "train": "`dataset`"}
# The messages about it. Elsewhere, `name` is an argument of a metric or a model.
_ABOUT_DATA_SET = re.compile(r"`name` expects (the name of a TFDS|a TFDS|a config of)|`skip_bad` expects a data set of")
# The table of a run's configuration whose keys are arguments of `hierseg_keras.data`.
_DATA = "data."
_OPTION = re.compile(r"--([\w.-]+)")
_WORD = r"[A-Za-z_][\w.]*"
# Functions that are commands. Other functions appear in no message of a command.
_COMMANDS = {"predict_files": "predict", "saved_model": "export", "litert": "export", "onnx": "export"}
_COMMANDS |= {"report_runs": "report", "report_page": "report"}
_PART = re.compile(r"`(network|method|loss|optimizer)` expects other options")
_NOTHING = re.compile(r"\b(\w+)=None")
# `name`, `name=value` and name=value.
_ARGUMENT = re.compile(
    rf"`(?P<bare>{_WORD})`|`(?P<quoted>{_WORD})=(?P<value>[^`]*)`"
    rf"|(?<![\w.`/=-])(?P<plain>{_WORD})=(?!=)(?P<true>True\b)?"
)


def with_options(text, command, about_keys=False):
    """Returns a message in which arguments are spelled as on the command line.

    Functions are replaced by the command. An argument is recognized where it is in backticks or followed by `=`, and
    if an option of the command has its name: `` `val_share` `` becomes `--val-share`, and `skip_bad=True` becomes
    `--skip-bad`. A key of a configuration, such as `` `data.val_share` ``, is replaced if the command has `--val-share`
    but does not take keys.

    Args:
        text: String.
        command: String, name of the command.
        about_keys: Boolean, whether the names in the message are keys of a configuration. Defaults to `False`.
    """
    options = _options(command)
    if about_keys:
        options = {name: option for name, option in options.items() if name.startswith(_DATA)}

    if command in _DATA_SETS and _ABOUT_DATA_SET.match(text):
        options = {**options, "name": _DATA_SETS[command]}

    def replaced(match):
        if _COMMANDS.get(match["bare"]) == command:
            return f"`hierseg {command}`"
        option = options.get(match["bare"] or match["quoted"] or match["plain"])
        if option is None:
            return match[0]
        if match["bare"] or match["true"] or match["value"] == "True":
            return option
        return f"{option} {match['value'] or ''}"

    part = _PART.match(text)
    if part is not None:
        # The error of a class, whose options are keys below its part.
        text = _NOTHING.sub(rf"--{part[1]}.\1 false", text)
    return _ARGUMENT.sub(replaced, text)


@functools.cache
def _options(command):
    """Returns a dict from the names of arguments to options, such as `{"val_share": "--val-share"}`."""
    parser = argparse.ArgumentParser(add_help=False)
    add = OPTIONS[command] if command in OPTIONS else command_module(command).add_arguments
    add(parser)
    options = {name.replace("-", "_"): f"--{name}" for name in _OPTION.findall(parser.format_usage())}
    found = {name: option for name, option in options.items() if "." not in name}
    for name, option in options.items():
        # Single words, such as `weights`, are arguments of networks and losses too.
        if name.startswith(_DATA) and "_" in name:
            found.setdefault(name.removeprefix(_DATA), option)
        if f"{_DATA}{name}" not in options:
            found[f"{_DATA}{name}"] = option
    return {name: found[other] for name, other in _OTHER_NAMES.items() if other in found} | found
