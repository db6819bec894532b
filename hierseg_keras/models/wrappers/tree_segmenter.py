"""Any segmentation network with the logits of a class tree."""

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
    """Gives a segmentation network one logit a node, or a leaf, of a class tree.

    The network's layers up to the last map before its classes are used as they are, weights
    included; a new 1x1 convolution classifies that map, and its logits are enlarged to the image.

    Args:
        segmenter: Functional `keras.Model` from images `(B, H, W, 3)` to scores, flat as it may be:
            a network of KerasCV or KerasHub, or the user's own.
        tree: `ClassTree`, or its text.
        scores: `"nodes"` (the default), `V` channels for the losses with a sigmoid per node, or
            `"leaves"`, `L` channels for those with a softmax.
        features: Name of the layer whose output is classified. Defaults to the input of the last
            1x1 convolution, behind which there are resizing and activations alone.
        name: Name of the model. Defaults to the segmenter's.

    Call arguments:
        image: As the segmenter takes it.

    Returns:
        Float32 logits, `(B, H, W, V)` or `(B, H, W, L)`, whatever the precision inside.

    Raises:
        TypeError: If the network is none of Keras's functional ones.
        ValueError: If it cannot be cut open, or an argument is not as said above.

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
