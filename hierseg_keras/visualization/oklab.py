"""The color space OKLab, in which equal distances look about equally large."""

import numpy as np

# From linear sRGB to the responses of the eye's three cones, and from their cube roots to OKLab.
_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_FROM_CONES, _FROM_LAB = np.linalg.inv(_CONES), np.linalg.inv(_LAB)
# Linear sRGB as readers without green-sensitive cones see it (Machado et al. 2009).
_DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
_TOLERANCE = 1e-3


def lab_of(colors):
    """Converts sRGB colors to OKLab.

    Args:
        colors: `(..., 3)` array of numbers in 0 .. 255.

    Returns:
        `(..., 3)` float array: lightness in 0 .. 1, from green to red, and from blue to yellow.

    Reference:
        [Ottosson, A perceptual color space for image processing](https://bottosson.github.io/posts/oklab/).
    """
    return _lab_of_linear(_decoded(colors))


def deuteranopic_lab_of(colors):
    """Converts sRGB colors to OKLab, as readers without green-sensitive cones see them.

    Reference:
        [Machado et al., TVCG 2009](https://doi.org/10.1109/TVCG.2009.113).
    """
    return _lab_of_linear((_decoded(colors) @ _DEUTERANOPIA.T).clip(0, 1))


def lab_from_hue(lightness, chroma, hue):
    """Returns the OKLab coordinates of arrays of lightness, of chroma (the distance from gray), and of hue in degrees.

    The hue of red is 29, of yellow 110, of green 142 and of blue 264.
    """
    angle = np.radians(hue)
    return np.stack([lightness, chroma * np.cos(angle), chroma * np.sin(angle)], axis=-1)


def color_of(lab):
    """Converts OKLab to sRGB.

    Args:
        lab: `(..., 3)` float array.

    Returns:
        Tuple `(color, is_displayable)` of a `(..., 3)` uint8 array and a `(...)` boolean array. Where sRGB has no
        such color, each of its channels is clipped to 0 .. 255.
    """
    linear = (lab @ _FROM_LAB.T) ** 3 @ _FROM_CONES.T
    is_displayable = np.all((linear > -_TOLERANCE) & (linear < 1 + _TOLERANCE), axis=-1)
    linear = linear.clip(0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(255 * encoded).astype(np.uint8), is_displayable


def _decoded(colors):
    encoded = np.asarray(colors) / 255.0
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _lab_of_linear(linear):
    return np.cbrt(linear @ _CONES.T) @ _LAB.T
