"""The losses that can be selected by name: the losses of this package, flat crossentropy, and HSSN's table 6."""

import functools
import re

from hierseg_keras import losses
from hierseg_keras.losses.hierarchical_crossentropy import HierarchicalCrossentropy
from hierseg_keras.losses.tree_binary_crossentropy import TreeBinaryCrossentropy
from hierseg_keras.losses.tree_loss import TreeLoss
from hierseg_keras.losses.weighted_sum import WeightedSum
from hierseg_keras.tree import ClassTree


def flat_crossentropy(tree, from_logits=True, class_weights=None, ignore_class=255, normalization="replica"):
    """Makes the flat crossentropy of leaf scores, which ignores the tree. A label at an internal node makes it NaN.

    It equals `keras.losses.SparseCategoricalCrossentropy` with class weights, and checks that labels and scores fit the
    tree.
    """
    whole = HierarchicalCrossentropy(tree, class_weights=class_weights, ignore_class=ignore_class)
    flat = ClassTree([f"class {leaf}" for leaf in range(whole.tree.num_leaves)])
    weights = None if class_weights is None else whole.class_weights[: flat.num_leaves]
    options = {"from_logits": from_logits, "ignore_class": ignore_class, "normalization": normalization}
    return HierarchicalCrossentropy(flat, class_weights=weights, **options, name="crossentropy")


flat_crossentropy.scores = HierarchicalCrossentropy.scores


def leaf_crossentropy(tree, like=None, **options):
    """Makes the flat crossentropy of leaf scores, to which labels at internal nodes do not contribute.

    Args:
        tree: `ClassTree`.
        like: Another loss, whose `ignore_class`, `class_weights`, `normalization` and `reduction` it has, where they
            are given; of a `WeightedSum`, those of its first loss. Defaults to `None`.
        **options: Further arguments of `HierarchicalCrossentropy`.
    """
    like = _first(like)
    names = ("ignore_class", "normalization", "reduction")
    options |= {name: getattr(like, name) for name in names if hasattr(like, name)}
    if getattr(like, "class_weights", None) is not None:
        # The flat crossentropy has only those of the leaves, and here no other counts.
        ones = [1.0] * (tree.num_nodes - tree.num_leaves)
        options["class_weights"] = [*like.class_weights[: tree.num_leaves], *ones]
    depth_weights = [0.0] * (tree.num_levels - 1) + [1.0]
    return HierarchicalCrossentropy(tree, depth_weights=depth_weights, averaging="depth", **options)


@functools.cache
def named_losses():
    """Returns a dict from the name of a loss to a function of a tree that makes it. Each has the attribute `scores`."""
    public = ((name, getattr(losses, name)) for name in losses.__all__)
    found = {name: cls for name, cls in public if isinstance(cls, type) and issubclass(cls, TreeLoss)}
    return {"SparseCategoricalCrossentropy": flat_crossentropy, **found}


@functools.cache
def further_losses():
    """Returns a dict like `named_losses`, with the losses that are meant to be added to another one."""
    return {**named_losses(), "RegionMutualInformation": losses.RegionMutualInformation}


@functools.cache
def objectives():
    """Returns a dict from the names that `HSSN` accepts, such as `"focal_tree_min"`, to functions that make a loss."""
    rows = {"crossentropy": flat_crossentropy}
    rows |= {_snake_case(name): make for name, make in named_losses().items() if make is not flat_crossentropy}
    focal = functools.partial(TreeBinaryCrossentropy, gamma=2)
    focal.scores = TreeBinaryCrossentropy.scores
    return {**rows, "focal_binary_crossentropy": focal}


def loss_by_depth(loss, tree):
    """Returns the tree loss whose terms per depth are logged, given the loss of the training."""
    loss = _first(loss)
    make = HierarchicalCrossentropy if loss.scores == "leaves" else TreeBinaryCrossentropy
    if make is TreeBinaryCrossentropy and hasattr(loss, "per_depth"):
        return loss
    defaults = {"from_logits": True, "ignore_class": 255, "averaging": "pixels"}
    return make(tree, **{name: getattr(loss, name, default) for name, default in defaults.items()})


def _first(loss):
    while isinstance(loss, WeightedSum):
        loss = loss.losses[0]
    return loss


def _snake_case(name):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
