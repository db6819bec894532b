"""The small heads that tell a stage's clusters of classes apart."""

import keras
from keras import layers

from hierseg_keras.models.conv_norm_relu import conv_norm_relu
from hierseg_keras.models.resize_to import ResizeTo
from hierseg_keras.tree import as_class_tree


def tree_of_network(model, segmenter):
    """The tree of a network whose stages can be named, or an error that names the model."""
    if not isinstance(segmenter, keras.Model) or not getattr(segmenter, "inputs", None):
        raise TypeError(f"`{model}` expects a functional `keras.Model`. Received: {segmenter!r}.")
    if getattr(segmenter, "tree", None) is None:
        raise ValueError(
            f"`{model}` expects a network with a `tree`. Received: one without. Wrap it in `TreeSegmenter`."
        )
    return as_class_tree(segmenter.tree)


def stage_map(segmenter, stage):
    """The output of a layer as one map: a list of maps is enlarged to the first of them, and joined.

    Raises:
        ValueError: If the network has no layer of that name.
    """
    if stage not in [layer.name for layer in segmenter.layers]:
        raise ValueError(
            f"expected `stages` among the layers of {segmenter.name!r}. Received: {stage!r}. Its lists of maps, or "
            f"last maps: {_stage_names(segmenter)}."
        )
    x = segmenter.get_layer(stage).output
    if not isinstance(x, (list, tuple)):
        return x
    enlarged = [ResizeTo(name=f"{stage}_enlarge_{i}")([y, x[0]]) for i, y in enumerate(x[1:], start=1)]
    return layers.Concatenate(name=f"{stage}_maps")([x[0], *enlarged])


def stage_logits(x, num_clusters, stage):
    """Float32 logits of a stage's clusters, of the map's size."""
    x = conv_norm_relu(x, x.shape[-1], 1, f"{stage}_head")
    return layers.Conv2D(num_clusters, 1, dtype="float32", name=f"{stage}_logits")(x)


def _stage_names(segmenter, count=6):
    lists = [layer.name for layer in segmenter.layers if isinstance(layer.output, (list, tuple))]
    return lists or [layer.name for layer in segmenter.layers if len(getattr(layer.output, "shape", ())) == 4][-count:]
