"""Variables of a MATLAB file of version 5, the kind that MATLAB writes unless told otherwise.

SciPy, which reads them, stops before the check sum that ends a compressed variable, and takes
what is not compressed on trust. Here every byte has passed its check sum first.
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
    """Reads variables of a MATLAB 5 file as `scipy.io.loadmat` gives them.

    Args:
        path: `.mat` file whose variables are compressed.
        names: Names of the variables.

    Returns:
        List of arrays in the order of `names`. A struct is an array of records whose fields are
        arrays, a cell an array of objects.

    Raises:
        ImageFileError: That names the file, where it is damaged, of another version, not
            compressed, larger than 512 MiB when unpacked, or without one of the variables.
    """
    import scipy.io

    path = epath.Path(path)
    try:
        found = scipy.io.loadmat(io.BytesIO(_unpacked(path)), variable_names=names)
    except ImageFileError:
        raise
    # What passed its check sum may still be no MATLAB variable, for which SciPy has many exceptions.
    except Exception as error:
        raise _damaged(path, error) from error
    missing = [name for name in names if not isinstance(found.get(name), np.ndarray)]
    if missing:
        raise ImageFileError(
            f"{path}: expected the variables {', '.join(names)}. Received: none named {', '.join(missing)}"
        )
    return [found[name] for name in names]


def _unpacked(path):
    """The file's header and its variables, decompressed, which is a MATLAB 5 file too."""
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
                f"{path}: expected compressed variables, which carry a check sum. Received: element type {kind}. "
                "Restore it from the original archive or save it anew with compression"
            )
        parts.append(_decompressed(path, content[place : place + size], size, room))
        place, room = place + size, room - len(parts[-1])
    return b"".join(parts)


def _decompressed(path, packed, size, room):
    stream = zlib.decompressobj()
    try:
        # One byte more than there is room for, as 0 would mean no limit.
        unpacked = stream.decompress(packed, room + 1)
    except zlib.error as error:
        raise _damaged(path, error) from error
    if len(unpacked) > room:
        raise _too_large(path)
    if len(packed) != size or stream.unused_data or not stream.eof:
        raise _damaged(path, "a compressed variable of another length than its tag says")
    return unpacked


def _too_large(path):
    return ImageFileError(
        f"{path}: expected at most {MAX_BYTES // 2**20} MiB of variables. Received: more. The rest was not read"
    )


def _damaged(path, reason):
    return ImageFileError(
        f"{path}: expected a whole MATLAB 5.0 file. Received: {str(reason) or type(reason).__name__}. "
        "Restore it from the original archive"
    )
