"""The heads that classify a stage's map into clusters of classes."""

from keras import layers

from hierseg_keras.models.compiled_loss import LOGITS
from hierseg_keras.models.graph.functional import functional
from hierseg_keras.models.graph.layer_outputs import layer_outputs
from hierseg_keras.models.layers.conv_norm_relu import conv_norm_relu
from hierseg_keras.models.layers.resize_to import ResizeTo
from hierseg_keras.tree import as_class_tree


def tree_of_network(model, segmenter):
    """Returns the tree of a functional network.

    Args:
        model: Name of the model that errors mention.
        segmenter: Functional `keras.Model`.

    Raises:
        TypeError: If `segmenter` is not a functional model.
        ValueError: If `segmenter` has no tree.
    """
    functional(model, segmenter)
    if getattr(segmenter, "tree", None) is None:
        raise ValueError(
            f"`{model}` expects a network with a `tree`. Received: {segmenter.name!r}, which has none. Wrap it in "
            "`TreeSegmenter` first."
        )
    return as_class_tree(segmenter.tree)


def open_stages(segmenter, stages):
    """Finds a network's outputs in training and the maps of its stages, in one graph.

    Args:
        segmenter: Functional `keras.Model`.
        stages: Names of layers, as in `layer_outputs`. If a layer outputs a list of maps, they are enlarged
            to the size of the first one and concatenated.

    Returns:
        Pair of dicts of symbolic tensors. The first maps `"logits"`, and the names of auxiliary logits if
        the network has any, to logits. The second maps each stage to one map.
    """
    answers, maps = layer_outputs(getattr(segmenter, "training_model", segmenter), stages)
    answers = answers if isinstance(answers, dict) else {LOGITS: answers}
    return answers, {stage: _joined(x, stage_prefix(stage)) for stage, x in maps.items()}


def stage_prefix(stage):
    """Returns the prefix of the names of a stage's layers and files, which must not contain a slash."""
    return stage.replace("/", ".")


def stage_logits(x, num_clusters, stage):
    """Builds a stage's head on its map `x`, to float32 logits of its clusters, `(B, h, w, num_clusters)`."""
    prefix = stage_prefix(stage)
    x = conv_norm_relu(x, x.shape[-1], 1, f"{prefix}_head")
    return layers.Conv2D(num_clusters, 1, dtype="float32", name=f"{prefix}_logits")(x)


def _joined(x, prefix):
    if not isinstance(x, (list, tuple)):
        return x
    enlarged = [ResizeTo(name=f"{prefix}_enlarge_{i}")([y, x[0]]) for i, y in enumerate(x[1:], start=1)]
    return layers.Concatenate(name=f"{prefix}_maps")([x[0], *enlarged])
