import io

import numpy as np
import pytest
from PIL import Image

tf = pytest.importorskip("tensorflow")
import tensorflow_datasets as tfds  # noqa: E402

from hierseg_keras import data  # noqa: E402
from hierseg_keras.data.refusal import sentence_of  # noqa: E402
from hierseg_keras.data.stored_images import decode_image  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from tests.data.raw_png import GRAY_ALPHA, KINDS, PALETTE, RGB, RGBA, raw_png  # noqa: E402
from tests.data.tiny_data_sets import prepared  # noqa: E402


def decoded(encoded, channels, dtype=np.uint8):
    """The image, or the sentence that refuses it."""
    feature = tfds.features.Image(shape=(None, None, channels), dtype=dtype)
    dataset = tf.data.Dataset.from_tensors(encoded).map(lambda data: decode_image(data, feature, "file 7"))
    try:
        return next(iter(dataset)).numpy()
    except tf.errors.InvalidArgumentError as error:
        return sentence_of(error)


class DecodeImageTest:
    @pytest.mark.parametrize("channels", [1, 3, 4])
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
    def test_channels_and_dtypes(self, channels, dtype):
        values = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, (4, 5, channels)).astype(dtype)
        if channels == 4:
            values[..., 3] = np.iinfo(dtype).max
        feature = tfds.features.Image(shape=(None, None, channels), dtype=dtype)
        image = decoded(feature.encode_example(values), channels, dtype)
        expected = np.broadcast_to(values[..., :3], (4, 5, 3)) / (1 if dtype == np.uint8 else 257)
        np.testing.assert_allclose(image, expected, rtol=1e-6)
        assert image.dtype == (np.uint8 if dtype == np.uint8 else np.float32)

    @pytest.mark.parametrize("kind, bits", KINDS)
    def test_files_of_every_kind_show_what_viewers_show(self, kind, bits):
        values = np.random.default_rng(0).integers(0, 2**bits, (4, 5, {RGB: 3, RGBA: 4, GRAY_ALPHA: 2}.get(kind, 1)))
        palette = np.random.default_rng(1).integers(0, 256, (2**bits, 3))
        if kind in (GRAY_ALPHA, RGBA):
            values[..., -1] = 2**bits - 1
        shown = palette[values[..., 0]] if kind == PALETTE else values[..., : 3 if kind in (RGB, RGBA) else 1]
        shown = shown if kind == PALETTE else shown * 255 / (2**bits - 1)
        image = decoded(raw_png(values, kind, bits, palette), 3)
        # Eight of sixteen bits are kept where the data set declares eight.
        np.testing.assert_allclose(image, np.broadcast_to(shown, (4, 5, 3)), atol=1 if bits == 16 else 0)

    @pytest.mark.parametrize("channels", [3, 4])
    @pytest.mark.parametrize("bits", [8, 16])
    def test_transparent_pixels_are_refused(self, channels, bits):
        values = np.full((4, 5, 4), 2**bits - 1)
        values[2, 1:4, 3] = 7
        sentence = decoded(raw_png(values, RGBA, bits), channels, np.dtype(f"uint{bits}").type)
        assert sentence.startswith("file 7: expected an opaque image") and "Received: 3 transparent pixels" in sentence

    @pytest.mark.parametrize("channels", [1, 3])
    def test_jpeg_is_read_as_predict_reads_it(self, channels):
        values = np.random.default_rng(0).integers(0, 256, (16, 24, channels)).astype(np.uint8)
        encoded = tf.io.encode_jpeg(values)
        with Image.open(io.BytesIO(encoded.numpy())) as image:
            expected = np.array(image.convert("RGB"))
        np.testing.assert_array_equal(decoded(encoded, 3), expected)
        np.testing.assert_array_equal(decoded(encoded, channels), expected)


class GrayDataSetTest:
    def test_gray_becomes_three_equal_channels(self, data_dir):
        prepared("tiny_numbers", data_dir)
        tree = ClassTree.from_paths([str(number) for number in range(40)])
        class_maps = {"tiny_numbers": {number: str(number) for number in range(40)}}
        options = {"tree": tree, "data_dir": data_dir, "class_maps": class_maps}
        training = {"training": True, "crop_size": (3, 4), "scale_range": None}
        for how in ({}, training, {"size": (6, 8)}):
            dataset = data.load("tiny_numbers", "test", batch_size=7, **how, **options)
            assert dataset.element_spec[0].shape[-1] == 3
            for image, label in dataset.as_numpy_iterator():
                np.testing.assert_array_equal(image, np.stack([label] * 3, axis=-1))
