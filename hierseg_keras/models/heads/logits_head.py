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


def num_logits(tree, outputs):
    return tree.num_leaves if outputs == "leaves" else tree.num_nodes


def logits_bias(tree, outputs):
    """The initializer of the logits' bias.

    A node's sigmoid starts at the node's share of the leaves, as if all were equally frequent, the
    void too: it is one half otherwise, far above what a class among many will have, and the first
    hundreds of updates would do little but lower it. A softmax starts even on its own.
    """
    if outputs == "leaves":
        return initializers.Zeros()
    leaves = tree.ancestor_matrix[:, : tree.num_leaves].sum(axis=1)
    return initializers.Constant(np.log(leaves / (tree.num_leaves + 1 - leaves)).tolist())


def logits_head(x, tree, outputs, name="logits"):
    """A 1x1 convolution to logits in float32, in which losses stay finite under mixed precision."""
    bias = logits_bias(tree, outputs)
    return layers.Conv2D(num_logits(tree, outputs), 1, bias_initializer=bias, dtype="float32", name=name)(x)
