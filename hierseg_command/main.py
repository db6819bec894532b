"""The entry point of `hierseg`. It prints help without TensorFlow, and runs commands with `hierseg_keras.cli`."""

import importlib
import os
import sys
import traceback

from hierseg_command import process_addresses
from hierseg_command.commands import COMMANDS
from hierseg_command.grammar import parse
from hierseg_command.one_line import one_line
from hierseg_command.options import OPTIONS
from hierseg_command.quiet_import import STDERR, quiet_import

# Exit codes, besides 0 and those of `hierseg_keras.cli.main`.
FAILED, INTERRUPTED = 1, 130


def main():
    """Runs the process's command line.

    Returns:
        Exit code: 0 on success, 1 if the command failed, 2 if an option is invalid, 130 if it was interrupted.
    """
    _open_stderr()
    arguments = sys.argv[1:]
    if not (arguments and arguments[0] in COMMANDS.keys() - OPTIONS.keys()):
        # Ends the process if there is only help, a version or an error to print.
        parse(arguments)
    # Otherwise TensorFlow takes nearly all memory of a GPU, and a second process on it fails.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    if process_addresses.wants_jax(arguments):
        os.environ.setdefault("KERAS_BACKEND", "jax")
    try:
        with quiet_import():
            cli = importlib.import_module("hierseg_keras.cli.main")
        # Python has no stdout if the caller closed it.
        if sys.stdout is not None:
            # The bytes of a path need not be valid text.
            sys.stdout.reconfigure(errors="surrogateescape")
        return cli.main(arguments)
    except KeyboardInterrupt:
        print("hierseg: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        # Reached if the installation is incomplete.
        if os.environ.get("HIERSEG_TRACEBACK", "0") not in ("", "0"):
            traceback.print_exc()
        print(f"hierseg: {type(error).__name__}: {one_line(error)}", file=sys.stderr)
        return FAILED


def _open_stderr():
    """Opens a stderr that leads nowhere, if the caller closed the process's."""
    if sys.stderr is None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        if nowhere != STDERR:
            os.dup2(nowhere, STDERR)
        sys.stderr = os.fdopen(STDERR, "w")
