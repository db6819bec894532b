import keras
import numpy as np
import pytest

from hierseg_keras.models.layers.resize_to import ResizeTo
from hierseg_keras.models.layers.scale_image import ScaleImage


def bilinear_rows(x, size):
    """One axis, the first: pixel centers at halves, edges repeated."""
    places = (np.arange(size) + 0.5) * len(x) / size - 0.5
    low = np.floor(places)
    share = (places - low)[:, None, None]
    before, after = (np.clip(i, 0, len(x) - 1).astype(int) for i in (low, low + 1))
    return x[before] * (1 - share) + x[after] * share


class ResizeToTest:
    @pytest.mark.parametrize("size, target", [((4, 5), (8, 20)), ((3, 4), (7, 11)), ((1, 1), (5, 3))])
    def test_matches_numpy_reference(self, size, target):
        x = np.random.default_rng(0).normal(size=(*size, 2)).astype("float32")
        result = ResizeTo()([x[None], np.zeros((1, *target, 3), "float32")])
        rows = bilinear_rows(x, target[0])
        expected = np.swapaxes(bilinear_rows(np.swapaxes(rows, 0, 1), target[1]), 0, 1)
        np.testing.assert_allclose(keras.ops.convert_to_numpy(result)[0], expected, atol=1e-6)

    @pytest.mark.parametrize("target", [(4, 6), (3, 5)])
    def test_nearest(self, target):
        x = np.arange(6.0, dtype="float32").reshape(1, 2, 3, 1)
        result = ResizeTo("nearest")([x, np.zeros((1, *target, 3), "float32")])
        rows, columns = (((np.arange(new) + 0.5) * old / new).astype(int) for old, new in zip((2, 3), target))
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(result)[0], x[0][rows][:, columns])

    def test_unknown_interpolation_raises(self):
        with pytest.raises(ValueError, match="one of .*Received: interpolation='cubic'"):
            ResizeTo("cubic")

    def test_keeps_its_dtype(self):
        x, reference = np.zeros((1, 2, 2, 1), "float16"), np.zeros((1, 4, 4, 1), "float16")
        assert ResizeTo(dtype="float32")([x, reference]).dtype == "float32"

    @pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="graphs of unknown sizes are TensorFlow's")
    def test_sizes_need_not_be_known(self):
        import tensorflow as tf

        unknown = tf.TensorSpec((None, None, None, 1))
        run = tf.function(lambda x, reference: ResizeTo()([x, reference]), input_signature=[unknown, unknown])
        for size in (5, 8):
            assert run(tf.ones((1, 3, 4, 1)), tf.ones((1, size, 2 * size, 1))).shape == (1, size, 2 * size, 1)


class ScaleImageTest:
    def test_hand_computed_values(self):
        image = np.array([[[[255.0, 51.0, 0.0]]]], "float32")
        for mode, expected in (
            ("unit", [1, 0.2, 0]),
            ("symmetric", [1, -0.6, -1]),
            ("caffe", [0 - 103.939, 51 - 116.779, 255 - 123.68]),
            ("torch", [(1 - 0.485) / 0.229, (0.2 - 0.456) / 0.224, (0 - 0.406) / 0.225]),
        ):
            result = keras.ops.convert_to_numpy(ScaleImage(mode)(image))
            np.testing.assert_allclose(result[0, 0, 0], expected, rtol=1e-5)

    def test_unknown_mode_raises(self):
        with pytest.raises(ValueError, match="Received: mode='zero'"):
            ScaleImage("zero")
