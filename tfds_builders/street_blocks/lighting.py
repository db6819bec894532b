"""Adds haze, light and camera effects to a painted scene."""

import numpy as np

_HAZES = ((198, 204, 212), (210, 196, 180), (170, 176, 190))


def develop(canvas, random):
    """Adds haze, light from one side, exposure, a color cast, blur and noise.

    Returns:
        Uint8 array `(height, width, 3)`.
    """
    pixels = _with_haze(canvas, random)
    pixels = _with_side_light(pixels, random)
    pixels = _with_exposure(pixels, random)
    if random.chance(20):
        pixels = _blurred(pixels)
    pixels = pixels + random.noise(random.between(2, 8), pixels.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _with_haze(canvas, random):
    color, density = np.array(random.one_of(_HAZES)), random.one_of((0, 25, 50, 90))
    seen = canvas.nearness[..., None]
    # The sky has nearness 0 and is painted with a pale horizon already.
    weight = np.where(seen > 0, density * 12 // (12 + seen), 0)
    return (canvas.pixels * (256 - weight) + color * weight) // 256


def _with_side_light(pixels, random):
    width = pixels.shape[1]
    left, right = random.between(86, 112), random.between(86, 112)
    columns = np.arange(width)[:, None]
    return pixels * (left * (width - 1 - columns) + right * columns) // (100 * (width - 1))


def _with_exposure(pixels, random):
    exposure, contrast = random.between(76, 120), random.between(85, 116)
    cast = np.array([random.between(93, 107) for _ in range(3)])
    pixels = pixels * exposure * cast // 10_000
    return (pixels - 118) * contrast // 100 + 118


def _blurred(pixels):
    """Returns the mean of each pixel, with weight 2, and its four neighbors."""
    padded = np.pad(pixels, ((1, 1), (1, 1), (0, 0)), mode="edge")
    around = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    return (2 * pixels + around) // 6
