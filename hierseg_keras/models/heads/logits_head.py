"""The last layer of every network: float32 logits, one per node or per leaf."""

import numpy as np
from keras import initializers, layers

from hierseg_keras.tree.scores import KINDS, Scores


def check_scores(model, scores):
    if scores not in KINDS:
        raise ValueError(
            f'`{model}` expects `scores` to be "nodes" (one logit per node, for losses with a sigmoid per node) or '
            f'"leaves" (one per leaf, for a softmax). Received: scores={scores!r}.'
        )


def num_logits(tree, scores):
    return Scores(tree, scores).num_channels


def logits_bias(tree, scores):
    """The initializer of the logits' bias.

    A node's sigmoid starts at the node's share of the leaves, as if all were equally frequent, the
    void too: it is one half otherwise, far above what a class among many will have, and the first
    hundreds of updates would do little but lower it. A softmax starts even on its own.
    """
    if scores == "leaves":
        return initializers.Zeros()
    leaves = tree.ancestor_matrix[:, : tree.num_leaves].sum(axis=1)
    return initializers.Constant(np.log(leaves / (tree.num_leaves + 1 - leaves)).tolist())


def logits_head(x, tree, scores, name="logits"):
    """A 1x1 convolution to logits in float32, in which losses stay finite under mixed precision."""
    bias = logits_bias(tree, scores)
    return layers.Conv2D(num_logits(tree, scores), 1, bias_initializer=bias, dtype="float32", name=name)(x)
