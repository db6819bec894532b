import keras
import numpy as np
import pytest

from hierseg_keras.tree import ClassTree
from hierseg_keras.tree.labels import IGNORED, OUTSIDE, integer_map, label_codes, pixel_weights, without_weightless
from tests.gradients import compiled

TREE = ClassTree(["a/b", "a/c", "d/e"])
IS_JAX = keras.backend.backend() == "jax"
# Three nodes, a label that is ignored and one outside the tree.
LABELS = np.array([[[0, 4, 2], [200, 5, 100]]])
CODES = np.array([[[0, 4, 2], [IGNORED, OUTSIDE, OUTSIDE]]])
Y_PRED = np.zeros((1, 2, 3, 5), "float32")


def codes_of(labels, ignore_class=200, y_pred=Y_PRED):
    return keras.ops.convert_to_numpy(label_codes("Owner", TREE, ignore_class, labels, y_pred))


class LabelCodesTest:
    @pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
    def test_integers_of_any_dtype(self, dtype):
        for labels in (LABELS.astype(dtype), LABELS.astype(dtype)[..., None], keras.ops.convert_to_tensor(LABELS)):
            codes = codes_of(labels)
            assert codes.dtype == np.int32 and codes.tolist() == CODES.tolist()

    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    def test_whole_floats(self, dtype):
        assert codes_of(LABELS.astype(dtype)).tolist() == CODES.tolist()

    def test_bools_and_lists(self):
        assert codes_of(LABELS == 4).tolist() == [[[0, 1, 0], [0, 0, 0]]]
        assert codes_of(LABELS.tolist()).tolist() == CODES.tolist()

    @pytest.mark.parametrize(
        "value",
        [
            np.float16(1.5),
            np.float32(0.5),
            np.float64(2 + 1e-9),
            np.float32("nan"),
            np.float32("inf"),
            np.float32(2**24),
            np.float64(2**40),
            np.int8(-1),
            np.uint8(255),
            np.uint32(2**31),
            np.int64(2**32 + 1),
            np.int64(-(2**32)),
            np.uint64(2**63),
        ],
    )
    def test_what_is_no_label_is_outside(self, value):
        labels = np.full((1, 2, 3), value)
        is_whole = np.isfinite(value) and value % 1 == 0
        if is_whole:
            assert (codes_of(labels) == OUTSIDE).all()
        else:
            with pytest.raises(ValueError, match="`Owner` expects integer labels. Received: y_true with "):
                codes_of(labels)
        if not (IS_JAX and value.dtype.itemsize == 8):
            assert (keras.ops.convert_to_numpy(compiled(codes_in_graph)(labels)) == OUTSIDE).all()

    @pytest.mark.parametrize("ignore_class", [-1, -300, 5, 70000])
    def test_ignore_class_of_any_sign_and_size(self, ignore_class):
        for dtype in ("int32", "int64", "float32", "float64"):
            codes = codes_of(np.full((1, 2, 3), ignore_class, dtype), ignore_class)
            assert (codes == IGNORED).all()
        # An unsigned label is never a negative number.
        assert codes_of(np.full((1, 2, 3), 255, "uint8"), -1).tolist() == np.full((1, 2, 3), OUTSIDE).tolist()

    def test_unknown_number_of_axes_raises(self):
        if IS_JAX:
            pytest.skip("shapes are always known")
        import tensorflow as tf

        graph = tf.function(codes_in_graph, [tf.TensorSpec(None, tf.int32)])
        with pytest.raises(ValueError, match="known number of axes of `y_true`.*Call `set_shape`"):
            graph(LABELS)

    def test_errors_about_another_map_name_it(self):
        with pytest.raises(ValueError, match="`Owner` expects one integer number per pixel.*Received: numbers.shape="):
            integer_map("Owner", "numbers", "number", LABELS[0], Y_PRED)
        with pytest.raises(ValueError, match="`Owner` expects integer numbers. Received: numbers with the value 0.5"):
            integer_map("Owner", "numbers", "number", LABELS + 0.5, Y_PRED)


def codes_in_graph(labels):
    return label_codes("Owner", TREE, 200, labels, Y_PRED)


class PixelWeightsTest:
    @pytest.mark.parametrize("shape", [(2,), (2, 1, 1), (2, 1, 1, 1), (2, 3, 4), (2, 3, 4, 1)])
    def test_of_images_and_pixels(self, shape):
        weights = np.arange(np.prod(shape)).reshape(shape)
        read = keras.ops.convert_to_numpy(pixel_weights("Owner", weights, np.zeros((2, 3, 4)), "float32"))
        assert read.dtype == np.float32
        expected = weights.reshape(shape[:3] if len(shape) > 1 else (2, 1, 1))
        np.testing.assert_array_equal(np.broadcast_to(read, (2, 3, 4)), np.broadcast_to(expected, (2, 3, 4)))

    def test_weightless_pixels_are_ignored(self):
        weights = pixel_weights("Owner", np.array([[[0.0, 0.5, np.nan], [0, 0, 1]]]), LABELS, "float32")
        codes = keras.ops.convert_to_numpy(without_weightless(keras.ops.convert_to_tensor(CODES), weights))
        assert codes.tolist() == [[[IGNORED, 4, OUTSIDE], [IGNORED, IGNORED, OUTSIDE]]]
