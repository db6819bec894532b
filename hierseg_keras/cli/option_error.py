"""Values of options that are refused, which end the program with exit code 2."""

import contextlib


class OptionError(ValueError):
    """An option, or a combination of options, that no command can do."""


@contextlib.contextmanager
def reading_options():
    """Makes every refusal of a value inside the block an `OptionError`.

    The block turns options into a configuration, or checks them; what is done with them comes after it.
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        raise OptionError(str(error)) from error
