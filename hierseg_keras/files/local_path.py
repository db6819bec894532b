"""The check that a path is one of this machine's file systems."""

import os
import re

# An address such as gs://bucket, also after `pathlib` has removed a slash. A single letter is a drive of Windows.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def check_local(path):
    """Raises `ValueError` if a path is a remote address, which would become a local folder of that name."""
    if _ADDRESS.match(os.fspath(path)):
        raise ValueError(
            f"expected a path on this machine. Received: {path}, the address of a remote place. Use a local or mounted "
            "folder, and copy it afterwards."
        )
