"""Parses the values of options."""

import argparse
import keyword
import math
import os
import re

# The largest dimension of a tensor.
_LARGEST = 2**31 - 1


def pair(text):
    """Reads `90x120` as `(90, 120)`."""
    try:
        height, width = (int(number) for number in text.lower().split("x"))
        if not (1 <= height <= _LARGEST and 1 <= width <= _LARGEST):
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
        raise argparse.ArgumentTypeError(
            f"expected positive numbers separated by commas, such as 0.75,1,1.25. Received: {text!r}"
        ) from None
    return numbers


def whole_numbers(text):
    """Reads `1,3` as `(1, 3)`."""
    try:
        numbers = tuple(int(number) for number in text.split(","))
        if not all(1 <= number <= _LARGEST for number in numbers):
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected whole numbers of at least 1 separated by commas, such as 1,3. Received: {text!r}"
        ) from None
    return numbers


def overlap(text):
    """Reads a number from 0 to less than 1."""
    return _real(text, lambda number: 0 <= number < 1, "a number from 0 to less than 1, such as 0.5")


def share(text):
    """Reads a number above 0 and below 1."""
    return _real(text, lambda number: 0 < number < 1, "a number above 0 and below 1")


def probability(text):
    """Reads a number from 0 to 1."""
    return _real(text, lambda number: 0 <= number <= 1, "a number from 0 to 1, such as 0.8")


def number_or_auto(text):
    """Reads `2` as 2, and returns `auto` unchanged."""
    return text if text == "auto" else _whole(text, 1, "auto or a whole number")


def count(text):
    """Reads an integer of at least 1."""
    return _whole(text, 1)


def seed(text):
    """Reads an integer of at least 0."""
    return _whole(text, 0)


def name(text):
    """Reads a name or a path, in which `~` is the user's home folder, and checks that it is not empty."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"expected a name or a path. Received: {text!r}")
    # A shell leaves `~` as it is within a word, as in --out=~/runs.
    return os.path.expanduser(text)


def snake_case(text):
    """Reads the name of a Python module in lower case, with words separated by underscores."""
    if not re.fullmatch("[a-z][a-z0-9]*(_[a-z0-9]+)*", text) or keyword.iskeyword(text):
        raise argparse.ArgumentTypeError(
            f"expected the name of a Python module in snake_case, such as my_streets. Received: {text!r}"
        )
    return text


def weights(text):
    """Reads the name or path of pretrained weights, and `none` as `None`."""
    return None if text == "none" else name(text)


def _whole(text, least, expected="a whole number"):
    try:
        number = int(text)
        if not least <= number <= _LARGEST:
            raise ValueError
    except ValueError:
        message = f"expected {expected} from {least} to {_LARGEST}. Received: {text!r}"
        raise argparse.ArgumentTypeError(message) from None
    return number


def _real(text, is_valid, expected):
    try:
        number = float(text)
        if not is_valid(number):
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected {expected}. Received: {text!r}") from None
    return number
