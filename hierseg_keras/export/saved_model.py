"""A SavedModel that takes images as they come and answers at every level."""

import json
import pathlib
import tempfile

import keras
import tensorflow as tf

from hierseg_keras.decoding import best_path, level_labels
from hierseg_keras.models.graph.model_scores import scores_of
from hierseg_keras.tree import as_class_tree
from hierseg_keras.visualization import node_colours


def saved_model(model, path, tree=None, overwrite=False):
    """Exports a network as a SavedModel with one class map a level.

    It needs TensorFlow alone to be loaded and served, and holds two signatures:

    - `serving_default` takes `image`, uint8 `(B, H, W, 3)`, of any size that the network takes,
      and with depth behind the colours where the network does.
    - `encoded` takes `encoded`, strings `(B,)`, the bytes of PNG, JPEG, BMP or GIF files of one
      size; grey and transparent images become RGB. A network that takes depth has it not.

    Both answer, each `(B, H, W)` unless said otherwise:

    - `level_1` (finest) to `level_D`: int32 node indices, all of them on one path a pixel.
    - `leaf_probabilities`: float32 `(B, H, W, L)`, sigmoid or softmax as the network was made.
    - `path_score`: float32, the sum of probabilities along the path, between 0 and `D`.

    Assets: `tree.txt`, the tree as `ClassTree.from_file` reads it, and `classes.json`, a list by
    node index of each class's name, path, parent, depth and colour.

    The model is written to a folder beside `path` and renamed, so that whoever watches `path`
    never sees half of it.

    Args:
        model: `keras.Model` from images in 0 .. 255 to node or leaf logits.
        path: Folder to make; a server wants it to end in a version number, `model/1`.
        tree: `ClassTree`, or its text. Defaults to `model.tree`.
        overwrite: Whether an existing folder is replaced, once its successor is complete.

    Returns:
        `pathlib.Path` of the folder.

    Raises:
        FileExistsError: If `path` exists and `overwrite` is false.
        ValueError: If there is no tree, or the network's channels do not fit it.

    Example:

    >>> path = hs.export.saved_model(model, "street/1")
    >>> serve = tf.saved_model.load("street/1").signatures["serving_default"]
    >>> serve(image=tf.zeros((1, 90, 120, 3), tf.uint8))["level_1"].shape
    TensorShape([1, 90, 120])
    """
    path = pathlib.Path(path)
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            f"`saved_model` expects the TensorFlow backend. Received: {keras.backend.backend()!r}. "
            "Save with `model.save`, and load and export it under KERAS_BACKEND=tensorflow."
        )
    if path.exists() and not overwrite:
        raise FileExistsError(f"`saved_model` expects a new path. Received: {path}, which exists. Pass overwrite=True.")
    tree = as_class_tree(getattr(model, "tree", None) if tree is None else tree)
    # Of an HSSN, what is left of it when it is trained.
    model = getattr(model, "inference_model", model)
    serve = serving_function(model, tree)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as beside:
        beside = pathlib.Path(beside)
        archive = keras.export.ExportArchive()
        archive.track(model)
        size = model.input_shape[1:3]
        channels = model.input_shape[-1]
        image = tf.TensorSpec((None, *size, channels), tf.uint8, name="image")
        archive.add_endpoint("serving_default", serve, input_signature=[image])
        if channels == 3:
            encoded = tf.TensorSpec((None,), tf.string, name="encoded")
            archive.add_endpoint("encoded", _decoding_function(serve, size), input_signature=[encoded])
        archive.write_out(str(beside / "new"), verbose=False)
        _write_assets(tree, beside / "new" / "assets")
        if path.exists():
            path.rename(beside / "old")
        (beside / "new").rename(path)
    return path


def serving_function(model, tree):
    """The function behind `serving_default`: uint8 `(B, H, W, 3)` to a dict of answers."""
    scores = scores_of(model, "saved_model", tree)

    def serve(image):
        y_pred = tf.cast(model(tf.cast(image, tf.float32), training=False), tf.float32)
        leaf, score = best_path(tree, y_pred, scores.kind, scores.from_logits)
        probabilities = scores.probabilities(y_pred)[..., : tree.num_leaves]
        levels = {f"level_{i}": labels for i, labels in enumerate(level_labels(tree, leaf), start=1)}
        return {**levels, "leaf_probabilities": probabilities, "path_score": score}

    return serve


def _decoding_function(serve, size):
    def decode(encoded):
        image = tf.io.decode_image(encoded, channels=3, dtype=tf.uint8, expand_animations=False)
        image.set_shape((*size, 3))
        return image

    def serve_encoded(encoded):
        return serve(tf.map_fn(decode, encoded, fn_output_signature=tf.TensorSpec((*size, 3), tf.uint8)))

    return serve_encoded


def _write_assets(tree, folder):
    folder.mkdir(exist_ok=True)
    (folder / "tree.txt").write_text(tree.to_text(), "utf-8")
    colours = node_colours(tree).tolist()
    classes = [
        {
            "name": tree.names[node],
            "path": tree.paths[node],
            "parent": int(tree.parents[node]),
            "depth": int(tree.depths[node]),
            "colour": colours[node],
        }
        for node in range(tree.num_nodes)
    ]
    (folder / "classes.json").write_text(json.dumps(classes, indent=1, ensure_ascii=False), "utf-8")
