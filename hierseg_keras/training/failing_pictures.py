"""Pictures of a run that cannot be drawn."""

import warnings


class OneWarning:
    """Turns the errors of a run's pictures into one warning: a picture is no reason to lose hours of training.

    Used as a context, any number of times; errors after the first one are silent.

    Args:
        picture: What is drawn, which the warning names.
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
            warnings.warn(f"{self._picture} could not be drawn, and the run goes on. {reason}", stacklevel=2)
        return True
