"""The last layer of every network: float32 logits, one a node or a leaf."""

from keras import layers

OUTPUTS = ("nodes", "leaves")


def check_outputs(model, outputs):
    if outputs not in OUTPUTS:
        raise ValueError(
            f'`{model}` expects `outputs` to be "nodes" (one logit a node, for losses with a sigmoid per node) or '
            f'"leaves" (one a leaf, for a softmax). Received: outputs={outputs!r}.'
        )


def logits_head(x, tree, outputs):
    """A 1x1 convolution to logits in float32, in which losses stay finite under mixed precision."""
    channels = tree.num_nodes if outputs == "nodes" else tree.num_leaves
    return layers.Conv2D(channels, 1, dtype="float32", name="logits")(x)
