import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras.data import augmentation  # noqa: E402


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


def random_crop(image, label, seed, scale_range, crop_size, ignore_class, flip=False):
    crop = augmentation.draw_crop(tf.shape(image)[:2], seed, scale_range, crop_size, flip)
    image, label = augmentation.cut(image, label, crop)
    return augmentation.pad(image, tf.cast(label, tf.int32), crop, ignore_class)


def straightforward(image, label, seed, scale_range, crop_size, ignore_class, flip=False):
    """Resizes the whole image, pads it, cuts out the crop, and mirrors it."""
    image, label = tf.cast(image, tf.float32), tf.cast(label, tf.int32)
    scale_seed, crop_seed, flip_seed = tf.unstack(tf.random.split(seed, 3))
    if scale_range:
        factor = tf.random.stateless_uniform((), scale_seed, *scale_range)
        size = tf.maximum(tf.cast(tf.round(tf.cast(tf.shape(image)[:2], tf.float32) * factor), tf.int32), 1)
        image, label = tf.image.resize(image, size), tf.image.resize(label, size, method="nearest")
    missing = np.maximum(np.array(crop_size) - image.shape[:2], 0)
    place_seed, offset_seed = tf.unstack(tf.random.split(crop_seed, 2))
    before = augmentation._random_offset(place_seed, missing).numpy()
    padding = [*zip(before, missing - before), (0, 0)]
    image = np.pad(image, padding, constant_values=augmentation.PADDING_COLOR)
    label = np.pad(label, padding, constant_values=ignore_class)
    top, left = augmentation._random_offset(offset_seed, np.array(image.shape[:2]) - crop_size).numpy()
    window = slice(top, top + crop_size[0]), slice(left, left + crop_size[1])
    mirrored = flip and tf.random.stateless_uniform((), flip_seed) < 0.5
    return [pixels[window][:, ::-1] if mirrored else pixels[window] for pixels in (image, label)]


class RandomCropTest:
    def crop(self, image, label, seed, crop_size, scale_range=None, ignore_class=255):
        return random_crop(image, label, [seed, 0], scale_range, crop_size, ignore_class)

    @hypothesis.given(
        seed=st.integers(0, 1000),
        size=st.tuples(*[st.integers(1, 40)] * 2),
        crop_size=st.tuples(*[st.integers(1, 50)] * 2),
        scale_range=st.sampled_from([None, (0.5, 2.0), (2.0, 2.0), (0.1, 0.4), (1.0, 1.0)]),
        dtype=st.sampled_from(["uint8", "float32"]),
        flip=st.booleans(),
    )
    @hypothesis.settings(max_examples=60)
    def test_equals_the_straightforward_way_up_to_a_pixel(self, seed, size, crop_size, scale_range, dtype, flip):
        """Images whose colors are the places of their pixels tell where each pixel of a crop was taken from."""
        rows, columns = np.indices(size)
        image = tf.constant(np.stack([rows, columns, rows], -1).astype(dtype))
        label = tf.constant((rows * 50 + columns)[..., None].astype("uint16"))
        arguments = image, label, [seed, 0], scale_range, crop_size, -1, flip
        found, expected = random_crop(*arguments), straightforward(*arguments)
        tolerance = 1.001 if scale_range else 0
        np.testing.assert_allclose(found[0], expected[0], atol=tolerance)
        np.testing.assert_array_equal(found[1] == -1, expected[1] == -1)
        for place in (np.floor_divide, np.mod):
            np.testing.assert_allclose(place(found[1], 50), place(expected[1], 50), atol=tolerance)
        assert found[0].dtype == tf.float32 and found[1].dtype == tf.int32

    @hypothesis.given(
        seed=st.integers(0, 1000),
        size=st.tuples(*[st.integers(1, 40)] * 2),
        factor=st.floats(0.2, 2.0),
        channels=st.sampled_from([3, 4]),
    )
    def test_an_image_within_the_crop_is_resized_as_a_whole(self, seed, size, factor, channels):
        image = tf.constant(np.random.default_rng(seed).integers(0, 256, (*size, channels)).astype("uint8"))
        arguments = image, image[..., :1], [seed, 0], (factor, factor), (80, 80), -1
        found, expected = random_crop(*arguments), straightforward(*arguments)
        np.testing.assert_array_equal(found[1], expected[1])
        np.testing.assert_allclose(found[0], expected[0], atol=1e-3)

    @hypothesis.given(
        seed=st.integers(0, 1000),
        size=st.tuples(*[st.integers(1, 40)] * 2),
        crop_size=st.tuples(*[st.integers(1, 50)] * 2),
        scale_range=st.sampled_from([None, (0.5, 2.0)]),
    )
    def test_mirrors_the_very_crop(self, seed, size, crop_size, scale_range):
        """Labels to the pixel, where resizing the whole image agrees up to one."""
        arguments = *scene(*size), [seed, 0], scale_range, crop_size, -1
        image, label = random_crop(*arguments)
        is_mirrored = augmentation.draw_crop(tf.constant(size), [seed, 0], scale_range, crop_size, True).mirrored
        found = random_crop(*arguments, flip=True)
        np.testing.assert_array_equal(found[1], label[:, ::-1] if is_mirrored else label)
        np.testing.assert_allclose(found[0], image[:, ::-1] if is_mirrored else image, rtol=1e-4)

    def test_mirrors_half_of_all(self):
        labels = [random_crop(*scene(), [seed, 0], None, (6, 8), -1, flip=True)[1] for seed in range(200)]
        firsts = [label.numpy()[0, 0, 0] for label in labels]
        assert set(firsts) == {0, 7}
        assert 70 < firsts.count(7) < 130

    @pytest.mark.parametrize("seed", range(4))
    def test_image_and_label_stay_together(self, seed):
        image, label = both_ways(lambda i, m: self.crop(i, m, seed, (3, 5)))
        assert image.shape == (3, 5, 3) and label.shape == (3, 5, 1)
        np.testing.assert_array_equal(image[..., :1], label)
        rows, columns = np.divmod(label[..., 0], 8)
        assert (np.diff(rows, axis=0) == 1).all() and (np.diff(columns, axis=1) == 1).all()

    def test_smaller_image_is_padded_with_ignore_class(self):
        image, label = both_ways(lambda i, m: self.crop(i, m, 0, (9, 10), ignore_class=-1))
        assert (label == -1).sum() == 9 * 10 - 6 * 8
        assert (image[label[..., 0] == -1] == 127.5).all()
        assert sorted(label[label >= 0]) == list(range(48))

    def test_every_place_is_drawn(self):
        crops = [self.crop(*scene(2, 3), seed, (1, 1))[1] for seed in range(60)]
        assert {label.numpy().item() for label in crops} == set(range(6))

    def test_labels_are_never_interpolated(self):
        label = tf.constant(np.random.default_rng(0).choice([0, 7, 255], (6, 8, 1)).astype(np.int32))
        image = tf.repeat(tf.cast(label, tf.float32), 3, -1)
        for seed in range(20):
            _, scaled = self.crop(image, label, seed, (12, 16), (0.5, 2.0), ignore_class=-1)
            assert set(np.unique(scaled)) <= {-1, 0, 7, 255}
            height, width = (np.ptp(places) + 1 for places in np.nonzero(scaled[..., 0] >= 0))
            assert 3 <= height <= 12 and 4 <= width <= 16


