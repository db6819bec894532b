"""Values of options, read from text."""

import argparse
import math


def pair(text):
    """Reads `90x120` as `(90, 120)`."""
    try:
        height, width = (int(number) for number in text.lower().split("x"))
        if min(height, width) < 1:
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected HEIGHTxWIDTH, such as 90x120. Received: {text!r}") from None
    return height, width


def factors(text):
    """Reads `0.75,1` as `(0.75, 1.0)`."""
    try:
        numbers = tuple(float(number) for number in text.split(","))
        if not all(0 < number < math.inf for number in numbers):
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected factors, such as 0.75,1,1.25. Received: {text!r}") from None
    return numbers


def number_or_auto(text):
    """Reads `2` as 2, and `auto` as it is."""
    return text if text == "auto" else _whole(text, 1, "expected auto or a number of at least 1")


def count(text):
    """Reads a whole number of at least 1."""
    return _whole(text, 1, "expected a whole number of at least 1")


def seed(text):
    """Reads a whole number of at least 0."""
    return _whole(text, 0, "expected a whole number of at least 0")


def name(text):
    """Reads a name or a path, which is not empty."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"expected a name or a path. Received: {text!r}")
    return text


def _whole(text, least, expected):
    try:
        number = int(text)
        if number < least:
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(f"{expected}. Received: {text!r}") from None
    return number
