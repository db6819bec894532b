"""Replacement of a segmentation network's classifier by one over the nodes or leaves of a tree."""

import keras

from hierseg_keras.models.graph.classifier_input import classifier_input
from hierseg_keras.models.graph.functional import functional
from hierseg_keras.models.heads.logits_head import check_scores, logits_head
from hierseg_keras.models.layers.image_input import check_channels_last
from hierseg_keras.models.layers.resize_to import ResizeTo
from hierseg_keras.models.tree_network import TreeNetwork
from hierseg_keras.tree import ClassTree, as_class_tree


@keras.saving.register_keras_serializable("hierseg_keras")
class TreeSegmenter(TreeNetwork):
    """Replaces the classifier of a segmentation network with one logit per node, or per leaf, of a tree.

    The layers before the classifier are reused with their weights. A new 1x1 convolution classifies
    their output, and its logits are enlarged to the size of the image.

    Args:
        segmenter: Functional `keras.Model` from images `(B, H, W, 3)` to scores, such as a flat network
            of KerasCV or KerasHub, or your own.
        tree: `ClassTree`, or its text.
        scores: `"nodes"` for `V` channels, to train with a loss on node logits (sigmoid), or `"leaves"`
            for `L` channels, to train with a loss on leaf logits (softmax). Defaults to `"nodes"`.
        features: Name of the layer whose output is classified. Defaults to the input of the last 1x1
            convolution, which only resizing and activations may follow.
        name: Name of the model. Defaults to the name of `segmenter`.

    Call arguments:
        image: Images, as `segmenter` expects them.

    Returns:
        Float32 logits, `(B, H, W, V)` or `(B, H, W, L)`, also under mixed precision.

    Raises:
        TypeError: If `segmenter` is not a functional model.
        ValueError: If the classifier of `segmenter` is not found, `features` is not the name of one of
            its layers with one map as output, or `scores` is unknown.

    Example:

    >>> tree = hs.ClassTree.load("camvid")
    >>> image = keras.Input((64, 64, 3))
    >>> flat = keras.Model(image, keras.layers.Conv2D(5, 1)(keras.layers.Conv2D(8, 3)(image)))
    >>> hs.models.TreeSegmenter(flat, tree).output_shape
    (None, 64, 64, 18)
    """

    def __init__(
        self,
        segmenter: keras.Model,
        tree: ClassTree | str,
        scores: str = "nodes",
        features: str | None = None,
        name: str | None = None,
        **kwargs,
    ):
        tree = as_class_tree(tree)
        check_channels_last("TreeSegmenter")
        check_scores("TreeSegmenter", scores)
        segmenter = functional("TreeSegmenter", segmenter)
        classified = classifier_input(segmenter, features)
        image = segmenter.inputs[0]
        logits = logits_head(classified, tree, scores)
        logits = ResizeTo(dtype="float32", name="enlarge_logits")([logits, image])
        arguments = {"segmenter": segmenter, "features": features}
        super().__init__(image, logits, tree, scores, arguments, name=name or segmenter.name, **kwargs)
