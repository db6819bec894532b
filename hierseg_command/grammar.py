"""The parser of the command line."""

import argparse
import difflib
import importlib.util
import pathlib
import runpy

from hierseg_command.commands import COMMANDS
from hierseg_command.one_line import one_line
from hierseg_command.options import OPTIONS

REFUSED = 2


class _Parser(argparse.ArgumentParser):
    """Reports an invalid option in one line, with the most similar one. It accepts no abbreviated options.

    Attributes:
        refuses_unknown: Boolean, whether an unknown option is an error. Defaults to `True`.
    """

    refuses_unknown = True

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)

    def parse_known_args(self, args=None, namespace=None):
        options, unknown = super().parse_known_args(args, namespace)
        if unknown and self.refuses_unknown:
            known = [option for action in self._actions for option in action.option_strings]
            names = [argument.partition("=")[0] for argument in unknown if argument.startswith("-")]
            self.error(f"unrecognized arguments: {' '.join(unknown)}.{_nearest(names[0], known) if names else ''}")
        return options, unknown

    def _check_value(self, action, value):
        if action.choices is not None and value not in action.choices:
            # The name of an action that has all commands as its name says nothing.
            named = None if isinstance(action, argparse._SubParsersAction) else action
            choices = list(action.choices)
            message = f"expected one of {', '.join(choices)}. Received: {value!r}.{_nearest(value, choices)}"
            raise argparse.ArgumentError(named, message)

    def error(self, message):
        self.exit(REFUSED, f"{self.prog}: {one_line(message)} (see {self.prog} --help)\n")


class _Version(argparse.Action):
    """Prints the version and exits."""

    def __call__(self, parser, *_):
        print(f"{parser.prog} {_version()}")
        parser.exit()


def make_parser(**add_arguments):
    """Makes the parser of the whole command line.

    Args:
        **add_arguments: Functions by the names of commands. Each adds the options of its command to the parser that
            it is called with. Pass them for commands that are not in `OPTIONS`; a command without a function is
            listed in the help but has no options.

    Returns:
        `argparse.ArgumentParser`.
    """
    top = _Parser(prog="hierseg", description="Hierarchical semantic segmentation with Keras.")
    top.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    # The default check, which a command may replace in order to check combinations of options.
    top.set_defaults(check=lambda options: None)
    subparsers = top.add_subparsers(dest="command", required=True, metavar="|".join(COMMANDS))
    functions = {**OPTIONS, **add_arguments}
    for name, summary in COMMANDS.items():
        parser = subparsers.add_parser(name, help=summary, description=summary)
        if name in functions:
            functions[name](parser)
    return top


def parse(arguments, **add_arguments):
    """Parses the command line. It ends the process if an option is invalid, or after printing help or the version.

    Args:
        arguments: List of strings.
        **add_arguments: As in `make_parser`.

    Returns:
        `argparse.Namespace` with the options and `command`.

    Raises:
        SystemExit: With code 2 if an option is invalid, after one line on stderr; with code 0 after help or the
            version.
    """
    options = make_parser(**add_arguments).parse_args(arguments)
    options.check(options)
    return options


def _nearest(name, known):
    close = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {close[0]}?" if close else ""


def _version():
    """Returns the version of `hierseg_keras` without importing the package."""
    folder = importlib.util.find_spec("hierseg_keras").submodule_search_locations[0]
    return runpy.run_path(str(pathlib.Path(folder, "version.py")))["__version__"]
