"""Reads variables of a MATLAB file of version 5, MATLAB's default.

SciPy, which parses them, does not compare the checksum at the end of a compressed variable. This
module compares all checksums first, and accepts only compressed variables, because other
variables have no checksum.
"""

import io
import struct
import zlib

import numpy as np
from etils import epath

from tfds_builders.reading.file_problems import ImageFileError

MAX_BYTES = 512 * 2**20
_HEADER_BYTES, _TAG_BYTES = 128, 8
_COMPRESSED = 15
_BYTE_ORDERS = {b"\x00\x01IM": "<", b"\x01\x00MI": ">"}


def read_variables(path, names):
    """Reads variables of a MATLAB 5 file as `scipy.io.loadmat` does.

    Args:
        path: Path of a `.mat` file whose variables are compressed.
        names: List of strings, names of the variables.

    Returns:
        List of arrays in the order of `names`. A struct is an array of records whose fields are
        arrays, a cell is an array of objects.

    Raises:
        ImageFileError: If the file is damaged, of another version, not compressed, larger than 512 MiB
            after decompression, or lacks a variable. The error names the file.
    """
    import scipy.io

    path = epath.Path(path)
    try:
        found = scipy.io.loadmat(io.BytesIO(_unpacked(path)), variable_names=names)
    except ImageFileError:
        raise
    # Data with a correct checksum may still not be a MATLAB variable. SciPy then raises many kinds of exceptions.
    except Exception as error:
        raise _damaged(path, error) from error
    missing = [name for name in names if not isinstance(found.get(name), np.ndarray)]
    if missing:
        raise ImageFileError(
            f"{path}: expected the variables {', '.join(names)}. Received: none named {', '.join(missing)}"
        )
    return [found[name] for name in names]


def _unpacked(path):
    """Returns the file with its variables decompressed, which is a MATLAB 5 file too."""
    try:
        if path.stat().length > MAX_BYTES:
            raise _too_large(path)
        content = path.read_bytes()
    except OSError as error:
        raise _damaged(path, error) from error
    order = _BYTE_ORDERS.get(content[_HEADER_BYTES - 4 : _HEADER_BYTES])
    if not content.startswith(b"MATLAB 5.0") or order is None:
        raise ImageFileError(
            f"{path}: expected a MATLAB 5.0 file. Received: one that begins with {content[:10]!r}. "
            "Restore it from the original archive"
        )
    parts, place, room = [content[:_HEADER_BYTES]], _HEADER_BYTES, MAX_BYTES
    while place < len(content):
        kind, size = struct.unpack(order + "II", content[place : place + _TAG_BYTES].ljust(_TAG_BYTES, b"\0"))
        place += _TAG_BYTES
        if kind != _COMPRESSED:
            raise ImageFileError(
                f"{path}: expected compressed variables, which have a checksum. Received: element type {kind}. "
                "Restore it from the original archive, or save it again with compression"
            )
        parts.append(_decompressed(path, content[place : place + size], size, room))
        place, room = place + size, room - len(parts[-1])
    return b"".join(parts)


def _decompressed(path, packed, size, room):
    stream = zlib.decompressobj()
    try:
        # One byte more than the limit, because 0 would mean no limit.
        unpacked = stream.decompress(packed, room + 1)
    except zlib.error as error:
        raise _damaged(path, error) from error
    if len(unpacked) > room:
        raise _too_large(path)
    if len(packed) != size or stream.unused_data or not stream.eof:
        raise _damaged(path, "a compressed variable whose length differs from its tag")
    return unpacked


def _too_large(path):
    return ImageFileError(
        f"{path}: expected at most {MAX_BYTES // 2**20} MiB of variables. Received: more. The rest was not read"
    )


def _damaged(path, reason):
    return ImageFileError(
        f"{path}: expected a complete MATLAB 5.0 file. Received: {str(reason) or type(reason).__name__}. "
        "Restore it from the original archive"
    )
