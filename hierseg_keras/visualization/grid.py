"""The layout of images with their label maps: a row per map, a column per level, and a legend."""

import math

import numpy as np

from hierseg_keras.visualization.colors import unlabeled_color
from hierseg_keras.visualization.legend import Legend, node_entries
from hierseg_keras.visualization.names import wrapped
from hierseg_keras.visualization.picture import Picture

# Lengths in inches, and the font size in points.
GAP, MARGIN, TITLE_HEIGHT, TITLE_LINE, TITLE_SIZE = 0.07, 0.08, 0.22, 0.15, 9
_LEGEND_GAP = 0.1
# Images have about the same area whatever their shape, except if they are extremely wide or high.
_AREA, _NARROWEST, _WIDEST, _HIGHEST = 7.5, 1.6, 4.8, 4.8
# The legend goes below a single image if it fills at least this share of the height there.
_FILLED = 0.45


def draw_grid(tree, colors, images, maps, titles=None):
    """Draws images with their label maps at every level, and a legend of the classes that they show.

    If all rows have the same image and the legend fills the room below it, the image is shown once.

    Args:
        tree: `ClassTree`.
        colors: `(V, 3)` uint8 array.
        images: List of `(H, W, 3)` uint8 arrays, one per row.
        maps: List of `(H, W)` integer arrays of node indices, one per row.
        titles: List of strings, one per row. Defaults to no titles.

    Returns:
        `Picture`.
    """
    rows = [_level_maps(tree, labels) for labels in maps]
    width, _ = cell_size(images)
    heights = [min(width * image.shape[0] / image.shape[1], _HIGHEST) for image in images]
    titles = [wrapped(title, TITLE_SIZE, height) for title, height in zip(titles or [""] * len(rows), heights)]
    # Titles of rows are turned, and stand between the image and the maps.
    aside = max(GAP if not title else TITLE_HEIGHT + TITLE_LINE * title.count("\n") for title in titles)
    lefts = [MARGIN, *(MARGIN + width + aside + level * (width + GAP) for level in range(tree.num_levels))]
    whole_width = lefts[-1] + width + MARGIN
    tops = MARGIN + TITLE_HEIGHT + np.cumsum([0, *(height + GAP for height in heights)])
    bottom = tops[-1] - GAP
    is_one_image = all(image is images[0] for image in images)
    legend, below_image = _legend(tree, colors, rows, width), tops[0] + heights[0] + _LEGEND_GAP
    room = bottom - below_image if is_one_image else 0
    has_room = _FILLED * room <= legend.height <= room
    if not has_room:
        legend = _legend(tree, colors, rows, whole_width - 2 * MARGIN)
    figure = Picture(whole_width, bottom + MARGIN + (0 if has_room else _LEGEND_GAP + legend.height), layout=None)
    for left, title in zip(lefts, ["image", *(_level_title(tree, level) for level in range(1, tree.num_levels + 1))]):
        figure.write(left + width / 2, MARGIN + TITLE_HEIGHT / 2, title, TITLE_SIZE, ha="center")
    for row, (image, levels, title, top, height) in enumerate(zip(images, rows, titles, tops, heights)):
        if not (row and has_room):
            figure.show(image, lefts[0], top, width, height, smooth=True)
        figure.write(lefts[1] - aside / 2, top + height / 2, title, TITLE_SIZE, ha="center", rotation=90)
        for left, classes in zip(lefts[1:], levels):
            figure.show(_painted(colors, classes), left, top, width, height)
    if has_room:
        legend.draw(figure, MARGIN, below_image)
    else:
        legend.draw(figure, (whole_width - legend.width) / 2, bottom + _LEGEND_GAP)
    return figure


def cell_size(images):
    """Computes the width and height in inches of a cell that fits images, `(H, W, 3)` arrays."""
    aspect = math.exp(np.mean([math.log(image.shape[1] / image.shape[0]) for image in images]))
    width = min(max(math.sqrt(_AREA * aspect), _NARROWEST), _WIDEST)
    return width, min(width / aspect, _HIGHEST)


def _level_title(tree, level):
    return f"level {level} ({len(tree.level_classes(level))} classes)"


def _level_maps(tree, labels):
    """Returns the maps of classes at every level, -1 where there is none."""
    is_node = (labels >= 0) & (labels < tree.num_nodes)
    return [np.where(is_node, classes, -1) for classes in tree.level_table[:, np.where(is_node, labels, 0)]]


def _painted(colors, classes):
    # Index -1 is the last color.
    return np.concatenate([colors, [unlabeled_color(colors)]]).astype(np.uint8)[classes]


def _legend(tree, colors, rows, width):
    shown = np.unique([node for levels in rows for classes in levels for node in np.unique(classes)])
    return Legend(node_entries(tree, colors, shown[shown >= 0], bool((shown < 0).any())), width)
