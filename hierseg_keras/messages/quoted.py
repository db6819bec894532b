"""Paths in commands that messages suggest."""

import os
import shlex


def quoted(path):
    """Returns a path as a shell takes it, with quotes if it has spaces or other special characters."""
    return shlex.quote(os.fspath(path))
