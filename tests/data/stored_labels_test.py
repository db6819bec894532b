import io

import numpy as np
import pytest
from PIL import Image

tf = pytest.importorskip("tensorflow")
import tensorflow_datasets as tfds  # noqa: E402

from hierseg_keras.data.refusal import sentence_of  # noqa: E402
from hierseg_keras.data.stored_labels import decode_label  # noqa: E402
from tests.data.raw_png import CHANNELS, GRAY, GRAY_ALPHA, KINDS, PALETTE, RGB, RGBA, raw_png  # noqa: E402
from tests.data.tiny_data_sets import png  # noqa: E402

IDS = np.array([[0, 1, 5], [2, 3, 255]], np.uint8)
# Of colors that are no ids.
COLORS = (np.arange(768).reshape(256, 3) * 7 + 31) % 256


def image(channels, dtype=np.uint8):
    return tfds.features.Image(shape=(None, None, channels), dtype=dtype)


def integers(colors):
    return colors[..., 0] * 0x10000 + colors[..., 1] * 0x100 + colors[..., 2]


class DecodeLabelTest:
    def decoded(self, encoded, feature, colors=False):
        """The label map, or the sentence that refuses it."""
        dataset = tf.data.Dataset.from_tensors(encoded).map(lambda data: decode_label(data, feature, "file 7", colors))
        try:
            label = next(iter(dataset)).numpy()
        except tf.errors.InvalidArgumentError as error:
            return sentence_of(error)
        assert label.shape == (*label.shape[:2], 1)
        return label[..., 0]

    def values(self, kind, bits, seed=0):
        """The same id in every channel that holds ids, and opaque alpha."""
        ids = np.random.default_rng(seed).integers(0, 2**bits, (4, 5, 1))
        values = np.repeat(ids, 3, axis=-1) if kind in (RGB, RGBA) else ids
        alpha = np.full_like(ids, 2**bits - 1)
        return np.concatenate([values, alpha], axis=-1) if kind in (GRAY_ALPHA, RGBA) else values

    @pytest.mark.parametrize("kind, bits", KINDS)
    def test_class_ids_of_every_kind_of_png(self, kind, bits):
        values = self.values(kind, bits)
        encoded = raw_png(values, kind, bits, COLORS[: 2**bits])
        for channels, dtype in ((1, np.uint8), (3, np.uint8), (1, np.uint16)):
            label = self.decoded(encoded, image(channels, dtype))
            if values[..., 0].max() > np.iinfo(dtype).max:
                assert label.startswith("file 7: expected a label map stored as PNG, with class ids up to 255")
            else:
                np.testing.assert_array_equal(label, values[..., 0])
                assert label.dtype == dtype

    @pytest.mark.parametrize("kind, bits", KINDS)
    def test_colors_of_every_kind_of_png(self, kind, bits):
        values = self.values(kind, bits)
        if kind in (RGB, RGBA):
            values[..., :3] = np.random.default_rng(1).integers(0, 2**bits, (4, 5, 3))
        label = self.decoded(raw_png(values, kind, bits, COLORS[: 2**bits]), image(3), colors=True)
        if bits == 16:
            assert label.startswith("file 7: expected a label map stored as PNG, with 8-bit colors")
        elif kind == PALETTE:
            np.testing.assert_array_equal(label, integers(COLORS[values[..., 0]]))
        elif kind in (RGB, RGBA):
            np.testing.assert_array_equal(label, integers(values))
        else:
            # Black is 0 and white the largest number, whatever the bits.
            gray = values[..., 0] * (255 // (2**bits - 1))
            np.testing.assert_array_equal(label, integers(np.stack([gray] * 3, axis=-1)))

    @pytest.mark.parametrize("kind, bits", [(RGB, 8), (RGBA, 8), (RGB, 16)])
    def test_channels_that_differ_are_no_class_ids(self, kind, bits):
        values = self.values(kind, bits)
        values[1, 2, :3] = 128, 0, 0
        values[2, :2, :3] = 0, 0, 9
        sentence = self.decoded(raw_png(values, kind, bits), image(3, np.dtype(f"uint{bits}").type))
        assert sentence.startswith("file 7: expected a label map of one channel, or of equal channels. Received: 3 ")
        assert bits == 16 or "#000009 (2 pixels), #800000 (1 pixel)" in sentence

    @pytest.mark.parametrize("kind", [GRAY_ALPHA, RGBA])
    @pytest.mark.parametrize("colors", [False, True])
    def test_alpha_that_is_not_opaque_is_refused(self, kind, colors):
        values = self.values(kind, 8)
        values[3, 1:3, -1] = 254
        sentence = self.decoded(raw_png(values, kind, 8), image(CHANNELS[kind] if kind == RGBA else 1), colors)
        assert sentence.startswith("file 7: expected an opaque label map. Received: 2 transparent pixels")

    def test_palettes_as_pillow_writes_them(self):
        for feature in (image(1), image(3), image(1, np.uint16)):
            np.testing.assert_array_equal(self.decoded(png(IDS, "P"), feature), IDS)
        for bits in (1, 2, 4):
            ids = IDS % 2**bits
            np.testing.assert_array_equal(self.decoded(png(ids, "P", bits=bits), image(1)), ids)

    def test_small_values_in_wide_files(self):
        np.testing.assert_array_equal(self.decoded(png(IDS.astype(np.uint16), "I;16"), image(1)), IDS)

    @pytest.mark.parametrize("colors", [False, True])
    def test_what_is_no_png_is_refused(self, colors):
        files = {kind: io.BytesIO() for kind in ("JPEG", "BMP", "GIF", "TIFF")}
        for kind, file in files.items():
            Image.fromarray(IDS).save(file, kind)
            sentence = self.decoded(file.getvalue(), image(1), colors)
            assert sentence.startswith("file 7: expected a label map stored as PNG")
            assert f"Received: a {kind} file" in sentence
        for encoded in (b"", b"no image", png(IDS, "L")[:8]):
            sentence = self.decoded(encoded, image(1), colors)
            assert f"Received: {len(encoded)} bytes that are not a complete image" in sentence

    def test_gray_is_gray(self):
        assert self.decoded(raw_png(IDS[..., None], GRAY, 8), image(1)).dtype == np.uint8
