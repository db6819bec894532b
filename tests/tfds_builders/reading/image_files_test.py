"""Every kind of file that must not become a record."""

import struct

import numpy as np
import pytest
from PIL import Image

from tests import image_samples
from tests.image_samples import chunk, encoded, header_only_png, picture, png
from tfds_builders.reading.check_labels import map_ids
from tfds_builders.reading.image_files import (
    ImageFileError,
    read_colors,
    read_gray,
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


def message_of(read, *args):
    with pytest.raises(ImageFileError) as caught:
        read(*args)
    return str(caught.value)


# What errors call Pillow's modes.
COLORS = {
    "RGB": "RGB colors",
    "RGBA": "RGB colors with opacity",
    "L": "gray values",
    "LA": "gray values with opacity",
    "P": "a palette",
    "1": "black and white",
    "I;16": "gray values",
}


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
        assert str(label_path) in message and f"Received: {COLORS[mode]}, of" in message

    @pytest.mark.parametrize(
        "bits, color_type, chunks", [(2, 0, b""), (4, 0, b""), *((b, 3, chunk(b"PLTE", bytes(48))) for b in (1, 2, 4))]
    )
    def test_few_bits_are_read_as_the_numbers_that_were_written(self, bits, color_type, chunks, label_path):
        label_path.write_bytes(png(bits, color_type, chunks))
        found = read_label(label_path)
        # As written: seven rows of random bytes, each behind a byte for the row's filter.
        row_bytes = np.random.default_rng(0).integers(0, 256, (7, 1 + (11 * bits + 7) // 8), np.uint8)[:, 1:]
        rows = np.unpackbits(row_bytes, axis=1).reshape(7, -1, bits)[:, :11] @ (1 << np.arange(bits)[::-1])
        np.testing.assert_array_equal(found[..., 0], rows)
        assert found.dtype == np.uint8

    def test_transparent_indices_are_indices(self, label_path):
        label_path.write_bytes(png(8, 3, chunk(b"PLTE", bytes(768)) + chunk(b"tRNS", b"\0")))
        assert read_label(label_path).max() > 200

    def test_turned_label_is_refused(self, label_path):
        label_path.write_bytes(png(8, 0, chunk(b"eXIf", image_samples.exif(6))))
        assert "orientation" in message_of(read_label, label_path)

    def test_label_that_is_a_jpeg_in_disguise_is_refused(self, label_path):
        Image.fromarray(LABEL).save(label_path, format="JPEG")
        assert str(label_path) in message_of(read_label, label_path)


class ReadImageTest:
    @pytest.mark.parametrize("mode", ["RGB", "L", "P", "1"])
    def test_opaque_modes_become_rgb(self, mode, image_path):
        picture(mode).save(image_path)
        np.testing.assert_array_equal(read_image(image_path), np.array(picture(mode).convert("RGB")))

    @pytest.mark.parametrize("mode", ["RGBA", "LA"])
    def test_alpha_is_dropped_where_it_is_opaque_alone(self, mode, image_path):
        image = picture(mode)
        image.save(image_path)
        assert "transparent" in message_of(read_image, image_path)
        image.putalpha(255)
        image.save(image_path)
        np.testing.assert_array_equal(read_image(image_path), np.array(image.convert("RGB")))

    @pytest.mark.parametrize("bits", [1, 2, 4, 8])
    def test_one_gray_value_may_be_transparent(self, bits, image_path):
        image_path.write_bytes(png(bits, 0, chunk(b"tRNS", struct.pack(">H", 1)), is_zero=True))
        assert not read_image(image_path).any()
        image_path.write_bytes(png(bits, 0, chunk(b"tRNS", struct.pack(">H", 0)), is_zero=True))
        assert "transparent" in message_of(read_image, image_path)

    @pytest.mark.parametrize("color_type", [0, 2, 4, 6])
    def test_sixteen_bits_are_refused(self, color_type, image_path):
        image_path.write_bytes(png(16, color_type))
        message = message_of(read_image, image_path)
        assert str(image_path) in message and ", of 16 bits per value." in message

    def test_cmyk_is_refused(self, tmp_path):
        Image.new("CMYK", (4, 3)).save(tmp_path / "a.jpg")
        assert "CMYK colors, of 8 bits" in message_of(read_image, tmp_path / "a.jpg")

    @pytest.mark.parametrize("orientation", range(10))
    def test_orientations_of_viewers_are_refused(self, orientation, tmp_path):
        for name, suffix, content in image_samples.with_orientation(orientation):
            path = tmp_path / f"a{suffix}"
            path.write_bytes(content)
            if 2 <= orientation <= 8:
                message = message_of(read_image, path)
                assert str(path) in message and f"{name.split()[0]} orientation {orientation}," in message, name
            else:
                assert read_image(path).shape == (7, 11, 3), name

    @pytest.mark.parametrize("name, suffix, content", image_samples.animations())
    def test_files_of_several_pictures_are_refused(self, name, suffix, content, tmp_path):
        (tmp_path / f"a{suffix}").write_bytes(content)
        assert f"a{suffix}" in message_of(read_image, tmp_path / f"a{suffix}")

    def test_previews_of_a_camera_are_passed_over(self, tmp_path):
        previews = {"save_all": True, "append_images": [Image.new("RGB", (4, 3))], "quality": 95}
        (tmp_path / "a.jpg").write_bytes(encoded(picture(), "MPO", **previews))
        expected = np.array(Image.open(tmp_path / "a.jpg").convert("RGB"))
        np.testing.assert_array_equal(read_image(tmp_path / "a.jpg"), expected)

    @pytest.mark.parametrize("name, content", image_samples.bmps())
    def test_bmp(self, name, content, tmp_path):
        (tmp_path / "a.bmp").write_bytes(content)
        rows = slice(None, None, -1 if "top" in name else 1)
        np.testing.assert_array_equal(read_image(tmp_path / "a.bmp"), np.array(picture())[rows])

    @pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA"])
    def test_bmp_of_other_layouts_is_refused(self, mode, tmp_path):
        picture(mode).save(tmp_path / "a.bmp")
        assert "24 bits per pixel" in message_of(read_image, tmp_path / "a.bmp")

    @pytest.mark.parametrize("name", ["a b.png", "größe 日本.png", "A.PNG", "a.b.png", "#%3f.png"])
    def test_names_of_every_kind(self, name, tmp_path):
        Image.fromarray(IMAGE).save(tmp_path / name)
        np.testing.assert_array_equal(read_image(tmp_path / name), IMAGE)
        np.testing.assert_array_equal(read_image(str(tmp_path / name)), IMAGE)

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

    @pytest.mark.parametrize("size", [(10_001, 10_000), (100_000, 100_000), (2**31 - 1, 2**31 - 1)])
    def test_huge_header_is_refused_before_decoding(self, size, image_path):
        image_path.write_bytes(header_only_png(*size))
        message = message_of(read_image, image_path)
        assert f"{image_path}: expected at most 89 megapixels" in message and f"{size[0]} x {size[1]}" in message

    @pytest.mark.parametrize("size", [(0, 5), (5, 0)])
    def test_image_without_a_pixel_is_refused(self, size, image_path):
        image_path.write_bytes(header_only_png(*size))
        assert str(image_path) in message_of(read_image, image_path)

    def test_endless_file_is_refused(self, tmp_path, monkeypatch):
        monkeypatch.setattr("tfds_builders.reading.image_files.MAX_BYTES", 1000)
        (tmp_path / "a.png").symlink_to("/dev/zero")
        assert "at most 1,000 bytes" in message_of(read_image, tmp_path / "a.png")

    def test_name_must_say_what_the_file_is(self, tmp_path):
        for kind, suffix, said in (("PNG", ".jpg", "PNG"), ("GIF", ".png", "GIF"), ("WEBP", ".png", "WebP")):
            (tmp_path / f"a{suffix}").write_bytes(encoded(picture(), kind))
            message = message_of(read_image, tmp_path / f"a{suffix}")
            assert "by its suffix" in message and f"Received: {said}" in message.replace("RIFF (WebP)", "WebP")
        (tmp_path / "a.png").write_bytes(b"")
        assert "an empty file" in message_of(read_image, tmp_path / "a.png")

    @pytest.mark.parametrize("name", ["a.tif", "a.webp", "a", "a.png.txt"])
    def test_other_suffix_is_refused(self, name, tmp_path):
        (tmp_path / name).write_bytes(encoded(picture(), "PNG"))
        message = message_of(read_image, tmp_path / name)
        assert f"{name}: expected a file that ends in .png, .jpg, .jpeg or .bmp" in message

    def test_folder_missing_file_and_loop_are_named(self, tmp_path):
        (tmp_path / "folder.png").mkdir()
        (tmp_path / "loop.png").symlink_to("loop.png")
        for name, said in (("folder.png", "directory"), ("none.png", "nothing there"), ("loop.png", "symbolic links")):
            message = message_of(read_image, tmp_path / name)
            assert str(tmp_path / name) in message and said in message


class StoredImageTest:
    @pytest.mark.parametrize("kind", ["PNG", "JPEG"])
    def test_rgb_is_stored_as_it_is(self, kind, tmp_path):
        path = tmp_path / f"a.{kind.lower()}"
        Image.fromarray(IMAGE).resize((40, 30)).save(path)
        assert stored_image(path, read_image(path)) == path.read_bytes()

    @pytest.mark.parametrize("mode, suffix", [("RGBA", ".png"), ("L", ".png"), ("P", ".png"), ("RGB", ".bmp")])
    def test_other_files_are_stored_as_rgb(self, mode, suffix, tmp_path):
        Image.fromarray(IMAGE).convert(mode).save(tmp_path / f"a{suffix}")
        image = read_image(tmp_path / f"a{suffix}")
        assert stored_image(tmp_path / f"a{suffix}", image) is image


class ReadUint16Test:
    def test_values(self, label_path):
        values = np.array([[0, 255, 256], [26001, 65535, 1]], np.uint16)
        Image.fromarray(values).save(label_path)
        found = read_uint16(label_path)
        np.testing.assert_array_equal(found[..., 0], values)
        assert found.dtype == np.uint16 and found.dtype.isnative

    def test_eight_bits_are_refused(self, label_path):
        message = message_of(read_uint16, label_path)
        assert str(label_path) in message and "Received: gray values, of 8 bits" in message and "16-bit" in message


class ReadGrayTest:
    def test_values(self, label_path):
        found = read_gray(label_path)
        np.testing.assert_array_equal(found[..., 0], LABEL)
        assert found.dtype == np.uint8

    @pytest.mark.parametrize("mode", ["P", "RGB", "1", "LA", "I;16"])
    def test_other_modes_are_refused(self, mode, label_path):
        Image.fromarray(LABEL).convert(mode).save(label_path)
        message = message_of(read_gray, label_path)
        assert str(label_path) in message and f"Received: {COLORS[mode]}, of" in message and "8-bit" in message


class ReadColorsTest:
    COLORS = ((128, 64, 0), (0, 0, 0), (0, 0, 255), (255, 255, 255))

    def test_every_color_becomes_its_place_in_the_list(self, image_path):
        ids = np.arange(12).reshape(3, 4) % 4
        Image.fromarray(np.array(self.COLORS, np.uint8)[ids]).save(image_path)
        found = read_colors(image_path, self.COLORS)
        np.testing.assert_array_equal(found[..., 0], ids)
        assert found.dtype == np.uint8

    def test_foreign_colors_are_counted(self, image_path):
        image = np.zeros((3, 4, 3), np.uint8)
        image[0, :3], image[2, 3] = (0, 0, 254), (255, 255, 254)
        Image.fromarray(image).save(image_path)
        message = message_of(read_colors, image_path, self.COLORS)
        assert str(image_path) in message
        assert "RGB 0, 0, 254 (3 pixels), RGB 255, 255, 254 (1 pixel)" in message and "4 colors" in message

    def test_many_foreign_colors_are_cut_short(self, image_path):
        image = np.random.default_rng(0).integers(1, 255, (30, 30, 3), dtype=np.uint8)
        Image.fromarray(image).save(image_path)
        assert len(message_of(read_colors, image_path, self.COLORS)) < 1000

    def test_indices_are_refused(self, label_path):
        message = message_of(read_colors, label_path, self.COLORS)
        assert str(label_path) in message and "original file holds colors" in message


class MapIdsTest:
    def test_values(self):
        mapped = map_ids("a.png", np.array([[0, 7], [255, 7]], np.uint8), {0: 3, 7: 0, 255: 1})
        np.testing.assert_array_equal(mapped, [[3, 0], [1, 0]])
        assert mapped.dtype == np.uint8

    def test_foreign_ids_are_counted(self):
        message = message_of(map_ids, "a.png", np.array([8, 7, 8, 300], np.uint16), {7: 0})
        assert "a.png: " in message and "[7]" in message and "8 (2 pixels), 300 (1 pixel)" in message
