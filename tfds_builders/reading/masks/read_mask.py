"""Reads masks as class ids."""

import collections

import numpy as np

from hierseg_keras.messages.capped_list import counted
from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.masks.coded_mask import Runs

_UNKNOWN = -1
# So many unknown colors or ids in one mask are no forgotten classes.
_MANY = 20
_MOST_NAMED = 5
_REMEDY = "Add a row per class to the class table, with a node or `ignore`"


def read_mask(item, class_map, above=None, remedy=None):
    """Reads a mask of any format as class ids.

    Args:
        item: An item of `FoundMasks.masks`.
        class_map: Dict from the keys of a class to its class id, an integer from 0 to 65535. The keys depend on the
            format:

            - `index`: the number, an integer.
            - `colors`: the color as `"#rrggbb"`.
            - `coco_panoptic`: the category id, an integer, or else the category's name.
            - `cvat`: the color as `"#rrggbb"`, or else the label's name.
            - `labelme`, `binary`: the name of the class.

            The pixels that no segment, shape or binary mask covers have the key `"_background_"`.
        above: Dict from a class id to the set of the class ids of its node and of the node's ancestors in the tree.
            Where binary masks of a class and of one of these overlap, the pixel has the class. Defaults to none: masks
            must not overlap, except those of one class id.
        remedy: String, what the error about classes that `class_map` does not have tells the user to do. Defaults to
            adding rows to the class table.

    Returns:
        Array `(H, W, 1)` of class ids: uint8, or uint16 if a class id of `class_map` is above 255.

    Raises:
        ImageFileError: If a file is damaged, as from `image_files.read_image`; pixels have a class that `class_map`
            does not have; or binary masks overlap. The error names the file and gives the number of pixels per class.
    """
    mask = item.decode()
    runs = Runs(mask.codes)
    ids = [_class_id(mask.classes_of(code), class_map, above or {}) for code in runs.codes.tolist()]
    is_unknown = np.array(ids) == _UNKNOWN
    if is_unknown.any():
        raise ImageFileError(_problem(mask, runs.codes[is_unknown], runs.counts[is_unknown], remedy or _REMEDY))
    dtype = np.uint8 if max(class_map.values(), default=0) <= np.iinfo(np.uint8).max else np.uint16
    return runs.replaced(np.array(ids, dtype))[..., None]


def _class_id(classes, class_map, above):
    """Returns the class id of pixels with these classes, or `_UNKNOWN`."""
    ids = {next((class_map[key] for key in keys if key in class_map), _UNKNOWN) for keys in classes}
    # Several if they stand for one node.
    deepest = [id_ for id_ in sorted(ids) if ids <= {id_, *above.get(id_, ())}]
    return deepest[0] if deepest else _UNKNOWN


def _problem(mask, codes, counts, remedy):
    num_classes = [len(mask.classes_of(code)) for code in codes.tolist()]
    has_overlap = max(num_classes) > 1
    if has_overlap:
        remedy = "Correct the masks, or map the classes of a pixel to one node, or to a node and its ancestor"
    elif len(codes) >= _MANY:
        remedy = (
            "So many are blended edges, of masks that were scaled, smoothed (anti-aliased) or stored as JPEG. Export "
            "the masks again, without smoothing and in their original size"
        )
    elif min(num_classes) == 0:
        remedy = "Export the masks again, together with the file that declares their classes"
    # Several codes may stand for one class, as the segments of COCO's masks do.
    pixels = collections.Counter()
    for code, count in zip(codes.tolist(), counts.tolist()):
        pixels[mask.name(code)] += count
    names, counts = np.array(list(pixels)), np.array(list(pixels.values()))
    return (
        f"{mask.path}: expected {'one class per pixel' if has_overlap else 'classes that have a node'}. Received: "
        f"{counted(names, counts, most=_MOST_NAMED)}. {remedy}"
    )
