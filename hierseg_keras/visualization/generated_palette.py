"""The colors of a tree without an official palette."""

import functools
import re

import numpy as np

from hierseg_keras.visualization.oklab import color_of, deuteranopic_lab_of, lab_from_hue, lab_of

# Hue in degrees and lightness in OKLab, and the words in names of top classes that are drawn in them.
_CUSTOMARY = {
    (27, 0.60): "human person people pedestrian rider",
    (62, 0.62): "construction building structure house wall",
    (105, 0.82): "object sign furniture",
    (142, 0.58): "nature vegetation tree plant grass",
    (195, 0.70): "water sea lake river",
    (240, 0.72): "sky",
    (278, 0.45): "vehicle car",
    (325, 0.45): "ground road flat floor street",
}
_RED = 27
# Further top classes share hues once there are as many hues as are told apart easily.
_MOST_HUES = 12
# The colors to choose from: neither close to black, which marks pixels without a label, nor close to white.
_DARKEST, _LIGHTEST = 0.36, 0.87
_CHROMAS, _FIRST_VIVID = (0.05, 0.09, 0.13, 0.17, 0.21), 2
_NUM_HUES, _NUM_LIGHTNESSES = 7, 11
# The middle of the colors of a hue, and how strongly colors are drawn to the middle of their family's. The pull is
# weaker the more colors there are.
_MIDDLE_LIGHTNESS, _MIDDLE_CHROMA, _PULL = 0.62, 0.15, 0.5
# The degrees of hue that a family has, and that it has per leaf, if there are as many.
_FAMILY_HUES, _LEAF_HUES = 30, 10
# Distances between siblings count fully. Other classes may be closer by this factor, and colors as seen without
# green-sensitive cones by the second.
_OTHERS, _DEUTERANOPIC = 1.3, 2.0


@functools.lru_cache(maxsize=32)
def generated_palette(tree):
    """Chooses a color per node, such that siblings differ and a family has similar hues.

    Top classes divide the circle of hues. The hues around that of a node are divided among its inner
    children and its leaves. Starting from the top classes, each node gets the color with one of its
    hues that is farthest from all colors chosen before, also as seen by readers without
    green-sensitive cones. An only child has its parent's color.

    A few words, such as `sky` and `vegetation`, give a top class its customary hue. Only people are red.

    Args:
        tree: `ClassTree`.

    Returns:
        `(V, 3)` uint8 array, RGB. Read-only.
    """
    sizes = np.bincount(tree.depth_table[:, : tree.num_leaves].ravel(), minlength=tree.num_nodes)
    rank = np.argsort(tree.preorder)
    # Many top classes need all colors.
    are_tops_vivid = len(tree.children()) <= _MOST_HUES
    colors, pending, chosen = np.zeros((tree.num_nodes, 3), np.uint8), _top_hues(tree, sizes, rank), []
    # The chosen colors in OKLab, as all readers and as readers without green-sensitive cones see them.
    seen = np.zeros((2, tree.num_nodes, 3))
    while pending:
        families = []
        for node, hues, middle in pending:
            parent = tree.parents[node]
            if parent >= 0 and len(tree.children(parent)) == 1:
                colors[node] = colors[parent]
            else:
                is_sibling = tree.parents[chosen] == parent
                pull = _PULL / np.sqrt(tree.num_nodes)
                is_vivid = not tree.is_leaf(node) or parent < 0 and are_tops_vivid
                chromas = _CHROMAS[_FIRST_VIVID if is_vivid else 0 :]
                factors = np.where(is_sibling, 1.0, _OTHERS)
                colors[node] = _farthest(hues, chromas, middle, pull, seen[:, : len(chosen)], factors)
                seen[:, len(chosen)] = lab_of(colors[node]), deuteranopic_lab_of(colors[node])
                chosen.append(node)
            families += _child_hues(tree, node, _narrowed(hues, colors[node], sizes[node]), sizes, rank)
        pending = families
    colors.flags.writeable = False
    return colors


