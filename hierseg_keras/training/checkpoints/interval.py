"""The interval between two checkpoints, as it is written in a configuration."""

import dataclasses
import re

from hierseg_keras.arguments.exact_integer import is_count

_SECONDS = {"s": 1, "min": 60, "h": 3600}
_TEXT = re.compile(r"(\d+(?:\.\d+)?) ?(s|min|h)")


@dataclasses.dataclass(frozen=True)
class Interval:
    """A number of batches or of seconds. The other one is `None`."""

    batches: int | None = None
    seconds: float | None = None


def parse_interval(value):
    """Reads an interval.

    Args:
        value: Integer number of batches, or a string such as `"5min"`, `"30s"` or `"1.5h"`.

    Returns:
        `Interval`.

    Raises:
        ValueError: If the value is neither, or not above 0.

    Example:

    >>> parse_interval("5min"), parse_interval(100)
    (Interval(batches=None, seconds=300.0), Interval(batches=100, seconds=None))
    """
    if is_count(value):
        return Interval(batches=int(value))
    match = _TEXT.fullmatch(value) if isinstance(value, str) else None
    seconds = match and float(match[1]) * _SECONDS[match[2]]
    if not seconds:
        raise ValueError(f'expects a number of batches, or a time such as "5min", "30s" or "1h". Received: {value!r}.')
    return Interval(seconds=seconds)
