"""Finds names that a node shares with one below it, as Cityscapes' category `sky` does with its class `sky`."""


def repeated_below(tree, node):
    """Returns the path of a node below `node` that has its name, or `None`.

    Args:
        tree: `ClassTree`.
        node: Integer node index.
    """
    below = [path for path, name in zip(tree.paths, tree.names) if name == tree.names[node]]
    return next((path for path in below if path.startswith(f"{tree.paths[node]}/")), None)
