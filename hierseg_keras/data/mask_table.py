"""Proposes a class table from what is in a folder of masks."""

import re

from hierseg_keras.data.class_map import IGNORE, ClassMap
from hierseg_keras.data.propose_class_map import propose_class_map

_NO_LABEL_ID = 255
_BLACK = "#000000"
# The border around objects in PASCAL VOC's label maps. Its black is a class, the background.
_VOC_BORDER = "#e0e0c0"
# Names that never stand for a class of objects.
_NO_LABEL_NAMES = {"void", "unlabeled", "unlabelled", "unlabel", "ignore", "ignored", "dont care", "no label"}
# The mean length of a run of pixels below which a color occurs at blended edges only, and the number of such colors
# from which they are no accident.
_THIN, _MANY = 2, 16
# The share of such pixels above which a file is no mask.
_PHOTOGRAPH = 0.5
_SHOWN = 8


def mask_table(found, counts, names=(), tree=None):
    """Proposes a class table for masks. Review and edit the result before you use it.

    Classes are mapped to nodes by their names, as `propose_class_map` does it. A class without a node is mapped to
    `ignore` only where this is certain: its name says so (`void`, `unlabeled`, ...); it is the id 255 beside ids below
    254; or it is the border color of PASCAL VOC, `#e0e0c0`. The pixels that were not annotated are mapped as
    `unannotated_node` says.

    Args:
        found: `tfds_builders.reading.masks.FoundMasks`.
        counts: Dict from class to `ClassCount`, as from `count_masks`.
        names: Dict from class ids or colors to names, for masks that hold only these. Defaults to none.
        tree: `ClassTree`, or `None` to propose no nodes.

    Returns:
        A pair `(class_map, keys)`: the `ClassMap`, and a list with the key in `counts` of each of its rows.
    """
    ids = _ids(found, counts)
    declared = dict(names) | dict(found.classes)
    # A class that is not declared has its name as key, unless the key is the id.
    rows = [(id_, declared.get(key, "" if key == id_ else key)) for key, id_ in ids.items()]
    colors = [(found.colors.get(key, ""),) for key in ids]
    class_map = ClassMap([(*row, "", *color) for row, color in zip(rows, colors)], "masks")
    if tree is not None:
        class_map = propose_class_map(class_map, tree)
    rows = []
    for key, (id_, name, node, *color) in zip(ids, class_map.rows):
        if is_unannotated(found.format, key, name):
            node = unannotated_node(found.format, tree)
        elif not node and _has_no_label(found.format, key, name, counts):
            node = IGNORE
        rows.append((id_, name, node, *color))
    return ClassMap(rows, class_map.source), list(ids)


def is_unannotated(format_, key, name):
    """Returns whether a class stands for the pixels that were not annotated.

    Args:
        format_: String, format of the masks.
        key: The class in `count_masks`.
        name: String, name of the class.
    """
    from tfds_builders.reading.masks import BACKGROUND

    return key == BACKGROUND or format_ == "cvat" and key == _BLACK and name == "background"


def unannotated_node(format_, tree):
    """Proposes the node of the pixels that no shape, segment or binary mask covers.

    It is the leaf `background` of the tree, if there is one. Internal nodes are not proposed, because such a label
    would supervise the pixels as if someone had annotated them.

    Args:
        format_: String, format of the masks.
        tree: `ClassTree`, or `None`.

    Returns:
        Path of a leaf; `"ignore"` for formats whose masks are whole, in which such pixels certainly have no label; or
        `""` if the user has to decide.
    """
    if format_ == "coco_panoptic":
        return IGNORE
    node = propose_class_map(["background"], tree).rows[0][2] if tree is not None else ""
    if node and tree.index(node) < tree.num_leaves:
        return node
    return IGNORE if format_ == "cvat" and tree is not None else ""


def _ids(found, counts):
    """Returns a dict from the key of each class to its id in the table, in the table's order."""
    from tfds_builders.reading.masks import BACKGROUND

    keys = dict.fromkeys(id_ for id_, _ in found.classes)
    others = sorted(counts.keys() - keys.keys() - {BACKGROUND})
    has_background = BACKGROUND in counts and BACKGROUND not in keys
    if found.format in ("labelme", "binary"):
        # The names are the keys; the ids only number them.
        return {key: number for number, key in enumerate([*[BACKGROUND] * has_background, *keys, *others])}
    ids = {key: key for key in [*keys, *others]}
    if has_background:
        ids[BACKGROUND] = 0 if 0 not in ids else max(ids) + 1
    return ids


def _has_no_label(format_, key, name, counts):
    """Returns whether a class without a node certainly means that pixels have no label."""
    if re.sub(r"[\s_'-]+", " ", name.casefold().replace("'", "")).strip() in _NO_LABEL_NAMES:
        return True
    if format_ == "index":
        others = [id_ for id_ in counts if id_ != key]
        # With two values, 255 is the other class of a binary mask.
        return key == _NO_LABEL_ID and len(others) > 1 and max(others) < _NO_LABEL_ID - 1
    return format_ == "colors" and key == _VOC_BORDER


def blended_problem(found, counts):
    """Returns a sentence if masks have the blended colors or ids of scaled or smoothed masks, or else `None`."""
    if found.format not in ("index", "colors"):
        return None
    thin = [key for key, count in counts.items() if count.pixels < _THIN * count.runs]
    if len(thin) < _MANY or 2 * len(thin) < len(counts):
        return None
    kind = "ids" if found.format == "index" else "colors"
    share = sum(counts[key].pixels for key in thin) / sum(count.pixels for count in counts.values())
    received = f"{len(counts):,} {kind}; {len(thin):,} of them, {share:.2%} of the pixels, occur in single pixels only"
    if share > _PHOTOGRAPH:
        received += ", as in photographs"
        advice = "Pass the folder of the masks"
    else:
        example = min(thin, key=lambda key: counts[key].pixels)
        plain = sorted(counts.keys() - set(thin), key=lambda key: -counts[key].pixels)
        listed = ", ".join(map(str, plain[:_SHOWN])) + ", ..." * (len(plain) > _SHOWN)
        received += (
            f", such as {example} in {counts[example].example}: blended edges of masks that were scaled, smoothed "
            f"(anti-aliased) or stored as JPEG. The most frequent of the other {kind} are {listed}"
        )
        advice = "Export the masks again, without smoothing and in their original size"
    return f"expected masks with one plain {kind[:-1]} per class. Received: {received}. {advice}"
