"""Messages of one line."""

import re

# Longer than every message of this project, and shorter than some of other packages.
MAX_LENGTH = 2000
# Keras prints parts of its messages in bold.
_STYLE = re.compile(r"\x1b\[[0-9;]*m")


def one_line(text):
    """Returns a text in one line and without styles, cut where it is longer than `MAX_LENGTH`."""
    # A path may hold bytes that are no text, and not every stream writes them.
    text = str(text).encode("utf-8", "backslashreplace").decode("utf-8")
    text = " ".join(_STYLE.sub("", text).split())
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]} ..."
