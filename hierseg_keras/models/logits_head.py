"""The last layer of every network: float32 logits, one a node or a leaf."""

import numpy as np
from keras import initializers, layers

OUTPUTS = ("nodes", "leaves")


def check_outputs(model, outputs):
    if outputs not in OUTPUTS:
        raise ValueError(
            f'`{model}` expects `outputs` to be "nodes" (one logit a node, for losses with a sigmoid per node) or '
            f'"leaves" (one a leaf, for a softmax). Received: outputs={outputs!r}.'
        )


def logits_head(x, tree, outputs, name="logits"):
    """A 1x1 convolution to logits in float32, in which losses stay finite under mixed precision.

    A node's sigmoid starts at the node's share of the leaves, as if all were equally frequent, the
    void too: it is one half otherwise, far above what a class among many will have, and the first
    hundreds of updates would do little but lower it. A softmax starts even on its own.
    """
    if outputs == "leaves":
        return layers.Conv2D(tree.num_leaves, 1, dtype="float32", name=name)(x)
    leaves = tree.ancestor_matrix[:, : tree.num_leaves].sum(axis=1)
    log_odds = np.log(leaves / (tree.num_leaves + 1 - leaves))
    bias = initializers.Constant(log_odds.tolist())
    return layers.Conv2D(tree.num_nodes, 1, bias_initializer=bias, dtype="float32", name=name)(x)
