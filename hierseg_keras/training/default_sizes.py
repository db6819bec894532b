"""Chooses the sizes of images and crops where a configuration leaves them open."""

import warnings

import numpy as np

# Number of images whose sizes are looked at. Records are shuffled, so the first ones are a random sample.
NUM_MEASURED = 8
_MEGAPIXEL = 1024 * 1024
# In pixels: the shorter side of large images, and height and width of their crops.
_SHORTER_SIDE = 512
# Above it, validation on whole images needs more memory than most machines have.
_LARGE = 4 * _MEGAPIXEL


def default_sizes(values, sizes):
    """Returns the sizes that a configuration leaves open.

    - If it has no `crop_size`, crops have the median height and the median width of the images.
    - If it has no `size` either and these are more than a megapixel, a photograph's usual size, images are resized to a
      shorter side of 512 pixels and crops are 512 x 512. A warning says so.
    - If it has a `crop_size` and no `size`, and images have more than four megapixels, a warning says that validation
      predicts whole images.

    Args:
        values: The configuration's `data`. Its `size` is not a pair.
        sizes: List of pairs `(height, width)`, the sizes of some images after they are resized to `size`.

    Returns:
        Dict of values to replace in `data`.
    """
    height, width = (int(length) for length in np.median(sizes, axis=0))
    is_resized = values.size is not None
    if values.crop_size is not None:
        if not is_resized and height * width > _LARGE:
            warnings.warn(
                f"images have {height} x {width} pixels, and validation predicts whole images. If memory is too small, "
                "set `data.size`, such as 512, the new length of their shorter side.",
                stacklevel=2,
            )
        return {}
    if is_resized or height * width <= _MEGAPIXEL:
        return {"crop_size": (height, width)}
    warnings.warn(
        f"images of about {height} x {width} pixels are resized to a shorter side of {_SHORTER_SIDE} pixels, and "
        f"crops have {_SHORTER_SIDE} x {_SHORTER_SIDE}. Set `data.size` and `data.crop_size` to choose others.",
        stacklevel=2,
    )
    return {"size": _SHORTER_SIDE, "crop_size": (_SHORTER_SIDE, _SHORTER_SIDE)}
