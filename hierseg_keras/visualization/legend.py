"""Legends of classes."""

import dataclasses

import numpy as np
from matplotlib.patches import Rectangle

from hierseg_keras.visualization.colors import unlabeled_color
from hierseg_keras.visualization.columns import lowest_columns
from hierseg_keras.visualization.names import total_height, widest, wrapped

# Lengths in inches, the font size in points, and the largest number of indents.
_ROW, _LINE, _INDENT, _SWATCH, _GAP, _BETWEEN = 0.17, 0.13, 0.13, 0.16, 0.07, 0.2
_WIDEST_NAME, _SIZE, _DEEPEST = 2.6, 8, 8


@dataclasses.dataclass
class Entry:
    """Describes one row of a legend.

    Args:
        name: String.
        color: Three numbers in 0 .. 255.
        indent: Number of indents. Defaults to 0.
        family: Entries of one family follow each other, and are kept together where possible. Defaults to one family.
    """

    name: str
    color: tuple
    indent: int = 0
    family: int = 0


def node_entries(tree, colors, nodes, has_unlabeled=False):
    """Returns the entries of nodes, with each indented below those of its ancestors that are listed.

    Args:
        tree: `ClassTree`.
        colors: `(V, 3)` uint8 array.
        nodes: Iterable of nodes.
        has_unlabeled: Boolean, whether to add an entry for pixels without a label.
    """
    nodes = {int(node) for node in nodes}
    indents = {node: sum(int(ancestor) in nodes for ancestor in tree.ancestors(node)) for node in nodes}
    entries = [
        Entry(tree.names[node], colors[node], min(indents[node], _DEEPEST), int(tree.depth_table[0, node]))
        for node in tree.preorder.tolist()
        if node in nodes
    ]
    return entries + ([Entry("no label", unlabeled_color(colors), family=-1)] if has_unlabeled else [])


class Legend:
    """Lists entries in the lowest columns that fit into a width.

    Args:
        entries: List of `Entry`.
        width: Width in inches that the columns may have together.

    Attributes:
        width: Width of the columns in inches.
        height: Height of the tallest column in inches.
    """

    def __init__(self, entries, width):
        self._entries, room = entries, width - _SWATCH - _GAP
        self._names = [
            wrapped(entry.name, _SIZE, min(_WIDEST_NAME, room - _INDENT * entry.indent)) for entry in entries
        ]
        self._heights = [total_height([name], _ROW, _LINE) for name in self._names]
        widths = [
            _INDENT * entry.indent + _SWATCH + _GAP + widest([name], _SIZE) for entry, name in zip(entries, self._names)
        ]
        families = [entry.family for entry in entries]
        self._columns = lowest_columns(self._heights, families, lambda columns: _total(columns, widths) <= width)
        self._widths = [max(widths[row] for row in column) for column in self._columns]
        self.width = _total(self._columns, widths)
        self.height = max(sum(self._heights[row] for row in column) for column in self._columns)

    def draw(self, figure, left, top):
        """Draws the legend on a `Picture`, with its upper left corner at `(left, top)` in inches."""
        for column, width in zip(self._columns, self._widths):
            y = top
            for row in column:
                x = left + _INDENT * self._entries[row].indent
                color = np.divide(self._entries[row].color, 255.0)
                # The border shows white swatches.
                style = {"facecolor": color, "edgecolor": "0.6", "linewidth": 0.5}
                figure.page.add_patch(Rectangle((x, y + 0.15 * _ROW), _SWATCH, 0.7 * _ROW, **style))
                figure.write(x + _SWATCH + _GAP, y + self._heights[row] / 2, self._names[row], _SIZE)
                y += self._heights[row]
            left += width + _BETWEEN


def _total(columns, widths):
    return sum(max(widths[row] for row in column) for column in columns) + _BETWEEN * (len(columns) - 1)
