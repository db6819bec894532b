"""`hierseg`: one subcommand per job."""

import argparse
import contextlib
import os
import sys
import traceback
import warnings

from hierseg_keras.cli import data, demo, evaluate, export, predict, profile, train
from hierseg_keras.cli.message import message_of
from hierseg_keras.cli.option_error import OptionError

COMMANDS = {
    "data": data,
    "train": train,
    "evaluate": evaluate,
    "predict": predict,
    "export": export,
    "profile": profile,
    "demo": demo,
}
# Exit codes, besides 0.
FAILED, REFUSED, INTERRUPTED = 1, 2, 130


class _Parser(argparse.ArgumentParser):
    """Refuses options in one line, in place of all of them, and takes none for another that begins alike."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)

    def error(self, message):
        self.exit(REFUSED, f"{self.prog}: {message} (see {self.prog} --help)\n")


def parser():
    """The command line's grammar."""
    top = _Parser(prog="hierseg", description="Hierarchical semantic segmentation with Keras.")
    subparsers = top.add_subparsers(dest="command", required=True, metavar="|".join(COMMANDS))
    for name, command in COMMANDS.items():
        summary = command.__doc__.splitlines()[0]
        command.add_arguments(subparsers.add_parser(name, help=summary, description=summary))
    return top


def main(arguments=None):
    """Runs `hierseg`.

    Whatever goes wrong is told in one line. With the environment variable `HIERSEG_TRACEBACK` set, a stack
    trace is printed before it.

    Args:
        arguments: List of strings. Defaults to those of the process.

    Returns:
        Exit code: 0; 1 if the command failed; 2 if an option's value is refused; 130 if it was interrupted.
    """
    options = parser().parse_args(arguments)
    name = f"hierseg {options.command}"
    with _short_warnings(name):
        try:
            return COMMANDS[options.command].run(options)
        except KeyboardInterrupt:
            print(f"{name}: interrupted", file=sys.stderr)
            return INTERRUPTED
        except BrokenPipeError:
            # Whoever read the output has gone; what is still to be flushed when Python ends must go somewhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        except Exception as error:
            if os.environ.get("HIERSEG_TRACEBACK"):
                traceback.print_exc()
            print(f"{name}: {message_of(error)}", file=sys.stderr)
            return REFUSED if isinstance(error, OptionError) else FAILED


@contextlib.contextmanager
def _short_warnings(name):
    """Prints warnings in one line, without the place in the code that they come from."""
    before = warnings.formatwarning
    warnings.formatwarning = lambda message, *_, **__: f"{name}: warning: {' '.join(str(message).split())}\n"
    try:
        yield
    finally:
        warnings.formatwarning = before


if __name__ == "__main__":
    sys.exit(main())
