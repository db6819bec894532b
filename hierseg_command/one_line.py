"""Messages of one line."""

# Longer than every message of this project, and shorter than some of other packages.
MAX_LENGTH = 2000


def one_line(text):
    """Returns a text in one line, without its end where it is longer than `MAX_LENGTH`."""
    text = " ".join(str(text).split())
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]} ..."
