"""The losses on scores by name: those of the room by their classes' names, Keras's flat one, and HSSN's table 6."""

import functools
import re

from hierseg_keras import losses
from hierseg_keras.losses.hierarchical_crossentropy import HierarchicalCrossentropy
from hierseg_keras.losses.tree_binary_crossentropy import TreeBinaryCrossentropy
from hierseg_keras.losses.tree_loss import TreeLoss
from hierseg_keras.tree import ClassTree


def flat_crossentropy(tree, from_logits=True, class_weights=None, ignore_class=255, normalization="replica"):
    """The crossentropy of leaf scores, as that of a tree without families; a coarse label makes it NaN.

    It is `keras.losses.SparseCategoricalCrossentropy` with class weights, and with checks against the tree that labels
    belong to.
    """
    whole = HierarchicalCrossentropy(tree, class_weights=class_weights, ignore_class=ignore_class)
    flat = ClassTree([f"class {leaf}" for leaf in range(whole.tree.num_leaves)])
    weights = None if class_weights is None else whole.class_weights[: flat.num_leaves]
    options = {"from_logits": from_logits, "ignore_class": ignore_class, "normalization": normalization}
    return HierarchicalCrossentropy(flat, class_weights=weights, **options, name="crossentropy")


flat_crossentropy.scores = HierarchicalCrossentropy.scores


@functools.cache
def named_losses():
    """Dict from the names of classes to what makes a loss of a tree; each says which `scores` it takes."""
    public = ((name, getattr(losses, name)) for name in losses.__all__)
    found = {name: cls for name, cls in public if isinstance(cls, type) and issubclass(cls, TreeLoss)}
    return {"SparseCategoricalCrossentropy": flat_crossentropy, **found}


@functools.cache
def objectives():
    """Dict from the names that `HSSN` takes to what makes a loss: `FocalTreeMin` is `"focal_tree_min"`."""
    rows = {"crossentropy": flat_crossentropy}
    rows |= {_snake_case(name): make for name, make in named_losses().items() if make is not flat_crossentropy}
    focal = functools.partial(TreeBinaryCrossentropy, gamma=2)
    focal.scores = TreeBinaryCrossentropy.scores
    return {**rows, "focal_binary_crossentropy": focal}


def loss_by_depth(loss, tree):
    """The tree loss whose terms by depth are logged beside a loss that a network is trained with."""
    make = HierarchicalCrossentropy if loss.scores == "leaves" else TreeBinaryCrossentropy
    if make is TreeBinaryCrossentropy and hasattr(loss, "per_depth"):
        return loss
    from_logits, ignore_class = getattr(loss, "from_logits", True), getattr(loss, "ignore_class", 255)
    return make(tree, from_logits=from_logits, ignore_class=ignore_class)


def _snake_case(name):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
