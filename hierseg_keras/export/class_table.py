"""The tree and the table of classes that travel with an exported model."""

import json

from hierseg_keras.visualization import node_colors

TREE, CLASSES = "tree.txt", "classes.json"


def class_files(tree, palette=None):
    """Returns the texts of two files that describe the classes of an exported model.

    Args:
        tree: `ClassTree`.
        palette: Colors of the classes, as in `visualization.node_colors`. Defaults to `None`.

    Returns:
        Dict from file name to text: `tree.txt`, as `ClassTree.from_file` reads it, and `classes.json`, a list with
        the name, path, parent, depth and color of each class, by node index.
    """
    colors = node_colors(tree, palette).tolist()
    classes = [
        {
            "name": tree.names[node],
            "path": tree.paths[node],
            "parent": int(tree.parents[node]),
            "depth": int(tree.depths[node]),
            "color": colors[node],
        }
        for node in range(tree.num_nodes)
    ]
    return {TREE: tree.to_text(), CLASSES: json.dumps(classes, indent=1, ensure_ascii=False)}
