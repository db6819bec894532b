"""The classifier of every network, with one float32 logit per node or per leaf."""

import numpy as np
from keras import initializers, layers

from hierseg_keras.tree.scores import KINDS, Scores


def check_scores(model, scores):
    """Raises `ValueError`, naming the model, if `scores` is neither `"nodes"` nor `"leaves"`."""
    if scores not in KINDS:
        raise ValueError(
            f'`{model}` expects `scores` to be "nodes" (one logit per node, for losses with a sigmoid) or "leaves" '
            f"(one logit per leaf, for losses with a softmax). Received: scores={scores!r}."
        )


def num_logits(tree, scores):
    """Returns the number of channels: `V` for `"nodes"`, `L` for `"leaves"`."""
    return Scores(tree, scores).num_channels


def logits_bias(tree, scores):
    """Returns the initializer of the bias of the logits.

    For node logits, each node's probability starts at its share of the leaves, where unlabeled pixels count
    as one more leaf. With zeros it would start at 1/2, far above the frequency of most classes, and
    hundreds of updates would only lower it. For leaf logits the bias is zero, because a softmax of zeros is
    uniform.
    """
    if scores == "leaves":
        return initializers.Zeros()
    leaves = tree.ancestor_matrix[:, : tree.num_leaves].sum(axis=1)
    return initializers.Constant(np.log(leaves / (tree.num_leaves + 1 - leaves)).tolist())


def logits_head(x, tree, scores, name="logits"):
    """Builds a 1x1 convolution to logits, in float32 so that losses stay finite under mixed precision."""
    bias = logits_bias(tree, scores)
    return layers.Conv2D(num_logits(tree, scores), 1, bias_initializer=bias, dtype="float32", name=name)(x)
