"""Weights of nodes, depths and levels: their forms and checks."""

from collections.abc import Sequence

import numpy as np

# One weight per node, or a dict from nodes, each a name, a path or an index, to weights.
NodeWeights = Sequence[float] | dict[str | int | tuple[str, ...], float]


def check_weights(owner, argument, weights, length, what):
    """Checks weights and returns them as a plain list of floats, which a configuration can hold.

    Args:
        owner: Name of the loss, for errors.
        argument: Name of the argument.
        weights: Sequence of numbers, or `None`.
        length: How many there must be.
        what: What each weight belongs to, such as `"node"`.

    Raises:
        ValueError: If their number is another, or one is negative or not finite.
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
    """As `check_weights`, for weights per node, which may be a dict; a node that is not in it weighs 1."""
    if isinstance(weights, dict):
        nodes = [tree.index(node) for node in weights]
        if len(set(nodes)) < len(nodes):
            raise ValueError(f"`{owner}` expects each node once in `{argument}`. Received: {argument}={weights!r}.")
        weights_of_nodes = np.ones(tree.num_nodes)
        weights_of_nodes[nodes] = list(weights.values())
        weights = weights_of_nodes
    return check_weights(owner, argument, weights, tree.num_nodes, "node")


def check_not_negative(owner, argument, value):
    """Returns a number as a float.

    Raises:
        ValueError: If it is negative or NaN.
    """
    if not value >= 0:
        raise ValueError(f"`{owner}` expects {argument} >= 0. Received: {argument}={value}.")
    return float(value)
