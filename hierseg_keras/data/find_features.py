"""Finds the image and the label map among the features of a TFDS data set."""

import numpy as np

from hierseg_keras.data.stored_images import IMAGE_CHANNELS, IMAGE_DTYPES
from hierseg_keras.data.stored_labels import LABEL_CHANNELS, LABEL_DTYPES


def find_features(info, asked=None):
    """Finds the features of a data set that are the image and its label map.

    If no pair is given, the first of these that exists is used:

    - the features named `image` and `label`;
    - the data set's supervised pair;
    - the only other image, and the only `LabeledImage`;
    - the only image of three channels, and the only image of one channel;
    - the feature `image`, and the only other image.

    Args:
        info: `tfds.core.DatasetInfo`.
        asked: Pair of feature names chosen by the user. Defaults to `None`.

    Returns:
        Pair of feature names, `(image, label)`.

    Raises:
        ValueError: If `asked` is not such a pair, or no pair is found.
    """
    import tensorflow_datasets as tfds

    kinds = {name: feature for name, feature in info.features.items() if isinstance(feature, tfds.features.Image)}
    images = [name for name, feature in kinds.items() if _holds(feature, IMAGE_CHANNELS, IMAGE_DTYPES)]
    labels = [name for name, feature in kinds.items() if _holds(feature, LABEL_CHANNELS, LABEL_DTYPES)]
    labels = [name for name in labels if kinds[name].encoding_format != "jpeg"]
    for pair in [tuple(asked)] if asked else _candidates(info, kinds, images, labels):
        if len(pair) == 2 and pair[0] in images and pair[1] in labels and pair[0] != pair[1]:
            return pair
    shapes = {name: f"{feature.shape} {np.dtype(feature.np_dtype).name}" for name, feature in kinds.items()}
    advice = "Store the image with `tfds.features.Image`, and the label map with `tfds.features.LabeledImage`."
    if images and labels and len(kinds) > 1:
        advice = "Pass the names of the two features, as features={name of the data set: (image, label)}."
    raise ValueError(
        f"`data.load` expects an image and a label map, both with 1, 3 or 4 channels of uint8 or uint16, the label map "
        f"not as JPEG. Received: {info.full_name} with the images {shapes}"
        f"{f' and features={asked!r}' if asked else ''}. {advice}"
    )


def _candidates(info, kinds, images, labels):
    import tensorflow_datasets as tfds

    of_classes = [name for name in labels if isinstance(kinds[name], tfds.features.LabeledImage)]
    of_colors = [name for name in images if kinds[name].shape[-1] == 3 and name not in of_classes]
    single = [name for name in labels if kinds[name].shape[-1] == 1]
    yield "image", "label"
    yield tuple(info.supervised_keys or ())
    yield from _only([name for name in images if name not in of_classes], of_classes)
    yield from _only(of_colors, single)
    yield from _only([name for name in images if name == "image"], [name for name in labels if name != "image"])


def _only(images, labels):
    return [(images[0], labels[0])] if len(images) == len(labels) == 1 else []


def _holds(feature, channels, dtypes):
    return len(feature.shape) == 3 and feature.shape[-1] in channels and feature.np_dtype in dtypes
