"""Reads a PASCAL-Part annotation as a label map of seven classes."""

import numpy as np
from etils import epath

from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.image_header import MAX_PIXELS
from tfds_builders.reading.matlab_v5 import read_variables

BACKGROUND, WHOLE_PERSON = 0, 7
_PARTS_OF_CLASS = {
    1: ("head", "leye", "reye", "lear", "rear", "lebrow", "rebrow", "nose", "mouth", "hair"),
    2: ("torso", "neck"),
    3: ("luarm", "ruarm"),
    4: ("llarm", "rlarm", "lhand", "rhand"),
    5: ("luleg", "ruleg"),
    6: ("llleg", "rlleg", "lfoot", "rfoot"),
}
_CLASS_OF_PART = {part: id_ for id_, parts in _PARTS_OF_CLASS.items() for part in parts}


def read_person_parts(path):
    """Reads a file of `Annotations_Part` as a label map.

    Parts are painted in the order of the file, persons first to last, so that an arm covers the
    torso behind it. Objects other than persons are not painted.

    Args:
        path: Path of `<id>.mat`, whose variable `anno` names the image `<id>`.

    Returns:
        Uint8 array `(H, W, 1)`: 0 background, 1 head, 2 torso, 3 upper arm, 4 lower arm, 5 upper leg,
        6 lower leg, and 7 for pixels of a person that belong to none of its parts.

    Raises:
        ImageFileError: If the file is damaged, or lacks the expected variables. The error names the file.
    """
    path = epath.Path(path)
    (annotation,) = read_variables(path, ["anno"])
    name, objects = _fields(path, _only(path, annotation, "anno"), "imname", "objects")
    if _text(path, name, "imname") != path.stem:
        raise _unexpected(path, f"the annotation of {path.stem}", f"that of {_text(path, name, 'imname')}")
    objects = [_fields(path, object_, "class", "mask", "parts") for object_ in objects.ravel()]
    if not objects:
        raise _unexpected(path, "at least one object", "none")
    shape = _mask(path, objects[0][1], objects[0][1].shape).shape
    persons = [(mask, parts) for class_, mask, parts in objects if _text(path, class_, "class") == "person"]
    label = np.full(shape, BACKGROUND, np.uint8)
    for mask, _ in persons:
        label[_mask(path, mask, shape)] = WHOLE_PERSON
    for _, parts in persons:
        for part in parts.ravel():
            part_name, mask = _fields(path, part, "part_name", "mask")
            label[_mask(path, mask, shape)] = _class_of_part(path, part_name)
    return label[..., None]


def _class_of_part(path, part_name):
    name = _text(path, part_name, "part_name")
    if name not in _CLASS_OF_PART:
        raise _unexpected(path, f"a part of a person, one of {', '.join(_CLASS_OF_PART)}", name)
    return _CLASS_OF_PART[name]


# === Values inside of MATLAB's structs of arrays ===


def _only(path, array, name):
    if array.size != 1:
        raise _unexpected(path, f"one struct `{name}`", f"an array of shape {array.shape}")
    return array.reshape(-1)[0]


def _fields(path, struct, *names):
    found = getattr(getattr(struct, "dtype", None), "names", None) or ()
    missing = [name for name in names if name not in found or not isinstance(struct[name], np.ndarray)]
    if missing:
        raise _unexpected(path, f"a struct with the fields {', '.join(names)}", f"none named {', '.join(missing)}")
    return [struct[name] for name in names]


def _text(path, value, name):
    if value.dtype.kind != "U" or value.size != 1:
        raise _unexpected(path, f"a text `{name}`", f"{value.dtype} of shape {value.shape}")
    return str(value.item())


def _mask(path, mask, shape):
    if mask.dtype not in (np.uint8, np.bool_) or mask.ndim != 2 or not 0 < mask.size <= MAX_PIXELS:
        raise _unexpected(path, "masks of 8 bits, height x width", f"{mask.dtype} of shape {mask.shape}")
    if mask.shape != shape:
        raise _unexpected(path, f"masks of equal size, {shape}", mask.shape)
    if mask.max() > 1:
        raise _unexpected(path, "masks of 0 and 1", f"the value {mask.max()}")
    return mask != 0


def _unexpected(path, expected, received):
    return ImageFileError(f"{path}: expected {expected}. Received: {received}. Restore it from the original archive")
