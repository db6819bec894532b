"""Label maps and weights that do not fit a prediction, and what an error about each says."""

import numpy as np
import pytest

# A prediction's images, height and width; no two axes are equal.
BATCH, HEIGHT, WIDTH = SHAPE = (2, 3, 5)


def wrong_label_shapes(tree):
    """Shapes of labels beside a prediction of `SHAPE`, and the advice that their error gives."""
    return {
        (BATCH, WIDTH, HEIGHT): "Swap its last two axes",
        (BATCH, WIDTH, HEIGHT, 1): "Swap its last two axes",
        (BATCH, HEIGHT * WIDTH): r"Reshape it to \(B, H, W\)",
        (HEIGHT, WIDTH): "Add a batch axis",
        (HEIGHT, WIDTH, 1): "Add a batch axis",
        (BATCH, HEIGHT, WIDTH, tree.num_leaves): "argmax over the last axis of one-hot labels",
        (BATCH, HEIGHT, WIDTH, tree.num_nodes): "argmax over the last axis of one-hot labels",
        (BATCH, HEIGHT, WIDTH, 3): "colors to ids with `data.ClassMap`",
        (BATCH, HEIGHT, WIDTH, 4): "colors to ids with `data.ClassMap`",
        (BATCH, HEIGHT, WIDTH, 2): "without channels",
        (1, HEIGHT, WIDTH): "one map per prediction",
        (BATCH + 1, HEIGHT, WIDTH): "one map per prediction",
        (BATCH, 2 * HEIGHT, 2 * WIDTH): "Resize the logits",
        (BATCH, 1, WIDTH): "Resize the logits",
        (BATCH, HEIGHT, 1): "Resize the logits",
        (BATCH,): "one map per image",
        (): "one map per image",
        (BATCH, HEIGHT, WIDTH, 1, 1): "one map per image",
    }


# Shapes of weights beside labels of `SHAPE`, and advice.
WRONG_WEIGHT_SHAPES = {
    (BATCH, WIDTH, HEIGHT): "Swap its last two axes",
    (BATCH, WIDTH, HEIGHT, 1): "Swap its last two axes",
    (BATCH + 1,): "the shape of the labels",
    (1,): "the shape of the labels",
    (): "the shape of the labels",
    (BATCH, 1): "the shape of the labels",
    (BATCH, HEIGHT): "the shape of the labels",
    (BATCH, HEIGHT * WIDTH): "the shape of the labels",
    (HEIGHT, WIDTH): "the shape of the labels",
    (1, HEIGHT, WIDTH): "the shape of the labels",
    (BATCH, 1, WIDTH): "the shape of the labels",
    (BATCH, HEIGHT, WIDTH, 2): "the shape of the labels",
}
# Maps whose sizes only a graph's run knows: of as many axes, so that nothing is refused before.
WRONG_SIZES = [(BATCH, WIDTH, HEIGHT), (1, HEIGHT, WIDTH), (BATCH, 1, WIDTH), (BATCH, HEIGHT, 1), (1, 1, 1)]


def check_wrong_shapes(call, owner, tree, y_pred, label_shapes=None, weight_owner=None, has_weights=True):
    """Every wrong shape is refused by an error that names the owner, the shape and a remedy.

    Args:
        call: Function of labels, prediction and weights.
        owner: The name in errors.
        y_pred: Prediction, `(*SHAPE, C)`.
        label_shapes: As `wrong_label_shapes` returns them, the default.
        weight_owner: The name in errors about weights. Defaults to `owner`.
        has_weights: Whether weights are tried too.
    """
    for shape, advice in (label_shapes or wrong_label_shapes(tree)).items():
        with pytest.raises(ValueError, match=advice) as caught:
            call(np.zeros(shape, "int32"), y_pred, None)
        start = f"`{owner}` expects one integer label per pixel of `y_pred`, (B, H, W). Received: y_true.shape={shape}"
        assert str(caught.value).startswith(start)
    for shape, advice in WRONG_WEIGHT_SHAPES.items() if has_weights else ():
        with pytest.raises(ValueError, match=advice) as caught:
            call(np.zeros(SHAPE, "int32"), y_pred, np.ones(shape, "float32"))
        start = f"`{weight_owner or owner}` expects one weight per image, (B,), or per pixel, (B, H, W). "
        received = f"Received: sample_weight.shape={shape} for labels of shape {SHAPE}."
        assert str(caught.value).startswith(start + received)
        # Keras makes weights of other shapes of this argument of `fit`.
        assert str(caught.value).endswith(
            "If `fit` was called with `class_weight`, pass `class_weights` to the loss instead."
        )


def check_wrong_sizes_in_a_graph(call, y_pred, has_weights=True):
    """Where sizes are unknown until a graph runs, wrong ones end in an error or in NaN.

    Args:
        call: Function of labels, prediction and weights to a scalar.
        y_pred: Prediction, `(*SHAPE, C)`.
        has_weights: Whether weights are tried too.
    """
    import tensorflow as tf

    sizes = tf.TensorSpec((None, None, None), tf.float32)
    scores = tf.TensorSpec((None, None, None, y_pred.shape[-1]), tf.float32)
    graph = tf.function(call, [sizes, scores, sizes])
    right = np.zeros(SHAPE, "float32"), y_pred, np.ones(SHAPE, "float32")
    assert np.isfinite(graph(*right))
    for shape in WRONG_SIZES:
        wrong = [(np.zeros(shape, "float32"), *right[1:]), (*right[:2], np.ones(shape, "float32"))]
        for arguments in wrong[: 1 + has_weights]:
            try:
                value = graph(*arguments)
            except tf.errors.InvalidArgumentError:
                continue
            assert np.isnan(value), shape


def check_labels_that_are_none(call, graph, owner):
    """What is no label of a tree of at most five nodes is refused, or ends in NaN.

    Args:
        call: Function of labels `(1, 1, 2)` to a scalar.
        graph: The same in a graph; `None` where there is none.
        owner: The name in errors.
    """
    right = np.array([[[0, 1]]], "float32")
    expected = float(call(right))
    assert np.isfinite(expected) and (graph is None or float(graph(right)) == pytest.approx(expected, rel=1e-6))
    for label in (0.5, float("nan"), float("inf")):
        labels = np.array([[[0, label]]], "float32")
        with pytest.raises(ValueError, match=f"`{owner}` expects integer labels. Received: .* value {label:g}."):
            call(labels)
        assert graph is None or np.isnan(graph(labels)), label
    # In 32 bits the second would be 1.
    for label in (5, 2**32 + 1):
        assert np.isnan(call(np.array([[[0, label]]], "int64"))), label
