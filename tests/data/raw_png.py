"""PNG files of every kind and width, of which Pillow writes only some."""

import struct
import zlib

import numpy as np

GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGBA: 4}
# All that the format has.
KINDS = [(GRAY, bits) for bits in (1, 2, 4, 8, 16)] + [(PALETTE, bits) for bits in (1, 2, 4, 8)]
KINDS += [(kind, bits) for kind in (RGB, GRAY_ALPHA, RGBA) for bits in (8, 16)]


def raw_png(values, kind, bits, palette=None):
    """Encodes values as they are.

    Args:
        values: Integer array `(h, w, channels)`, of at most `bits` bits.
        kind, bits: Of the header.
        palette: Integer array `(2 ** bits, 3)`.
    """
    height, width, channels = values.shape
    assert channels == CHANNELS[kind] and values.max() < 2**bits
    if bits == 16:
        rows = values.astype(">u2").reshape(height, -1).view(np.uint8)
    else:
        bit = values.reshape(height, -1, 1) >> np.arange(bits - 1, -1, -1) & 1
        rows = np.packbits(bit.reshape(height, -1).astype(np.uint8), axis=1)
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))]
    if kind == PALETTE:
        chunks.append((b"PLTE", palette.astype(np.uint8).tobytes()))
    chunks += [(b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
