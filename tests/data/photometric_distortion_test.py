import colorsys

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras.data import photometric_distortion  # noqa: E402
from hierseg_keras.data.photometric_distortion import distort  # noqa: E402

IMAGE = np.random.default_rng(0).uniform(0, 255, (3, 4, 3)).astype("float32")
KINDS = ("brightness", "contrast", "saturation", "hue")


def draws(seed):
    """The amounts of an example as documented: None where a change is not chosen, and whether contrast is first."""
    seeds = tf.unstack(tf.random.split(tf.random.experimental.stateless_fold_in([seed, 0], 1), 9))
    chosen = [float(tf.random.stateless_uniform((), each)) < 0.5 for each in seeds[:5]]
    ranges = [(-32, 32), (0.5, 1.5), (0.5, 1.5), (-0.1, 0.1)]
    amounts = [float(tf.random.stateless_uniform((), each, *pair)) for each, pair in zip(seeds[5:], ranges)]
    return {kind: v if used else None for kind, v, used in zip(KINDS, amounts, chosen[1:])}, chosen[0]


def in_hsv(image, change):
    pixels = [colorsys.hsv_to_rgb(*change(*colorsys.rgb_to_hsv(*pixel / 255))) for pixel in image.reshape(-1, 3)]
    return np.reshape(pixels, image.shape) * 255


def expected(image, seed):
    """The same changes, by Python's own color spaces."""
    amounts, contrast_first = draws(seed)
    image = image.astype("float64")

    def contrast():
        return np.clip(image * amounts["contrast"], 0, 255) if amounts["contrast"] is not None else image

    if amounts["brightness"] is not None:
        image = np.clip(image + amounts["brightness"], 0, 255)
    image = contrast() if contrast_first else image
    if amounts["saturation"] is not None:
        image = in_hsv(image, lambda h, s, v: (h, min(s * amounts["saturation"], 1), v))
    if amounts["hue"] is not None:
        image = in_hsv(image, lambda h, s, v: ((h + amounts["hue"]) % 1, s, v))
    return image if contrast_first else contrast()


class DistortTest:
    def test_matches_reference(self):
        found = {seed: distort(tf.constant(IMAGE), [seed, 0]).numpy() for seed in range(24)}
        for seed, image in found.items():
            np.testing.assert_allclose(image, expected(IMAGE, seed), atol=0.05)
        used = [draws(seed) for seed in found]
        # Every change, and both places of contrast, are among them; so is an image that no change was chosen for.
        assert all(any(amounts[kind] is not None for amounts, _ in used) for kind in KINDS)
        assert {first for amounts, first in used if amounts["contrast"] is not None} == {True, False}
        assert len({image.tobytes() for image in found.values()}) > 15

    def test_values_stay_in_range_and_other_channels_as_they_are(self):
        image = np.concatenate([IMAGE, np.full((3, 4, 1), 300, "float32")], axis=-1)
        for seed in range(8):
            changed = distort(tf.constant(image), [seed, 0]).numpy()
            assert changed.dtype == np.float32 and (changed[..., 3] == 300).all()
            assert changed[..., :3].min() >= 0 and changed[..., :3].max() <= 255

    def test_the_strengths_are_those_of_the_released_code(self):
        strengths = (photometric_distortion.BRIGHTNESS, photometric_distortion.CONTRAST, photometric_distortion.HUE)
        assert strengths == (32, (0.5, 1.5), 18 / 180)
