"""A SavedModel that takes images as they come and answers at every level."""

import json
import os
import pathlib

import keras
import tensorflow as tf

from hierseg_keras.export.signatures import decoding_function, image_shape, serving_function
from hierseg_keras.files import written_beside
from hierseg_keras.models.graph.model_scores import scores_of
from hierseg_keras.models.weights.finite_weights import check_finite_weights
from hierseg_keras.visualization import node_colors

# What TensorFlow and Keras write into the folder of a SavedModel.
_ENTRIES = {"saved_model.pb", "variables", "assets", "assets.extra", "fingerprint.pb", "keras_metadata.pb"}


def saved_model(model, path, tree=None, overwrite=False, scores=None, from_logits=None):
    """Exports a network as a SavedModel with one class map per level.

    It needs TensorFlow alone to be loaded and served, and holds two signatures:

    - `serving_default` takes `image`, uint8 `(B, H, W, 3)`, of any size that the network takes,
      and with depth behind the colors where the network does.
    - `encoded` takes `encoded`, strings `(B,)`, the bytes of PNG, JPEG or BMP files of one size. Pixels
      are those that training and `hierseg predict` read from the same files: gray values become RGB.
      What they refuse is refused: 16 bits per channel, CMYK, transparency, animations, and
      pixels that an EXIF orientation would turn. A network that takes depth does not have it.

    Both answer, each `(B, H, W)` unless said otherwise:

    - `level_1` (finest) to `level_D`: int32 node indices, all of them on one path per pixel.
    - `leaf_probabilities`: float32 `(B, H, W, L)`, sigmoid or softmax as the network was made.
    - `path_score`: float32, the sum of probabilities along the path, between 0 and `D`.

    An empty batch, or images without a pixel, have empty answers. A request of another shape or dtype, or
    a file that cannot be read exactly, is answered with an `InvalidArgumentError` that says so.

    TensorFlow Lite converts `serving_default` with its built-in operations:
    `tf.lite.TFLiteConverter.from_saved_model(path, signature_keys=["serving_default"])`.

    Assets: `tree.txt`, the tree as `ClassTree.from_file` reads it, and `classes.json`, a list by
    node index of each class's name, path, parent, depth and color.

    The model is written beside `path` and takes its place when it is complete, so that whoever watches
    `path` never sees half of it, nor, on Linux, a moment without a model. What an export that was
    killed has left beside it is deleted by the next one.

    Args:
        model: `keras.Model` from images in 0 .. 255 to node or leaf scores.
        path: Folder to make; a server wants it to end in a version number, `model/1`.
        tree: `ClassTree`, or its text. Defaults to `model.tree`.
        overwrite: Whether an existing SavedModel is replaced, once its successor is complete. A folder
            that holds anything else is never replaced.
        scores: `"nodes"` or `"leaves"`. Inferred from `model`, or from the channel count.
        from_logits: Whether `model` returns logits or probabilities. Inferred from `model`, or from
            its last activation.

    Returns:
        `pathlib.Path` of the folder.

    Raises:
        FileExistsError: If `path` exists and `overwrite` is false, or if it is not the folder of a
            SavedModel or holds other files too.
        OSError: If the folder cannot be written, or the disk is full. What was there before stays.
        FloatingPointError: If a weight of the network is NaN or infinite.
        RuntimeError: If Keras does not run on TensorFlow.
        TypeError: If `model` is a subclassed model, whose output is not known.
        ValueError: If there is no tree, the network's channels do not fit it, it takes anything else than
            one batch of images, or it cannot be known whether it returns logits or probabilities.

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
    _check_replaceable(path, overwrite)
    tree = getattr(model, "tree", None) if tree is None else tree
    # Of an HSSN, what is left of it when it is trained.
    model = getattr(model, "inference_model", model)
    check_finite_weights(model, "`saved_model`")
    archive = _archive(model, tree, scores, from_logits)
    tree = scores_of(model, "saved_model", tree, scores, from_logits).tree
    try:
        with written_beside(path, replace=overwrite) as new:
            archive.write_out(str(new), verbose=False)
            _write_assets(tree, new / "assets")
    except (OSError, tf.errors.OpError) as error:
        raise OSError(
            f"`saved_model` expects a folder that can be written, with room for the model. Received: {path}: "
            f"{_reason(error)}. What was there before has not changed."
        ) from error
    return path


def _reason(error):
    """What went wrong: of TensorFlow's message, the end, behind its operation and the file's hidden name."""
    return error.message.split("; ")[-1].split(" [Op:")[0] if isinstance(error, tf.errors.OpError) else error


def _check_replaceable(path, overwrite):
    if not os.path.lexists(path):
        return
    if not overwrite:
        raise FileExistsError(
            f"`saved_model` expects a new path. Received: {path}, which exists. Pass overwrite=True (`--overwrite` of "
            "`hierseg export`)."
        )
    names = {entry.name for entry in path.iterdir()} if path.is_dir() else {path.name}
    others = names - _ENTRIES if "saved_model.pb" in names else names
    if others:
        raise FileExistsError(
            f"`saved_model` replaces a folder that holds a SavedModel and nothing else. Received: {path}, with "
            f"{sorted(others)[0]!r}. Choose another path, or delete it yourself."
        )


def _archive(model, tree, scores, from_logits):
    """The two signatures, traced, and nothing written yet."""
    serve, shape = serving_function(model, tree, scores, from_logits), image_shape(model)
    archive = keras.export.ExportArchive()
    archive.track(model)
    image = tf.TensorSpec(shape, tf.uint8, name="image")
    archive.add_endpoint("serving_default", serve, input_signature=[image])
    if shape[-1] == 3:
        encoded = tf.TensorSpec((None,), tf.string, name="encoded")
        archive.add_endpoint("encoded", decoding_function(serve, shape), input_signature=[encoded])
    return archive


def _write_assets(tree, folder):
    folder.mkdir(exist_ok=True)
    (folder / "tree.txt").write_text(tree.to_text(), "utf-8")
    colors = node_colors(tree).tolist()
    classes = [
        {
            "name": tree.names[node],
            "path": tree.paths[node],
            "parent": int(tree.parents[node]),
            "depth": int(tree.depths[node]),
            "color": colors[node],
        }
        for node in range(tree.num_nodes)
    ]
    (folder / "classes.json").write_text(json.dumps(classes, indent=1, ensure_ascii=False), "utf-8")
