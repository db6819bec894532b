"""The command line's grammar."""

import argparse
import importlib.util
import pathlib
import runpy

from hierseg_command.commands import COMMANDS
from hierseg_command.one_line import one_line
from hierseg_command.options import OPTIONS

REFUSED = 2


class _Parser(argparse.ArgumentParser):
    """Refuses options in one line, in place of all of them, and takes none for another that begins alike."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)

    def error(self, message):
        self.exit(REFUSED, f"{self.prog}: {one_line(message)} (see {self.prog} --help)\n")


class _Version(argparse.Action):
    """Prints the version, which is looked up only here."""

    def __call__(self, parser, *_):
        print(f"{parser.prog} {_version()}")
        parser.exit()


def make_parser(**add_arguments):
    """Makes the parser of the whole command line.

    Args:
        **add_arguments: Function that adds a command's options to its parser, by the command's name, for
            commands that are not in `OPTIONS`. Without one, a command is listed and takes no option.

    Returns:
        `argparse.ArgumentParser`.
    """
    top = _Parser(prog="hierseg", description="Hierarchical semantic segmentation with Keras.")
    top.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    # A command may replace it by what it checks of several options together.
    top.set_defaults(check=lambda options: None)
    subparsers = top.add_subparsers(dest="command", required=True, metavar="|".join(COMMANDS))
    functions = {**OPTIONS, **add_arguments}
    for name, summary in COMMANDS.items():
        parser = subparsers.add_parser(name, help=summary, description=summary)
        if name in functions:
            functions[name](parser)
    return top


def parse(arguments, **add_arguments):
    """Reads the command line; ends the process where it is refused, or asks for help or the version.

    Args:
        arguments: List of strings.
        **add_arguments: As in `make_parser`.

    Returns:
        `argparse.Namespace` with the options and `command`.

    Raises:
        SystemExit: With code 2 if an option is refused, after one line on stderr; with code 0 for help.
    """
    options = make_parser(**add_arguments).parse_args(arguments)
    options.check(options)
    return options


def _version():
    """The version of `hierseg_keras`, found without importing it."""
    folder = importlib.util.find_spec("hierseg_keras").submodule_search_locations[0]
    return runpy.run_path(str(pathlib.Path(folder, "version.py")))["__version__"]
