"""Checks of weights per node, depth or level."""

from collections.abc import Sequence

import numpy as np

from hierseg_keras.tree.repeated_name import repeated_below

# One weight per node, or a dict from nodes to weights. A node is a name, a path or an index.
NodeWeights = Sequence[float] | dict[str | int | tuple[str, ...], float]


def check_weights(owner, argument, weights, length, what):
    """Checks weights, and returns them as a list of floats, which a configuration can hold.

    Args:
        owner: Name of the loss, for errors.
        argument: Name of the argument, for errors.
        weights: Sequence of numbers, or `None`.
        length: Required number of weights.
        what: What each weight belongs to, such as `"node"`, for errors.

    Returns:
        List of floats, or `None` if `weights` is `None`.

    Raises:
        ValueError: If there are not `length` weights, or one is negative or not finite.
    """
    if weights is None:
        return None
    try:
        floats = np.asarray(weights, np.float64)
    except (TypeError, ValueError):
        floats = None
    if floats is None or floats.shape != (length,) or not np.isfinite(floats).all() or (floats < 0).any():
        raise ValueError(
            f"`{owner}` expects one finite weight >= 0 per {what} of `tree` ({length}). Received: "
            f"{argument}={weights if floats is None else floats.tolist()}."
        )
    return floats.tolist()


def check_node_weights(owner, argument, weights, tree):
    """Checks weights per node as `check_weights` does. They may be a dict; nodes that are not in it have weight 1."""
    if isinstance(weights, str):
        raise ValueError(
            f"`{owner}` expects numbers or a dict from nodes to numbers as `{argument}`. Received: "
            f"{argument}={weights!r}. `data.class_weights` computes weights from the counts of labels."
        )
    if isinstance(weights, dict):
        nodes = [tree.index(node) for node in weights]
        for node, index in zip(weights, nodes):
            _check_is_meant(owner, argument, node, index, tree)
        if len(set(nodes)) < len(nodes):
            raise ValueError(f"`{owner}` expects each node once in `{argument}`. Received: {argument}={weights!r}.")
        of_nodes = dict(zip(nodes, weights.values()))
        weights = [of_nodes.get(node, 1.0) for node in range(tree.num_nodes)]
    return check_weights(owner, argument, weights, tree.num_nodes, "node")


def _check_is_meant(owner, argument, node, index, tree):
    """Raises if a name means a top class and a node below it: the weight would not reach the labels of the latter."""
    same = repeated_below(tree, index)
    if same and node == tree.names[index]:
        raise ValueError(
            f"`{owner}` expects a node in `{argument}` that is certain. Received: {node!r}, the name of the top class "
            f"and of {same!r}. Pass the path {same!r}, or ({node!r},) for the top class."
        )


def check_not_negative(owner, argument, value):
    """Checks that a number is at least 0, and returns it as a float.

    Raises:
        ValueError: If it is negative, infinite, NaN or no number.
    """
    if not is_not_negative(value):
        raise ValueError(f"`{owner}` expects finite {argument} >= 0. Received: {argument}={value}.")
    return float(value)


def is_not_negative(value):
    """Returns whether a value is a finite number of at least 0."""
    try:
        return bool(0 <= value < float("inf"))
    except (TypeError, ValueError):
        return False
