"""Where a TFDS data set stores images and label maps, and the class ids in the latter."""

import functools
import io

import numpy as np
import tensorflow as tf
from PIL import Image

MAX_CLASS_ID = np.iinfo(np.uint16).max
# In the header of a PNG file: the bits of a value, and then what the values are.
_BIT_DEPTH_AT, _PALETTE = 24, 3
# Pillow stretches grey values of fewer than 8 bits to 0 .. 255.
_STRETCH = {2: 85, 4: 17}


def find_features(info, asked=None):
    """Finds which features of a data set are the image and its label map.

    Features named `image` and `label`, as the builders of `tfds_builders` have them, are taken
    where they are images; then the data set's supervised pair; then the one image of three
    channels and the one of a single one.

    Args:
        info: `tfds.core.DatasetInfo`.
        asked: Optional pair of names that the user chose.

    Returns:
        Pair of names.

    Raises:
        ValueError: If there is no such pair, or more than one; the message says what to pass.
    """
    import tensorflow_datasets as tfds

    kinds = {name: feature for name, feature in info.features.items() if isinstance(feature, tfds.features.Image)}
    images = [name for name, feature in kinds.items() if feature.shape[-1] == 3 and feature.np_dtype == np.uint8]
    labels = [name for name, feature in kinds.items() if _may_hold_class_ids(feature)]
    single = [name for name in labels if kinds[name].shape[-1] == 1]
    candidates = [asked] if asked else [("image", "label"), tuple(info.supervised_keys or ())]
    if not asked and len(images) == len(single) == 1:
        candidates.append((images[0], single[0]))
    for pair in map(tuple, candidates):
        if len(pair) == 2 and pair[0] in images and pair[1] in labels and pair[0] != pair[1]:
            return pair
    shapes = {name: (feature.shape, np.dtype(feature.np_dtype).name) for name, feature in kinds.items()}
    raise ValueError(
        f"`data.load` expects one image of 3 channels, uint8, and one label map of 1, uint8 or uint16. "
        f"Received: {info.full_name} with {shapes}{f' and features={asked}' if asked else ''}. "
        f"Pass the pair of their names, as features={{name of the data set: (image, label)}}."
    )


def decode_class_ids(encoded, feature, record):
    """Decodes a label map as it is stored, inside tf.data: `(h, w, 1)` of the feature's dtype.

    A palette's indices are read and never its colours, and values of other widths than the dtype's
    as the numbers that were written, where TensorFlow stretches them to the whole range. Of several
    channels the first is taken, as `scene_parse150` has it.

    Args:
        encoded: String scalar, the bytes of a PNG file.
        feature: `tfds.features.Image`.
        record: String scalar, the record's name in errors.
    """
    dtype = tf.as_dtype(feature.np_dtype)
    header = tf.cast(tf.io.decode_raw(tf.strings.substr(encoded, _BIT_DEPTH_AT, 2), tf.uint8), tf.int32)
    ids = tf.cond(
        (header[0] == 8 * dtype.size) & (header[1] != _PALETTE),
        lambda: feature.decode_example(encoded)[..., :1],
        lambda: tf.numpy_function(
            functools.partial(_stored_values, dtype=feature.np_dtype), [encoded, record], dtype, stateful=False
        ),
    )
    return tf.ensure_shape(ids, (*feature.shape[:2], 1))


def _stored_values(encoded, record, dtype):
    with Image.open(io.BytesIO(encoded)) as image:
        kind, mode, values = image.format, image.mode, np.array(image)
    if kind != "PNG" or mode not in ("1", "L", "P", "I;16", "I") or values.max() > np.iinfo(dtype).max:
        raise ValueError(
            f"{record.decode()}: expected a label map stored as grey or palette PNG with class ids up to "
            f"{np.iinfo(dtype).max}. Received: {kind}, Pillow's mode {mode}, values up to {values.max()}."
        )
    if mode == "L":
        values = values // _STRETCH.get(encoded[_BIT_DEPTH_AT], 1)
    return values[..., None].astype(dtype)


def _may_hold_class_ids(feature):
    has_ids = feature.shape[-1] in (1, 3) and feature.np_dtype in (np.uint8, np.uint16)
    return has_ids and feature.encoding_format != "jpeg"