class ResizeTest:
    def test_area(self):
        image, _ = both_ways(lambda i, m: augmentation.resize(i, m, (3, 4)))
        np.testing.assert_allclose(image[..., 0], np.arange(48).reshape(3, 2, 4, 2).mean((1, 3)), rtol=1e-6)

    @pytest.mark.parametrize("size", [(3, 4), (5, 7), (12, 16)])
    def test_nearest(self, size):
        _, label = both_ways(lambda i, m: augmentation.resize(i, m, size))
        # The pixels in which the centers of the new ones lie.
        rows, columns = (((np.arange(new) + 0.5) * old / new).astype(int) for new, old in zip(size, (6, 8)))
        np.testing.assert_array_equal(label[..., 0], np.arange(48).reshape(6, 8)[rows][:, columns])

    @pytest.mark.parametrize("size, expected", [((6, 8), (3, 4)), ((8, 6), (4, 3)), ((7, 11), (3, 5))])
    def test_shorter_side_keeps_proportions(self, size, expected):
        image, label = scene(*size)
        for found in (augmentation.resize(image, label, 3), augmentation.resize(image, label, expected)):
            assert found[0].shape[:2] == found[1].shape[:2] == expected


class RedrawCropTest:
    """A map whose left half is one class, and whose right half has one class per pixel."""

    LABEL = np.where(np.arange(40) < 20, 0, np.arange(40) + 40 * np.arange(20)[:, None])[..., None].astype("int32")

    def redrawn(self, seed, share=0.75, label=LABEL, ignore_class=-1):
        drawn, shares = augmentation.draw_crop(tf.constant([20, 40]), [seed, 0], None, (8, 8), True), []

        def share_of_label(crop):
            cut = augmentation.cut_label(tf.constant(label), crop)
            shares.append(float(augmentation.largest_share(cut, ignore_class, 900)))
            return shares[-1]

        return drawn, augmentation.redraw_crop(drawn, [seed, 0], (8, 8), share_of_label, share), shares

    def test_no_class_fills_more_than_the_share(self):
        """Of 80 crops about half are too uniform at first. The offsets are drawn anew, and nothing else."""
        tries = []
        for seed in range(80):
            before, after, shares = self.redrawn(seed)
            window = self.LABEL[after.offset[0] : after.offset[0] + 8, after.offset[1] : after.offset[1] + 8]
            assert np.unique(window, return_counts=True)[1].max() / 64 == shares[-1]
            assert shares[-1] < 0.75 and min([1, *shares[:-1]]) >= 0.75
            tries.append(len(shares))
            assert (after.offset.numpy() == before.offset.numpy()).all() == (len(shares) == 1)
            for name in ("size", "extent", "before", "after", "mirrored"):
                np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
        assert 20 < sum(count == 1 for count in tries) < 60

    def test_the_tenth_position_is_kept(self):
        _, _, shares = self.redrawn(0, label=np.zeros_like(self.LABEL))
        assert shares == [1.0] * augmentation.MAX_TRIES

    def test_pixels_without_a_label_do_not_count(self):
        label = tf.constant([5, 5, 5, 7, -1, -1, -1, -1])
        assert augmentation.largest_share(label, -1, 9) == 0.75
        assert augmentation.largest_share(tf.fill([4], -1), -1, 9) == 1

    def test_draws_follow_from_the_seed_in_a_pipeline(self):
        def share_of_label(crop):
            return augmentation.largest_share(augmentation.cut_label(tf.constant(self.LABEL), crop), -1, 900)

        def offset(seed):
            seed = tf.stack([seed, 0])
            crop = augmentation.draw_crop(tf.constant([20, 40]), seed, None, (8, 8), True)
            return augmentation.redraw_crop(crop, seed, (8, 8), share_of_label, 0.75).offset

        mapped = list(tf.data.Dataset.range(6, output_type=tf.int32).map(offset, 2).as_numpy_iterator())
        np.testing.assert_array_equal(mapped, [self.redrawn(seed)[1].offset for seed in range(6)])
