"""The small heads that tell a stage's clusters of classes apart."""

from keras import layers

from hierseg_keras.models.compiled_loss import LOGITS
from hierseg_keras.models.graph.functional import functional
from hierseg_keras.models.graph.layer_outputs import layer_outputs
from hierseg_keras.models.layers.conv_norm_relu import conv_norm_relu
from hierseg_keras.models.layers.resize_to import ResizeTo
from hierseg_keras.tree import as_class_tree


def tree_of_network(model, segmenter):
    """The tree of a network whose stages can be named, or an error that names the model."""
    functional(model, segmenter)
    if getattr(segmenter, "tree", None) is None:
        raise ValueError(
            f"`{model}` expects a network with a `tree`. Received: one without. Wrap it in `TreeSegmenter`."
        )
    return as_class_tree(segmenter.tree)


def open_stages(segmenter, stages):
    """A network's answers in training and the maps of its stages, in one graph.

    Args:
        segmenter: Functional `keras.Model`.
        stages: Names of layers, as `layer_outputs` takes them. A list of maps is enlarged to the first of
            them, and joined.

    Returns:
        A pair of dicts of symbolic tensors: from `"logits"`, and the names of auxiliary logits, and from
        each stage to one map.
    """
    answers, maps = layer_outputs(getattr(segmenter, "training_model", segmenter), stages)
    answers = answers if isinstance(answers, dict) else {LOGITS: answers}
    return answers, {stage: _joined(x, stage_prefix(stage)) for stage, x in maps.items()}


def stage_prefix(stage):
    """What the names of a stage's own layers and files begin with, where no slash may stand."""
    return stage.replace("/", ".")


def stage_logits(x, num_clusters, stage):
    """Float32 logits of a stage's clusters, of the map's size."""
    prefix = stage_prefix(stage)
    x = conv_norm_relu(x, x.shape[-1], 1, f"{prefix}_head")
    return layers.Conv2D(num_clusters, 1, dtype="float32", name=f"{prefix}_logits")(x)


def _joined(x, prefix):
    if not isinstance(x, (list, tuple)):
        return x
    enlarged = [ResizeTo(name=f"{prefix}_enlarge_{i}")([y, x[0]]) for i, y in enumerate(x[1:], start=1)]
    return layers.Concatenate(name=f"{prefix}_maps")([x[0], *enlarged])
