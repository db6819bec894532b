import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras.export.encoded_images import decode_image, readable_size  # noqa: E402
from tests import image_samples  # noqa: E402
from tests.image_samples import SUFFIXES, encoded, header_only_png, picture  # noqa: E402
from tfds_builders.reading.file_problems import ImageFileError  # noqa: E402
from tfds_builders.reading.image_files import read_image  # noqa: E402


@pytest.fixture(scope="module")
def decode():
    """Decodes in a graph, where it is the same one for every file."""
    string = tf.TensorSpec((), tf.string)
    return tf.function(decode_image, input_signature=[string, string])


class DecodeImageTest:
    def test_pixels_of_every_file_are_those_of_the_other_reader_or_both_refuse(self, decode, tmp_path):
        samples = [(name, suffix, content) for name, suffix, content in every_sample()]
        outcomes = {"same": 0, "refused": 0}
        for name, suffix, content in samples:
            path = tmp_path / f"a{suffix}"
            path.write_bytes(content)
            expected, received = outcome_of_file(path), outcome_in_graph(decode, content)
            assert (expected is None) == (received is None), name
            if expected is not None:
                np.testing.assert_array_equal(received, expected, err_msg=name)
            outcomes["refused" if expected is None else "same"] += 1
        assert outcomes["same"] > 150 and outcomes["refused"] > 150

    @pytest.mark.parametrize(
        "content, said",
        [
            (b"", "a PNG, JPEG or BMP file"),
            (b"no image", "a PNG, JPEG or BMP file"),
            (encoded(picture(), "GIF"), "a PNG, JPEG or BMP file"),
            (encoded(picture(), "WEBP"), "a PNG, JPEG or BMP file"),
            (header_only_png(10_001, 10_000), "at most 89 megapixels. Received: 10001 x 10000 pixels"),
            (image_samples.png(16, 2), "16 bits per channel"),
            (encoded(picture("CMYK"), "JPEG"), "CMYK"),
            (encoded(picture("RGBA"), "PNG"), "transparent"),
            (encoded(picture("L"), "BMP"), "24 bits per pixel"),
            (next(image_samples.animations())[2], "animated"),
            (image_samples.jpeg_with(b"Exif\0\0" + image_samples.exif(6)), "orientation"),
        ],
    )
    def test_error_names_the_file_and_what_is_wrong(self, content, said, decode):
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            decode(content, "street.jpg")
        assert "street.jpg: expected" in str(caught.value) and said in str(caught.value)

    @pytest.mark.parametrize("kind", SUFFIXES)
    def test_truncated_files_are_refused(self, kind, decode):
        content = encoded(picture(), kind)
        for length in range(0, len(content), 7):
            assert outcome_in_graph(decode, content[:length]) is None, length


class ReadableSizeTest:
    @pytest.mark.parametrize("kind", SUFFIXES)
    def test_is_read_from_the_header(self, kind):
        content = tf.constant(encoded(picture(size=(5, 300)), kind))
        assert readable_size(content, "a").numpy().tolist() == [5, 300]

    def test_of_a_bmp_from_top_to_bottom(self):
        content = tf.constant(dict(image_samples.bmps())["BMP from top to bottom"])
        assert readable_size(content, "a").numpy().tolist() == [image_samples.HEIGHT, image_samples.WIDTH]

    @pytest.mark.parametrize("content", [b"", b"no image", header_only_png(10_001, 10_000)])
    def test_of_a_file_that_cannot_be_read_is_an_error_that_names_it(self, content):
        with pytest.raises(tf.errors.InvalidArgumentError, match="street.jpg: expected"):
            readable_size(tf.constant(content), "street.jpg")


def every_sample():
    """`(name, suffix, bytes)` of all of `image_samples`; a format that is not read stands under its bytes' own name."""
    for kind, mode, content in image_samples.of_every_mode():
        # Files of cameras are JPEG files with previews.
        yield f"{kind} {mode}", ".jpg" if kind == "MPO" else SUFFIXES.get(kind, ".png"), content
    for name, content in image_samples.pngs():
        yield name, ".png", content
    for orientation in (0, 1, 8, 9):
        for name, suffix, content in image_samples.with_orientation(orientation):
            yield f"{name}: {orientation}", suffix, content
    for name, content in image_samples.jpegs():
        yield name, ".jpg", content
    for name, content in image_samples.bmps():
        yield name, ".bmp", content
    yield from image_samples.animations()


def outcome_of_file(path):
    try:
        return read_image(path)
    except ImageFileError:
        return None


def outcome_in_graph(decode, content):
    try:
        return decode(content, "a").numpy()
    except tf.errors.InvalidArgumentError:
        return None
