"""Every kind of file that must not become a record."""

import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfds_builders.image_files import (
    ImageFileError,
    map_ids,
    read_colours,
    read_grey,
    read_image,
    read_label,
    read_uint16,
    stored_image,
)

LABEL = np.arange(12, dtype=np.uint8).reshape(3, 4)
IMAGE = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)


@pytest.fixture
def image_path(tmp_path):
    Image.fromarray(IMAGE).save(tmp_path / "image.png")
    return tmp_path / "image.png"


@pytest.fixture
def label_path(tmp_path):
    Image.fromarray(LABEL).save(tmp_path / "label.png")
    return tmp_path / "label.png"


def palette_png(array):
    image = Image.fromarray(array).convert("P")
    image.putpalette([200 - channel for channel in range(48)])
    image.putdata(array.ravel().tolist())
    return image


def header_only_png(width, height):
    """A PNG whose header asks for `width x height` pixels and that holds none."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    packed = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def message_of(read, *args):
    with pytest.raises(ImageFileError) as caught:
        read(*args)
    return str(caught.value)


class ReadLabelTest:
    def test_palette_is_read_as_indices(self, label_path):
        palette_png(LABEL).save(label_path)
        assert Image.open(label_path).mode == "P"
        np.testing.assert_array_equal(read_label(label_path)[..., 0], LABEL)

    def test_small_palette_of_four_bits_is_read_as_indices(self, label_path):
        palette_png(LABEL).save(label_path, bits=4)
        assert label_path.read_bytes()[24] == 4
        np.testing.assert_array_equal(read_label(label_path)[..., 0], LABEL)

    @pytest.mark.parametrize(
        "array, mode",
        [
            (np.dstack([LABEL] * 3), "RGB"),
            (np.dstack([LABEL] * 4), "RGBA"),
            (np.dstack([LABEL] * 2), "LA"),
            (LABEL.astype(np.uint16), "I;16"),
            (LABEL > 3, "1"),
        ],
    )
    def test_label_of_another_mode_is_refused(self, array, mode, label_path):
        Image.fromarray(array).save(label_path)
        message = message_of(read_label, label_path)
        assert str(label_path) in message and f"mode {mode}." in message

    def test_label_that_is_a_jpeg_in_disguise_is_refused(self, label_path):
        Image.fromarray(LABEL).save(label_path, format="JPEG")
        assert str(label_path) in message_of(read_label, label_path)


class ReadImageTest:
    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
    def test_opaque_modes_become_rgb(self, mode, image_path):
        Image.fromarray(IMAGE).convert(mode).save(image_path)
        expected = np.array(Image.open(image_path).convert("RGB"))
        np.testing.assert_array_equal(read_image(image_path), expected)

    @pytest.mark.parametrize(
        "image, said",
        [
            (Image.new("RGBA", (4, 3), (9, 9, 9, 128)), "transparent"),
            (Image.fromarray(LABEL.astype(np.uint16)), "mode I;16"),
        ],
    )
    def test_images_that_need_a_guess_are_refused(self, image, said, image_path):
        image.save(image_path)
        message = message_of(read_image, image_path)
        assert str(image_path) in message and said in message

    def test_cmyk_is_refused(self, tmp_path):
        Image.new("CMYK", (4, 3)).save(tmp_path / "a.jpg")
        assert "mode CMYK" in message_of(read_image, tmp_path / "a.jpg")

    def test_exif_rotation_is_refused(self, image_path):
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(IMAGE).save(image_path, exif=exif)
        message = message_of(read_image, image_path)
        assert str(image_path) in message and "EXIF" in message

    def test_every_truncation_is_refused(self, image_path):
        whole = image_path.read_bytes()
        for length in range(0, len(whole) - 12):
            image_path.write_bytes(whole[:length])
            assert str(image_path) in message_of(read_image, image_path)

    def test_every_flipped_byte_is_refused(self, image_path):
        whole = image_path.read_bytes()
        for place in range(len(whole) - 12):
            spoiled = bytearray(whole)
            spoiled[place] ^= 0x55
            image_path.write_bytes(spoiled)
            assert str(image_path) in message_of(read_image, image_path), place

    def test_huge_header_is_refused_before_decoding(self, image_path):
        for width, height in ((10_001, 10_000), (100_000, 100_000)):
            image_path.write_bytes(header_only_png(width, height))
            message = message_of(read_image, image_path)
            assert str(image_path) in message and "pixels" in message

    def test_other_suffix_is_refused(self, tmp_path):
        Image.fromarray(IMAGE).save(tmp_path / "a.bmp")
        assert "a.bmp: expected a file that ends in .png or .jpg" in message_of(read_image, tmp_path / "a.bmp")

    def test_folder_and_missing_file_are_named(self, tmp_path):
        (tmp_path / "folder.png").mkdir()
        assert str(tmp_path / "folder.png") in message_of(read_image, tmp_path / "folder.png")
        assert str(tmp_path / "none.png") in message_of(read_image, tmp_path / "none.png")


class StoredImageTest:
    @pytest.mark.parametrize("kind", ["PNG", "JPEG"])
    def test_rgb_is_stored_as_it_is(self, kind, tmp_path):
        path = tmp_path / f"a.{kind.lower()}"
        Image.fromarray(IMAGE).resize((40, 30)).save(path)
        stored = stored_image(path, read_image(path))
        assert stored == path.read_bytes()
        decoded = tf.io.decode_image(stored, channels=3).numpy().astype(int)
        # Decoders of JPEG round differently.
        assert np.abs(decoded - read_image(path)).max() <= (0 if kind == "PNG" else 8)

    @pytest.mark.parametrize("mode", ["RGBA", "L", "P"])
    def test_other_modes_are_stored_as_rgb(self, mode, image_path):
        Image.fromarray(IMAGE).convert(mode).save(image_path)
        image = read_image(image_path)
        assert stored_image(image_path, image) is image


class ReadUint16Test:
    def test_values(self, label_path):
        values = np.array([[0, 255, 256], [26001, 65535, 1]], np.uint16)
        Image.fromarray(values).save(label_path)
        found = read_uint16(label_path)
        np.testing.assert_array_equal(found[..., 0], values)
        assert found.dtype == np.uint16 and found.dtype.isnative

    def test_eight_bits_are_refused(self, label_path):
        message = message_of(read_uint16, label_path)
        assert str(label_path) in message and "mode L." in message and "16-bit" in message


class ReadGreyTest:
    def test_values(self, label_path):
        found = read_grey(label_path)
        np.testing.assert_array_equal(found[..., 0], LABEL)
        assert found.dtype == np.uint8

    @pytest.mark.parametrize("mode", ["P", "RGB", "1", "LA", "I;16"])
    def test_other_modes_are_refused(self, mode, label_path):
        Image.fromarray(LABEL).convert(mode).save(label_path)
        message = message_of(read_grey, label_path)
        assert str(label_path) in message and f"mode {mode}." in message and "8-bit" in message


class ReadColoursTest:
    COLOURS = ((128, 64, 0), (0, 0, 0), (0, 0, 255), (255, 255, 255))

    def test_every_colour_becomes_its_place_in_the_list(self, image_path):
        ids = np.arange(12).reshape(3, 4) % 4
        Image.fromarray(np.array(self.COLOURS, np.uint8)[ids]).save(image_path)
        found = read_colours(image_path, self.COLOURS)
        np.testing.assert_array_equal(found[..., 0], ids)
        assert found.dtype == np.uint8

    def test_foreign_colours_are_counted(self, image_path):
        image = np.zeros((3, 4, 3), np.uint8)
        image[0, :3], image[2, 3] = (0, 0, 254), (255, 255, 254)
        Image.fromarray(image).save(image_path)
        message = message_of(read_colours, image_path, self.COLOURS)
        assert str(image_path) in message
        assert "RGB 0, 0, 254 (3 px), RGB 255, 255, 254 (1 px)" in message and "4 colours" in message

    def test_many_foreign_colours_are_cut_short(self, image_path):
        image = np.random.default_rng(0).integers(1, 255, (30, 30, 3), dtype=np.uint8)
        Image.fromarray(image).save(image_path)
        assert len(message_of(read_colours, image_path, self.COLOURS)) < 1000

    def test_indices_are_refused(self, label_path):
        message = message_of(read_colours, label_path, self.COLOURS)
        assert str(label_path) in message and "coded in colours" in message


class MapIdsTest:
    def test_values(self):
        mapped = map_ids("a.png", np.array([[0, 7], [255, 7]], np.uint8), {0: 3, 7: 0, 255: 1})
        np.testing.assert_array_equal(mapped, [[3, 0], [1, 0]])
        assert mapped.dtype == np.uint8

    def test_foreign_ids_are_counted(self):
        message = message_of(map_ids, "a.png", np.array([8, 7, 8, 300], np.uint16), {7: 0})
        assert "a.png: " in message and "[7]" in message and "8 (2 px), 300 (1 px)" in message
