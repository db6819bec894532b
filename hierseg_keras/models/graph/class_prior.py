"""Start of a network at the frequencies of the classes."""

import keras
import numpy as np
from numpy.typing import ArrayLike

from hierseg_keras.data.leaf_counts import checked_counts, counts_of_leaves, shares_of_leaves
from hierseg_keras.models.graph.classifier_input import classifier_of
from hierseg_keras.models.graph.model_scores import scores_of
from hierseg_keras.tree import ClassTree

# The smallest frequency of a class, so that a class without pixels can still be learned.
_LEAST = 1e-4


def set_class_prior(model: keras.Model, counts: ArrayLike, tree: ClassTree | str | None = None) -> None:
    """Sets the biases of a network's logits so that it starts with the frequencies of the classes.

    Without it, a network first learns how frequent each class is, which may take many steps. Formula, with `f_v`
    the share of the labeled pixels that belong to node `v`:

        logits of nodes:   b_v = log(f_v / (1 - f_v))
        logits of leaves:  b_v = log(f_v)

    Call it before the training, and after pretrained weights are loaded. The biases of auxiliary logits, and of the
    heads that `HS3` drops at inference, are not changed.

    Args:
        model: Functional `keras.Model` whose last layer with weights is a 1x1 convolution with a bias, or a wrapper
            such as `HSSN`.
        counts: Array of pixel counts, `(V + 1,)` or `(images, V + 1)`, as `data.label_counts` returns it. The pixels
            labeled with an internal node are distributed over the leaves below it, as in `data.class_weights`. `f_v`
            is at least 0.0001, and at most 0.9999 for logits of nodes.
        tree: `ClassTree`, or its text. Defaults to `model.tree`.

    Raises:
        ValueError: If no 1x1 convolution with a bias is found; if it cannot be inferred whether its channels are nodes
            or leaves; or under the conditions of `data.class_weights` for `counts`.
        TypeError: If the model has no graph.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> model = hs.models.UNet(tree, scores="leaves", filters=4, num_stages=2)
    >>> hs.models.set_class_prior(model, [10, 5, 85, 0, 7])
    >>> np.exp(model.get_layer("logits").bias.numpy()).round(2)
    array([0.1 , 0.05, 0.85], dtype=float32)

    Reference:
        For sigmoids, with one frequency for all classes:
        [Lin et al., Focal Loss for Dense Object Detection, ICCV 2017](https://arxiv.org/abs/1708.02002), section 4.1.
    """
    classifier, scores = classifier_with_bias(model), scores_of(model, "set_class_prior", tree)
    tree = scores.tree
    counts = checked_counts("set_class_prior", tree, counts)
    leaves = counts_of_leaves(tree, counts, shares_of_leaves(tree, counts.sum(axis=0))).sum(axis=0)
    frequencies = np.maximum(tree.ancestor_matrix[:, : tree.num_leaves] @ leaves / leaves.sum(), _LEAST)
    if scores.kind == "nodes":
        frequencies = np.minimum(frequencies, 1 - _LEAST)
        bias = np.log(frequencies) - np.log1p(-frequencies)
    else:
        bias = np.log(frequencies[: tree.num_leaves])
    classifier.bias.assign(bias.astype("float32"))


def classifier_with_bias(model):
    """Returns the layer that outputs a network's logits.

    Raises:
        ValueError: If the network does not end in a 1x1 convolution with a bias.
    """
    classifier = classifier_of(getattr(model, "inference_model", model))
    if getattr(classifier, "bias", None) is None:
        advice = "Leave the class prior out" if classifier is None else "Set `use_bias=True` in its last convolution"
        raise ValueError(
            "`set_class_prior` expects a network that ends in a 1x1 convolution with a bias, followed only by "
            f"resizing and activations. Received: {model.name!r} of type {type(model).__name__}. {advice}."
        )
    return classifier
