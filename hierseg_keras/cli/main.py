"""`hierseg`: one subcommand a job."""

import argparse
import sys

from hierseg_keras.cli import data, demo, evaluate, export, predict, profile, train

COMMANDS = {
    "data": data,
    "train": train,
    "evaluate": evaluate,
    "predict": predict,
    "export": export,
    "profile": profile,
    "demo": demo,
}


def parser():
    """The command line's grammar."""
    top = argparse.ArgumentParser(prog="hierseg", description="Hierarchical semantic segmentation with Keras.")
    subparsers = top.add_subparsers(dest="command", required=True, metavar="|".join(COMMANDS))
    for name, command in COMMANDS.items():
        summary = command.__doc__.splitlines()[0]
        command.add_arguments(subparsers.add_parser(name, help=summary, description=summary))
    return top


def main(arguments=None):
    """Runs `hierseg`. A user's mistake is told in one message, without a stack trace."""
    options = parser().parse_args(arguments)
    try:
        return COMMANDS[options.command].run(options)
    except (ValueError, TypeError, OSError, FloatingPointError, ModuleNotFoundError) as error:
        print(f"hierseg {options.command}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
