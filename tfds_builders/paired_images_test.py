"""Every kind of file that must not become a record."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tfds_builders.image_files import ImageFileError, read_image, read_label
from tfds_builders.paired_images import ImagePair, pair_folders, read_pair

LABEL = np.arange(12, dtype=np.uint8).reshape(3, 4)
IMAGE = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)


@pytest.fixture
def pair(tmp_path):
    for folder, array in (("images", IMAGE), ("labels", LABEL)):
        (tmp_path / folder).mkdir()
        Image.fromarray(array).save(tmp_path / folder / "a.png")
    return ImagePair(tmp_path / "images" / "a.png", tmp_path / "labels" / "a.png")


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


class ReadPairTest:
    def test_values_and_shapes(self, pair):
        image, label = read_pair(pair, num_ids=12)
        np.testing.assert_array_equal(image, IMAGE)
        np.testing.assert_array_equal(label, LABEL[..., None])
        assert image.dtype == label.dtype == np.uint8

    def test_palette_is_read_as_indices(self, pair):
        palette_png(LABEL).save(pair.label)
        assert Image.open(pair.label).mode == "P"
        np.testing.assert_array_equal(read_label(pair.label)[..., 0], LABEL)

    def test_small_palette_of_four_bits_is_read_as_indices(self, pair):
        palette_png(LABEL).save(pair.label, bits=4)
        assert pair.label.read_bytes()[24] == 4
        np.testing.assert_array_equal(read_label(pair.label)[..., 0], LABEL)

    def test_foreign_ids_are_counted(self, pair):
        message = message_of(read_pair, pair, 10)
        assert str(pair.label) in message and "10 (1 px), 11 (1 px)" in message and "0 .. 9" in message

    def test_sizes_must_agree(self, pair):
        Image.fromarray(LABEL.T).save(pair.label)
        message = message_of(read_pair, pair, 12)
        assert str(pair.label) in message and str(pair.image) in message and "4 x 3" in message and "3 x 4" in message

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
    def test_label_of_another_mode_is_refused(self, array, mode, pair):
        Image.fromarray(array).save(pair.label)
        message = message_of(read_label, pair.label)
        assert str(pair.label) in message and f"mode {mode}." in message

    def test_label_that_is_a_jpeg_in_disguise_is_refused(self, pair):
        Image.fromarray(LABEL).save(pair.label, format="JPEG")
        assert str(pair.label) in message_of(read_label, pair.label)


class ReadImageTest:
    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
    def test_opaque_modes_become_rgb(self, mode, pair):
        Image.fromarray(IMAGE).convert(mode).save(pair.image)
        expected = np.array(Image.open(pair.image).convert("RGB"))
        np.testing.assert_array_equal(read_image(pair.image), expected)

    @pytest.mark.parametrize(
        "image, said",
        [
            (Image.new("RGBA", (4, 3), (9, 9, 9, 128)), "transparent"),
            (Image.fromarray(LABEL.astype(np.uint16)), "mode I;16"),
        ],
    )
    def test_images_that_need_a_guess_are_refused(self, image, said, pair):
        image.save(pair.image)
        message = message_of(read_image, pair.image)
        assert str(pair.image) in message and said in message

    def test_cmyk_is_refused(self, tmp_path):
        Image.new("CMYK", (4, 3)).save(tmp_path / "a.jpg")
        assert "mode CMYK" in message_of(read_image, tmp_path / "a.jpg")

    def test_exif_rotation_is_refused(self, pair):
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(IMAGE).save(pair.image, exif=exif)
        message = message_of(read_image, pair.image)
        assert str(pair.image) in message and "EXIF" in message

    def test_every_truncation_is_refused(self, pair):
        whole = pair.image.read_bytes()
        for length in range(0, len(whole) - 12):
            pair.image.write_bytes(whole[:length])
            assert str(pair.image) in message_of(read_image, pair.image)

    def test_every_flipped_byte_is_refused(self, pair):
        whole = pair.image.read_bytes()
        for place in range(len(whole) - 12):
            spoiled = bytearray(whole)
            spoiled[place] ^= 0x55
            pair.image.write_bytes(spoiled)
            assert str(pair.image) in message_of(read_image, pair.image), place

    def test_huge_header_is_refused_before_decoding(self, pair):
        for width, height in ((10_001, 10_000), (100_000, 100_000)):
            pair.image.write_bytes(header_only_png(width, height))
            message = message_of(read_image, pair.image)
            assert str(pair.image) in message and "pixels" in message

    def test_other_suffix_is_refused(self, tmp_path):
        Image.fromarray(IMAGE).save(tmp_path / "a.bmp")
        assert "a.bmp: expected a file that ends in .png or .jpg" in message_of(read_image, tmp_path / "a.bmp")

    def test_folder_and_missing_file_are_named(self, tmp_path):
        (tmp_path / "folder.png").mkdir()
        assert str(tmp_path / "folder.png") in message_of(read_image, tmp_path / "folder.png")
        assert str(tmp_path / "none.png") in message_of(read_image, tmp_path / "none.png")


class PairFoldersTest:
    def test_pairs_are_sorted_and_other_files_passed_over(self, pair):
        for name in ("b.png", "._b.png", "Thumbs.db"):
            (pair.image.parent / name).write_bytes(b"")
        (pair.label.parent / "b.png").write_bytes(b"")
        pairs, problems = pair_folders(pair.image.parent, pair.label.parent)
        assert [p.image.name for p in pairs] == ["a.png", "b.png"] and not problems

    def test_folder_without_images_is_a_problem(self, tmp_path, pair):
        (tmp_path / "none").mkdir()
        cases = ((tmp_path / "none", "Received: none"), (pair.image, "a file"), (tmp_path / "x", "nothing"))
        for folder, said in cases:
            pairs, problems = pair_folders(folder, pair.label.parent)
            assert not pairs and str(folder) in problems[0] and said in problems[0]

    def test_two_images_of_one_name_are_a_problem(self, pair):
        Image.fromarray(IMAGE).save(pair.image.with_suffix(".jpg"))
        _, problems = pair_folders(pair.image.parent, pair.label.parent)
        assert len(problems) == 1 and "one file a name" in problems[0]
