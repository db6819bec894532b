"""Errors about invalid options, which end the program with exit code 2."""

import contextlib


class OptionError(ValueError):
    """Raised for an invalid option, or an invalid combination of options."""


@contextlib.contextmanager
def reading_options():
    """Converts every `ValueError` and `TypeError` of the block to an `OptionError`.

    Use it only around code that checks options, or converts them to a configuration.
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        raise OptionError(str(error)) from error
