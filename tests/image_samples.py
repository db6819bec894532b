"""Image files of every kind, small, by name: some that can be read exactly, and some that cannot."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

# Too slow to encode for a test; what begins as no known file is refused whatever it is.
SLOW = ("AVIF", "PDF", "JPEG2000")
# Pillow's modes that one can save in some format.
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "I", "I;16", "I;16B", "F")
SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "BMP": ".bmp"}
HEIGHT, WIDTH = 7, 11


def picture(mode="RGB", size=(HEIGHT, WIDTH)):
    """A Pillow image of a mode; where the mode has an alpha channel, it is not opaque."""
    rng = np.random.default_rng(0)
    if mode in ("I", "I;16", "I;16B"):
        image = Image.fromarray(rng.integers(0, 1 << 16, size, np.uint16))
        return image if mode == "I;16" else image.convert("I").convert(mode)
    if mode == "F":
        return Image.fromarray(rng.random(size, np.float32))
    if mode in ("LA", "PA", "RGBA", "LAB"):
        channels = {"LA": 2, "PA": 2}.get(mode, len(mode))
        content = rng.integers(0, 256, (*size, channels), np.uint8).tobytes()
        return Image.frombytes(mode, size[::-1], content)
    return Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).convert(mode)


def encoded(image, kind, **options):
    """A Pillow image as the bytes of a file."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def of_every_mode():
    """`(format, mode, bytes)` of every format that Pillow writes, less slow ones, and every mode it writes there."""
    Image.init()
    for kind in sorted(set(Image.SAVE) - set(SLOW)):
        for mode in MODES:
            try:
                content = encoded(picture(mode), kind)
            # Pillow raises whatever comes to hand for a mode that a format does not have.
            except Exception:
                continue
            yield kind, mode, content


# === PNG files that Pillow does not write ===


def chunk(name, content=b""):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(bits, color_type, chunks=b"", size=(HEIGHT, WIDTH), is_zero=False):
    """A PNG file of random values, or of zeros, with chunks ahead of its pixels."""
    height, width = size
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color_type]
    values = np.random.default_rng(0).integers(0, 256, (height, 1 + (width * bits * channels + 7) // 8), np.uint8)
    values[:, 0] = 0
    pixels = zlib.compress(bytes(values.size) if is_zero else values.tobytes())
    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, 0)
    return b"".join(
        [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), chunks, chunk(b"IDAT", pixels), chunk(b"IEND")],
    )


def pngs():
    """`(name, bytes)` of PNG files of every depth and color type, with and without transparent colors."""
    for bits in (1, 2, 4, 8, 16):
        for color_type in (0, 2, 3, 4, 6):
            if bits < 8 and color_type in (2, 4, 6) or bits == 16 and color_type == 3:
                continue
            palette = chunk(b"PLTE", bytes(range(2, 2 + 3 * 2 ** min(bits, 6)))) if color_type == 3 else b""
            yield f"{bits} bits, {color_type=}", png(bits, color_type, palette)
            for name, transparency in _transparencies(bits, color_type):
                chunks = palette + chunk(b"tRNS", transparency)
                for is_zero in (False, True):
                    content = png(bits, color_type, chunks, is_zero=is_zero)
                    yield f"{bits} bits, {color_type=}, {name}, {is_zero=}", content
    yield "8 bits, gamma", png(8, 2, chunk(b"gAMA", struct.pack(">I", 45455)))
    yield "2 bits, few bits are used", png(2, 0, chunk(b"sBIT", b"\1"))
    yield "palette shorter than its indices", png(4, 3, chunk(b"PLTE", bytes(range(6))))


def _transparencies(bits, color_type):
    if color_type == 3:
        return [("all opaque", b"\xff\xff"), ("one transparent", b"\xff\x00"), ("half transparent", b"\x80")]
    if color_type in (0, 2):
        channels = 1 + color_type
        return [(f"{key} is transparent", struct.pack(">H", key) * channels) for key in (0, 1, 2 ** min(bits, 8) - 1)]
    return []


def header_only_png(width, height):
    """A PNG file whose header asks for `width x height` pixels and that holds none."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND")


# === Files with metadata ===


def exif(orientation, order="II", long=False, offset=8):
    """A block of EXIF data with an orientation behind another tag."""
    mark = "<" if order == "II" else ">"
    value = struct.pack(mark + ("I" if long else "H2x"), orientation)
    width = struct.pack(mark + "HHIH2x", 0x0100, 3, 1, WIDTH)
    entry = struct.pack(mark + "HHI", 0x0112, 4 if long else 3, 1) + value
    start = order.encode() + struct.pack(mark + "HI", 42, offset) + bytes(offset - 8)
    return start + struct.pack(mark + "H", 2) + width + entry + bytes(4)


def jpeg_with(segment):
    """A JPEG file with a segment of metadata (APP1)."""
    content = encoded(picture(), "JPEG")
    return content[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + content[2:]


def png_with(more, behind=False):
    """A PNG file with one more chunk, ahead of its pixels or behind them."""
    content = encoded(picture(), "PNG")
    place = -12 if behind else 33
    return content[:place] + more + content[place:]


def with_orientation(orientation):
    """`(name, suffix, bytes)` of every way to write an orientation."""
    for order in ("II", "MM"):
        for long in (False, True):
            for offset in (8, 20):
                block, name = exif(orientation, order, long, offset), f"EXIF {order} {long=} {offset=}"
                yield f"{name} in JPEG", ".jpg", jpeg_with(b"Exif\0\0" + block)
                yield f"{name} in PNG", ".png", png_with(chunk(b"eXIf", block))
                yield f"{name} behind PNG's pixels", ".png", png_with(chunk(b"eXIf", block), behind=True)
    for text in ('tiff:Orientation="{}"', "tiff:Orientation='{}'", "<tiff:Orientation>{}</tiff:Orientation>"):
        xmp = text.format(orientation).encode()
        yield f"XMP {text} in JPEG", ".jpg", jpeg_with(b"http://ns.adobe.com/xap/1.0/\0" + xmp)
        yield f"XMP {text} in PNG", ".png", png_with(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp))


def jpegs():
    """`(name, bytes)` of JPEG files of several layouts."""
    for size in ((1, 1), (9, 1), (17, 23)):
        image = picture(size=size)
        for subsampling in (0, 1, 2):
            for quality in (10, 95, 100):
                options = {"subsampling": subsampling, "quality": quality, "progressive": quality == 95}
                yield f"JPEG {size} {options}", encoded(image, "JPEG", **options)
        yield f"JPEG {size} RGB", encoded(image, "JPEG", keep_rgb=True)
        yield f"JPEG {size} restarts", encoded(image, "JPEG", restart_marker_blocks=1)
        yield f"JPEG {size} and more behind", encoded(image, "JPEG") + b"more" * 10


def bmps():
    """`(name, bytes)` of BMP files of several layouts."""
    content = encoded(picture(), "BMP")
    yield "BMP", content
    yield "BMP from top to bottom", content[:22] + struct.pack("<i", -HEIGHT) + content[26:]
    yield "BMP and more behind", content + b"more"


def animations():
    """`(name, suffix, bytes)` of files of several pictures."""
    options = {"save_all": True, "append_images": [Image.new("RGB", (WIDTH, HEIGHT))]}
    yield "animated PNG", ".png", encoded(picture(), "PNG", **options)
    yield "animated GIF", ".gif", encoded(picture(), "GIF", **options)
    yield "TIFF of two pages", ".tif", encoded(picture(), "TIFF", **options)
