"""The heads that classify a stage's map into clusters of classes."""

import re

from keras import layers

from hierseg_keras.models.compiled_loss import LOGITS
from hierseg_keras.models.graph.functional import functional
from hierseg_keras.models.graph.layer_outputs import layer_outputs
from hierseg_keras.models.graph.shared_layers import SharedLayers
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
        Pair of dicts. The first maps `"logits"`, and the names of auxiliary logits if the network has any, to
        symbolic logits. The second maps each stage to a list of symbolic maps, one per call of its layer.
    """
    answers, outputs = layer_outputs(getattr(segmenter, "training_model", segmenter), stages)
    answers = answers if isinstance(answers, dict) else {LOGITS: answers}
    return answers, {stage: _maps(calls, stage_prefix(stage)) for stage, calls in outputs.items()}


def stage_prefix(stage):
    """Returns the prefix of the names of a stage's layers and files, which must not contain a slash or a bracket."""
    return re.sub(r"[/\[]", ".", stage).replace("]", "")


def stage_logits(x, num_clusters, stage):
    """Builds a stage's head on its map `x`, to float32 logits of its clusters, `(B, h, w, num_clusters)`."""
    prefix = stage_prefix(stage)
    x = conv_norm_relu(x, x.shape[-1], 1, f"{prefix}_head")
    return layers.Conv2D(num_clusters, 1, dtype="float32", name=f"{prefix}_logits")(x)


def _maps(calls, prefix):
    """Returns one map per call of a stage's layer. The calls share the layers that join lists of maps."""
    join = SharedLayers(lambda *maps: _joined(maps, prefix))
    return [join(*x) if isinstance(x, (list, tuple)) else x for x in calls]


def _joined(maps, prefix):
    enlarged = [ResizeTo(name=f"{prefix}_enlarge_{i}")([y, maps[0]]) for i, y in enumerate(maps[1:], start=1)]
    return layers.Concatenate(name=f"{prefix}_maps")([maps[0], *enlarged])
