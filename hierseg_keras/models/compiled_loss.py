"""Losses of auxiliary logits, and checks of arguments that concern a compiled loss."""

import keras
import numpy as np

from hierseg_keras.losses import WeightedSum
from hierseg_keras.losses.objectives import leaf_crossentropy
from hierseg_keras.losses.weights import is_not_negative

LOGITS = "logits"


def auxiliary_loss(model, weights, y, y_pred, sample_weight):
    """Computes the weighted sum of the losses of a compiled model's auxiliary predictions.

    Their loss is the compiled one. Those in `model.flat_auxiliary` are leaf logits, and have the flat crossentropy.

    Args:
        model: Compiled `keras.Model`, with the attributes `tree` and `flat_auxiliary`.
        weights: Dict from the name of an auxiliary prediction to its weight.
        y: Labels, `(B, H, W)`.
        y_pred: Dict of predictions by name.
        sample_weight: As in `fit`, or `None`.

    Returns:
        Scalar tensor, or 0 if there are no auxiliary predictions.

    Raises:
        ValueError: If there are auxiliary predictions that need the compiled loss, and it is not a
            `keras.losses.Loss`.
    """
    if weights.keys() - set(model.flat_auxiliary) and not isinstance(model.loss, keras.losses.Loss):
        raise ValueError(
            f"`{type(model).__name__}` expects to be compiled with a `keras.losses.Loss`, because its auxiliary logits "
            f"have the same loss. Received: loss={model.loss!r}. Pass a loss object, such as one of `hs.losses`."
        )
    total = 0
    for name, weight in weights.items():
        loss = leaf_crossentropy(model.tree, model.loss) if name in model.flat_auxiliary else model.loss
        total = total + weight * loss(y, y_pred[name], sample_weight)
    return total


def check_loss(model, loss, ignore_class=None):
    """Checks that losses interpret labels and scores as the network does that they train.

    Losses without the attributes that are compared, such as those of Keras, are accepted.

    Args:
        model: `keras.Model` with the attributes `tree`, `scores` and `from_logits`.
        loss: `loss` of `keras.Model.compile`: a loss, a name, `None`, or a list or dict of them.
        ignore_class: `ignore_class` of the other losses that train the model. Defaults to `None`, no other losses.

    Raises:
        ValueError: If a loss has another kind of scores, another value of `from_logits`, a tree of another structure,
            or another `ignore_class`.
    """
    for each in _flat(loss):
        scores, from_logits = getattr(each, "scores", None), getattr(each, "from_logits", None)
        if scores in ("nodes", "leaves") and scores != model.scores:
            raise ValueError(
                f"`{type(model).__name__}` expects a loss on scores of {model.scores}, as its channels are. Received: "
                f"{type(each).__name__}, a loss on scores of {scores}. Make the network with scores={scores!r}, or "
                "choose another loss."
            )
        # Keras's losses have `from_logits` too, but no `scores`.
        if scores is not None and from_logits in (True, False) and from_logits != model.from_logits:
            returned = "logits" if model.from_logits else "probabilities"
            raise ValueError(
                f"`{type(model).__name__}` expects a loss on {returned}, which it returns. Received: "
                f"{type(each).__name__} with from_logits={from_logits}. Pass from_logits={model.from_logits} to the "
                "loss."
            )
        check_structure(model, each)
        ignored = getattr(each, "ignore_class", None)
        if None not in (ignore_class, ignored) and ignored != ignore_class:
            raise ValueError(
                f"`{type(model).__name__}` expects losses with the same `ignore_class`, because they have the same "
                f"labels. Received: {type(each).__name__} with ignore_class={ignored}, and other losses with "
                f"ignore_class={ignore_class}. Pass one `ignore_class` to all of them, and to "
                f"`{type(model).__name__}`."
            )


def check_structure(model, loss):
    """Raises `ValueError` if a loss has a tree of as many nodes as the model's, but of another structure.

    Names may differ, because losses do not use them. A tree of another number of nodes is either refused for the number
    of channels or, for leaf scores, intended: the flat crossentropy has a flat tree of the same leaves.
    """
    own, other = model.tree, getattr(loss, "tree", None)
    if other is not None and other.num_nodes == own.num_nodes and not np.array_equal(other.parents, own.parents):
        raise ValueError(
            f"`{type(model).__name__}` expects a loss whose `tree` has the structure of the network's, because labels "
            f"are indices of nodes. Received: {type(loss).__name__} with another tree of {own.num_nodes} nodes. Make "
            "both with the same tree."
        )


def _flat(loss):
    """Yields all losses in a list or dict, and the losses within a `WeightedSum`."""
    for each in keras.tree.flatten(loss):
        yield each
        if isinstance(each, WeightedSum):
            yield from _flat(each.losses)


def compile_from(model, config):
    """Compiles a model from the configuration that Keras saved. Keras does not if `compile` is overridden."""
    model.compile(**keras.saving.deserialize_keras_object(config))
    if model.optimizer is not None:
        model.optimizer.build(model.trainable_variables)


def check_weights(model, **weights):
    """Raises `ValueError`, naming the model and the argument, if a weight of a loss is no number >= 0."""
    for argument, weight in weights.items():
        if not is_not_negative(weight):
            raise ValueError(f"`{model}` expects `{argument}` >= 0. Received: {argument}={weight!r}.")


def check_fit(model, arguments, method="fit"):
    """Raises `ValueError` for `fit(class_weight=...)`, which Keras supports only for one class per image."""
    if arguments.get("class_weight") is not None:
        raise ValueError(
            f"`{type(model).__name__}.{method}` expects class weights in the loss, because every pixel has its own "
            "class. Received: class_weight. Pass class_weights=hs.data.class_weights(tree, counts) to the loss."
        )


def one_of_list(value):
    """Returns the element of a list with one element, which Keras may pass if a network has one output."""
    return value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value