def _farthest(hues, chromas, middle, pull, chosen, factors):
    """Returns the color in a range of hues that is farthest from the chosen colors, and not far from the middle."""
    axes = np.linspace(_DARKEST, _LIGHTEST, _NUM_LIGHTNESSES), chromas, np.linspace(*hues, _NUM_HUES)
    lab = lab_from_hue(*(grid.ravel() for grid in np.meshgrid(*axes)))
    colors, is_displayable = color_of(lab)
    lab, colors = lab[is_displayable], colors[is_displayable]
    score = -pull * _distances(lab, middle[None])[:, 0]
    by_all, by_some = chosen
    if len(by_all):
        of_some = _DEUTERANOPIC * _distances(deuteranopic_lab_of(colors), by_some)
        score += (factors * np.minimum(_distances(lab, by_all), of_some)).min(axis=1)
    return colors[score.argmax()]


def _distances(lab, others):
    return np.linalg.norm(lab[:, None] - others, axis=-1)


def _narrowed(hues, color, size):
    """Returns the part of a range of hues around a color that its family of some leaves needs."""
    first, last = hues
    half = (_FAMILY_HUES + _LEAF_HUES * size) / 2
    if last - first <= 2 * half:
        return hues
    _, *plane = lab_of(color)
    middle = first + (np.degrees(np.arctan2(*plane[::-1])) - first + 180) % 360 - 180
    middle = min(max(middle, first + half), last - half)
    return middle - half, middle + half


def _child_hues(tree, node, hues, sizes, rank):
    """Yields each child with its part of a node's hues. The leaves among them share one part."""
    children = sorted(tree.children(node).tolist(), key=lambda child: rank[child])
    leaves = [child for child in children if tree.is_leaf(child)]
    parts = [[child] for child in children if not tree.is_leaf(child)] + ([leaves] if leaves else [])
    ends = np.cumsum([0, *(np.sqrt(sizes[part].sum()) for part in parts)])
    ends = hues[0] + (hues[1] - hues[0]) * ends / max(ends[-1], 1)
    for part, first, last in zip(parts, ends, ends[1:]):
        for child in part:
            yield child, (first, last), lab_from_hue(_MIDDLE_LIGHTNESS, _MIDDLE_CHROMA, (first + last) / 2)


# === The hues of the top classes ===


def _top_hues(tree, sizes, rank):
    """Returns each top class with its range of hues and the middle of its colors."""
    groups = _groups(tree, rank)
    # No other class is as red as people are, even if the tree has none.
    hues = np.array(sorted({hue for hue, _ in groups} | {_RED}))
    weights = np.ones(len(hues))
    for (hue, _), nodes in groups.items():
        weights[hues == hue] = np.sqrt(sizes[nodes].sum())
    after = np.diff(hues, append=hues[0] + 360) * weights / (weights + np.roll(weights, -1))
    before = np.roll(np.diff(hues, append=hues[0] + 360) - after, 1)
    halves = dict(zip(hues.tolist(), np.minimum(before, after)))
    return [
        (node, (hue - halves[hue], hue + halves[hue]), lab_from_hue(lightness, _MIDDLE_CHROMA, hue))
        for (hue, lightness), nodes in groups.items()
        for node in nodes
    ]


def _groups(tree, rank):
    """Returns a dict from hue and lightness to top classes: those with a customary hue, and a few in a row."""
    groups, others = {}, []
    for node in sorted(tree.children().tolist(), key=lambda child: rank[child]):
        leaves = tree.leaves(node)
        names = tree.names[node], tree.names[leaves[0]] if len(leaves) == 1 else ""
        words = set(re.findall("[a-z]+", " ".join(names).lower()))
        customary = [key for key, known in _CUSTOMARY.items() if words & set(known.split())]
        groups.setdefault(customary[0], []).append(node) if customary else others.append(node)
    if not others:
        return groups
    count = min(len(others), max(1, _MOST_HUES - len(groups)))
    free = _free_hues(sorted({hue for hue, _ in groups} | {_RED}), count)
    return groups | {(hue, _MIDDLE_LIGHTNESS): part.tolist() for hue, part in zip(free, np.array_split(others, count))}


def _free_hues(taken, count):
    """Returns `count` hues in ascending order, as far as possible from the taken ones and from each other."""
    gaps = np.diff(taken, append=taken[0] + 360)
    numbers = np.zeros(len(gaps), int)
    for _ in range(count):
        numbers[np.argmax(gaps / (numbers + 1))] += 1
    gaps = zip(taken, gaps, numbers.tolist())
    return [(hue + gap * place / (n + 1)) % 360 for hue, gap, n in gaps for place in range(1, n + 1)]
