"""`hierseg`: one subcommand per job."""

import importlib
import os
import sys
import traceback

from hierseg_command.commands import COMMANDS
from hierseg_command.grammar import REFUSED, make_parser, parse
from hierseg_command.options import OPTIONS
from hierseg_keras.cli.message import message_of
from hierseg_keras.cli.option_error import OptionError
from hierseg_keras.cli.own_lines import own_lines
from hierseg_keras.cli.own_modules import import_own_modules

# Exit codes, besides 0 and `REFUSED`.
FAILED, INTERRUPTED = 1, 130


def parser():
    """Makes the command line's grammar with the options of every command."""
    return make_parser(**_own_options(COMMANDS))


def main(arguments=None):
    """Runs `hierseg`.

    Whatever goes wrong is printed in one line. With the environment variable `HIERSEG_TRACEBACK` set, a stack
    trace is printed before it.

    Args:
        arguments: List of strings. Defaults to those of the process.

    Returns:
        Exit code: 0; 1 if the command failed; 2 if an option's value is refused; 130 if it was interrupted.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parse(arguments, **_own_options(arguments[:1]))
    name = f"hierseg {options.command}"
    with own_lines(name):
        try:
            import_own_modules(getattr(options, "imports", ()))
            return _command(options.command).run(options)
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


def _own_options(names):
    """The functions that add options, of the commands among these names whose options are known here."""
    return {name: _command(name).add_arguments for name in names if name in COMMANDS.keys() - OPTIONS.keys()}


def _command(name):
    return importlib.import_module(f"hierseg_keras.cli.{name}")
