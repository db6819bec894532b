"""The program `hierseg`, with one subcommand per task."""

import os
import signal
import sys
import traceback

from hierseg_command.commands import COMMANDS
from hierseg_command.grammar import REFUSED, make_parser, parse
from hierseg_command.options import OPTIONS
from hierseg_keras.cli.command_module import command_module
from hierseg_keras.cli.message import message_of
from hierseg_keras.cli.option_error import OptionError
from hierseg_keras.cli.own_lines import own_lines
from hierseg_keras.cli.own_modules import import_own_modules
from hierseg_keras.distribution.processes import leave

# Exit codes, besides 0 and `REFUSED`. A program that ends because of a signal adds the signal's number to 128.
FAILED, SIGNALED = 1, 128


def parser():
    """Makes the parser of the command line, with the options of every command."""
    return make_parser(**_own_options(COMMANDS))


def main(arguments=None):
    """Runs `hierseg`.

    An error is printed in one line. If the environment variable `HIERSEG_TRACEBACK` is set to anything but 0, a stack
    trace is printed before it.

    Args:
        arguments: List of strings. Defaults to the arguments of the process.

    Returns:
        Exit code: 0 on success, 1 if the command failed, 2 if an option is invalid, 130 if it was interrupted (Ctrl-C),
            143 if it stopped after SIGTERM.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parse(arguments, **_own_options(arguments[:1]))
    name = f"hierseg {options.command}"
    with own_lines(options.command):
        try:
            import_own_modules(getattr(options, "imports", ()))
            return command_module(options.command).run(options)
        except KeyboardInterrupt as interruption:
            print(f"{name}: {str(interruption) or 'interrupted'}", file=sys.stderr)
            return SIGNALED + getattr(interruption, "signal", signal.SIGINT)
        except BrokenPipeError:
            # The reader of the pipe has ended. stdout is redirected because Python still flushes it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        except Exception as error:
            if os.environ.get("HIERSEG_TRACEBACK", "0") not in ("", "0"):
                traceback.print_exc()
            print(f"{name}: {message_of(error, options.command)}", file=sys.stderr)
            return leave(REFUSED if isinstance(error, OptionError) else FAILED)


def _own_options(names):
    """Returns a dict from command to the function that adds its options, for commands that are not in `OPTIONS`."""
    return {name: command_module(name).add_arguments for name in names if name in COMMANDS.keys() - OPTIONS.keys()}
