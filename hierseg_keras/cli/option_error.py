"""Errors about invalid options, which end the program with exit code 2."""

import contextlib


class OptionError(ValueError):
    """Raised for an invalid option, or an invalid combination of options."""


@contextlib.contextmanager
def reading_options(errors=(ValueError, TypeError)):
    """Converts errors of the block to an `OptionError`.

    Args:
        errors: Class or tuple of classes. The default is only for code that checks options, or converts them to a
            configuration.
    """
    try:
        yield
    except errors as error:
        raise OptionError(str(error)) from error
