import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras.data import augmentation  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402


def scene(height=6, width=8):
    """An image whose first channel tells each pixel's label, none of them alike."""
    label = np.arange(height * width, dtype=np.int32).reshape(height, width, 1)
    return tf.constant(np.repeat(label, 3, -1).astype(np.float32)), tf.constant(label)


def both_ways(step):
    """A step run by itself and inside tf.data, which may differ."""
    eager = step(*scene())
    mapped = next(iter(tf.data.Dataset.from_tensors(scene()).map(step)))
    for a, b in zip(eager, mapped):
        np.testing.assert_array_equal(a, b)
    return [x.numpy() for x in eager]


class RandomCropTest:
    @pytest.mark.parametrize("seed", range(4))
    def test_image_and_label_stay_together(self, seed):
        image, label = both_ways(lambda i, m: augmentation.random_crop(i, m, [seed, 1], (3, 5), 255))
        assert image.shape == (3, 5, 3) and label.shape == (3, 5, 1)
        np.testing.assert_array_equal(image[..., :1], label)
        rows, columns = np.divmod(label[..., 0], 8)
        assert (np.diff(rows, axis=0) == 1).all() and (np.diff(columns, axis=1) == 1).all()

    def test_smaller_image_is_padded_with_ignore_class(self):
        image, label = both_ways(lambda i, m: augmentation.random_crop(i, m, [0, 1], (9, 10), -1))
        assert (label == -1).sum() == 9 * 10 - 6 * 8
        assert (image[label[..., 0] == -1] == augmentation.PADDING_COLOUR).all()
        assert sorted(label[label >= 0]) == list(range(48))

    def test_every_place_is_drawn(self):
        image, label = scene(2, 3)
        crops = [augmentation.random_crop(image, label, [seed, 0], (1, 1), 255)[1] for seed in range(60)]
        corners = {label.numpy().item() for label in crops}
        assert corners == set(range(6))


class RandomScaleTest:
    @hypothesis.given(seed=st.integers(0, 1000))
    def test_labels_are_never_interpolated(self, seed):
        label = tf.constant(np.random.default_rng(seed).choice([0, 7, 255], (6, 8, 1)).astype(np.int32))
        image = tf.repeat(tf.cast(label, tf.float32), 3, -1)
        scaled_image, scaled = augmentation.random_scale(image, label, [seed, 0], (0.5, 2.0))
        assert set(np.unique(scaled)) <= set(np.unique(label))
        assert scaled.dtype == tf.int32 and scaled_image.shape[:2] == scaled.shape[:2]
        assert 3 <= scaled.shape[0] <= 12 and 4 <= scaled.shape[1] <= 16

    def test_factor_one_changes_nothing(self):
        image, label = both_ways(lambda i, m: augmentation.random_scale(i, m, [0, 0], (1.0, 1.0)))
        np.testing.assert_allclose(image[..., :1], label)


class RandomFlipTest:
    def flipped(self, label, swap=None):
        image = tf.repeat(tf.cast(label, tf.float32), 3, -1)
        for seed in range(20):
            new_image, new_label = augmentation.random_flip(image, label, [seed, 0], swap)
            if not np.array_equal(new_image, image):
                return new_label.numpy()

    def test_mirrors_half_of_all(self):
        image, label = scene()
        flipped = [augmentation.random_flip(image, label, [seed, 0])[1] for seed in range(200)]
        firsts = [label.numpy()[0, 0, 0] for label in flipped]
        assert set(firsts) == {0, 7}
        assert 70 < firsts.count(7) < 130

    def test_left_and_right_change_places_internal_nodes_too(self):
        # left/eye 0, left/brow 1, right/eye 2, right/brow 3, nose 4, left 5, right 6.
        tree = ClassTree.from_paths(["left/eye", "left/brow", "right/eye", "right/brow", "nose"])
        label = tf.constant([[[0], [1], [4], [5], [255]]])
        flipped = self.flipped(label, tree.swap([("left", "right")]))
        np.testing.assert_array_equal(flipped[0, :, 0], [255, 6, 4, 3, 2])


class ResizeTest:
    def test_area_and_nearest(self):
        image, label = both_ways(lambda i, m: augmentation.resize(i, m, (3, 4)))
        # The mean of rows 0, 1 and columns 0, 1 of 0 .. 47: (0 + 1 + 8 + 9) / 4.
        assert image[0, 0, 0] == pytest.approx(4.5)
        assert set(label.flat) <= set(range(48))
