"""Handles pictures of a run that cannot be drawn."""

import warnings


class OneWarning:
    """Turns the errors of a run's pictures into one warning, so that a failing picture does not end the training.

    It is a context manager that may be entered any number of times. Errors after the first are ignored.

    Args:
        picture: Name or path of the picture, for the warning.
    """

    def __init__(self, picture):
        self._picture, self._has_warned = picture, False

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if not isinstance(error, Exception):
            return False
        if not self._has_warned:
            self._has_warned = True
            reason = f"{type(error).__name__}: {error}"
            warnings.warn(f"{self._picture} could not be drawn; the run continues. {reason}", stacklevel=2)
        return True
