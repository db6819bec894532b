"""Formats messages in one line."""

import re

# In characters. All messages of this project are shorter; some messages of other packages are longer.
MAX_LENGTH = 2000
# Keras prints parts of its messages in bold.
_STYLE = re.compile(r"\x1b\[[0-9;]*m")


def one_line(text):
    """Returns a text in one line, without terminal styles, and truncated to `MAX_LENGTH` characters."""
    # A path may contain bytes that are not valid text, which not every stream can write.
    text = str(text).encode("utf-8", "backslashreplace").decode("utf-8")
    text = " ".join(_STYLE.sub("", text).split())
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]} ..."
