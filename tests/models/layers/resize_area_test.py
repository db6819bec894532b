import keras
import numpy as np
import pytest

from hierseg_keras.models.layers.resize_area import resize_area

# From and to: a whole factor, other factors, larger, larger in one direction, and the same.
SIZES = [((6, 9), (2, 3)), ((7, 11), (3, 4)), ((3, 4), (7, 9)), ((4, 10), (9, 3)), ((5, 4), (5, 4)), ((1, 1), (3, 2))]


def mean_rows(x, size):
    """One axis, the first: the mean of what each new row covers, row by row."""
    rows = []
    for bounds in np.arange(size)[:, None] * len(x) / size + [0, len(x) / size]:
        share = [max(min(bounds[1], row + 1) - max(bounds[0], row), 0) for row in range(len(x))]
        rows.append(np.tensordot(share, x, axes=1) * size / len(x))
    return np.array(rows)


class ResizeAreaTest:
    def test_hand_computed_value(self):
        # Three pixels become two: the middle one belongs to both in halves.
        found = resize_area(np.array([0.0, 90, 30], "float32").reshape(1, 1, 3, 1), (1, 2))
        np.testing.assert_allclose(np.ravel(found), [(0 + 45) / 1.5, (45 + 30) / 1.5])

    @pytest.mark.parametrize("size, new_size", SIZES)
    def test_matches_numpy_reference(self, size, new_size):
        x = np.random.default_rng(0).uniform(0, 255, (2, *size, 4)).astype("float32")
        rows = [mean_rows(image, new_size[0]) for image in x]
        expected = [np.swapaxes(mean_rows(np.swapaxes(image, 0, 1), new_size[1]), 0, 1) for image in rows]
        np.testing.assert_allclose(resize_area(x, new_size), expected, atol=1e-4)

    def test_image_of_the_size_is_unchanged(self):
        x = np.random.default_rng(0).uniform(0, 255, (1, 37, 41, 3)).astype("float32")
        np.testing.assert_allclose(resize_area(x, (37, 41)), x, rtol=1e-6)

    @pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="graphs of TensorFlow")
    @pytest.mark.parametrize("size, new_size", [*SIZES, ((360, 481), (90, 120)), ((541, 723), (90, 121))])
    def test_pixels_are_those_of_the_data_pipeline(self, size, new_size):
        import tensorflow as tf

        from hierseg_keras.data import augmentation

        x = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
        expected, _ = augmentation.resize(tf.constant(x), tf.zeros((*size, 1), tf.int32), new_size)
        # TensorFlow's operation rounds the bounds of areas to float32.
        np.testing.assert_allclose(resize_area(x[None].astype("float32"), new_size)[0], expected, atol=0.01)

        signature = [tf.TensorSpec((None, None, None, None), tf.float32), *[tf.TensorSpec((), tf.int32)] * 2]

        @tf.function(input_signature=signature, autograph=False)
        def in_graph(image, height, width):
            return resize_area(image, (height, width))

        np.testing.assert_allclose(in_graph(x[None].astype("float32"), *new_size)[0], expected, atol=0.01)
