"""Where the records of a TFRecord file are."""

import os

# A record is its length in 8 bytes, their checksum, the content, and the checksum of the content.
_LENGTH_BYTES, _CHECKSUM_BYTES = 8, 4
# What a record takes beside its content.
FRAME_BYTES = _LENGTH_BYTES + 2 * _CHECKSUM_BYTES


def record_places(file, size):
    """Finds the records of a file by their lengths, without reading their content.

    Args:
        file: File, opened for reading bytes.
        size: Integer, its size in bytes.

    Returns:
        A pair: a list of pairs `(start, length)`, the place of each content in bytes; and whether the file ends with
        its last record. If it is truncated, the last place may lie beyond its end.
    """
    places, position = [], 0
    while position + _LENGTH_BYTES + _CHECKSUM_BYTES <= size:
        file.seek(position, os.SEEK_SET)
        start, length = position + _LENGTH_BYTES + _CHECKSUM_BYTES, int.from_bytes(file.read(_LENGTH_BYTES), "little")
        places.append((start, length))
        position = start + length + _CHECKSUM_BYTES
    return places, position == size
