"""A class tree as a picture."""

from matplotlib.figure import Figure

from hierseg_keras.tree import as_class_tree
from hierseg_keras.visualization.colours import node_colours

_ROW_HEIGHT, _STEP, _NAME_WIDTH = 0.21, 0.45, 0.075


def draw_tree(tree, path=None):
    """Draws a class tree as an outline, in the colours of `node_colours`.

    Args:
        tree: `ClassTree`, or its text.
        path: Optional file to which the picture is saved.

    Returns:
        `matplotlib.figure.Figure`.

    Example:

    >>> figure = hs.visualization.draw_tree(hs.ClassTree.load("camvid"), "camvid.png")
    """
    tree = as_class_tree(tree)
    colours = node_colours(tree) / 255.0
    row = {node: place for place, node in enumerate(tree.preorder.tolist())}
    ends = [_STEP * depth + _NAME_WIDTH * len(name) for depth, name in zip(tree.depths, tree.names)]
    size = (max(ends) + 0.6, _ROW_HEIGHT * (tree.num_nodes + 1))
    figure = Figure(figsize=size, dpi=110)
    # In inches, downwards.
    axis = figure.add_axes((0, 0, 1, 1), xlim=(0, size[0]), ylim=(size[1], 0))
    axis.set_axis_off()
    for node, place in row.items():
        x, y = _STEP * tree.depths[node], _ROW_HEIGHT * (place + 1)
        parent = tree.parent(node)
        if parent >= 0:
            above = _ROW_HEIGHT * (row[parent] + 1)
            axis.plot([x - _STEP, x - _STEP, x], [above, y, y], color="0.75", linewidth=1, zorder=1)
        axis.plot(x, y, "o", color=colours[node], markersize=7, zorder=2)
        axis.text(x + 0.13, y, tree.names[node], va="center", fontsize=8)
    if path is not None:
        figure.savefig(path)
    return figure
