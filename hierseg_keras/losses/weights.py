"""Checks of weights per node, depth or level."""

from collections.abc import Sequence

import numpy as np

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
    weights = np.asarray(weights, np.float64)
    if weights.shape != (length,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(
            f"`{owner}` expects one finite weight >= 0 per {what} of `tree` ({length}). "
            f"Received: {argument}={weights.tolist()}."
        )
    return weights.tolist()


def check_node_weights(owner, argument, weights, tree):
    """Checks weights per node as `check_weights` does. They may be a dict; nodes that are not in it have weight 1."""
    if isinstance(weights, str):
        raise ValueError(
            f"`{owner}` expects numbers or a dict from nodes to numbers as `{argument}`. Received: "
            f"{argument}={weights!r}. `data.class_weights` computes weights from the counts of labels."
        )
    if isinstance(weights, dict):
        nodes = [tree.index(node) for node in weights]
        if len(set(nodes)) < len(nodes):
            raise ValueError(f"`{owner}` expects each node once in `{argument}`. Received: {argument}={weights!r}.")
        weights_of_nodes = np.ones(tree.num_nodes)
        weights_of_nodes[nodes] = list(weights.values())
        weights = weights_of_nodes
    return check_weights(owner, argument, weights, tree.num_nodes, "node")


def check_not_negative(owner, argument, value):
    """Checks that a number is at least 0, and returns it as a float.

    Raises:
        ValueError: If it is negative, NaN or no number.
    """
    if not is_not_negative(value):
        raise ValueError(f"`{owner}` expects {argument} >= 0. Received: {argument}={value}.")
    return float(value)


def is_not_negative(value):
    """Returns whether a value is a number of at least 0."""
    try:
        return bool(value >= 0)
    except (TypeError, ValueError):
        return False
