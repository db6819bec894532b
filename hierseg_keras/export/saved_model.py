"""Export of a network as a SavedModel."""

import os
import pathlib

import keras

from hierseg_keras.export.answers import Answers
from hierseg_keras.export.archive import make_archive
from hierseg_keras.export.class_table import class_files
from hierseg_keras.export.signatures import signature_functions
from hierseg_keras.export.write_failures import naming_failures
from hierseg_keras.files import written_beside
from hierseg_keras.tree import ClassTree
from hierseg_keras.visualization.palettes import Palette

_OTHER_FORMATS = {".tflite": "litert", ".onnx": "onnx"}
# The names that TensorFlow and Keras write into the folder of a SavedModel.
_ENTRIES = {"saved_model.pb", "variables", "assets", "assets.extra", "fingerprint.pb", "keras_metadata.pb"}


def saved_model(
    model: keras.Model,
    path: str | os.PathLike,
    tree: ClassTree | str | None = None,
    overwrite: bool = False,
    scores: str | None = None,
    from_logits: bool | None = None,
    palette: Palette = None,
) -> pathlib.Path:
    """Exports a network as a SavedModel with one class map per level.

    Loading and serving the SavedModel requires only TensorFlow. Its signatures are named after their inputs and
    outputs:

    | signature | inputs | outputs |
    |---|---|---|
    | `serving_default` | `image` | `level_1` .. `level_D` |
    | `probabilities` | `image` | `level_1` .. `level_D`, `node_probabilities`, `path_score` |
    | `confident` | `image`, `threshold` | `label` |
    | `encoded` | `encoded` | `level_1` .. `level_D`, `sizes` |
    | `encoded_probabilities` | `encoded` | `level_1` .. `level_D`, `node_probabilities`, `path_score`, `sizes` |
    | `encoded_confident` | `encoded`, `threshold` | `label`, `sizes` |

    Inputs:

    - `image`: uint8 `(B, H, W, 3)`, of any size that the network accepts. For a network that takes depth, `image`
      has the depth channels after the colors.
    - `encoded`: strings `(B,)`, the bytes of PNG, JPEG or BMP files, which may differ in size. They are decoded
      exactly as training and `hierseg predict` do: gray images become RGB, and files with 16 bits per channel, CMYK
      colors, transparency, animation or an EXIF orientation other than upright raise an error. A network that takes
      depth has no such signatures.
    - `threshold`: float32 scalar in [0, 1], the smallest accepted probability.

    Outputs, all `(B, H, W)` unless another shape is named:

    - `level_1` (finest) to `level_D`: node indices. In each pixel they lie on one path. The dtype is uint8 for trees
      of up to 255 nodes, uint16 up to 65,535 nodes, and uint32 above.
    - `label`: as `decoding.confident_labels`, the node index of the deepest node whose probability reaches
      `threshold`. Where no node does, it is the largest value of the dtype: 255 for uint8.
    - `node_probabilities`: float32 `(B, H, W, V)`, by node index: leaves first, then internal nodes.
    - `path_score`: float32, the sum of probabilities along the path of the level maps, between 0 and `D`.
    - `sizes`: int32 `(B, 2)`, height and width of each file.

    Files of different sizes are predicted one by one, without padding, so that an answer does not depend on the
    other files of a request. The outputs are padded at the bottom and on the right to the largest height and width:
    maps with the largest value of their dtype, floats with 0. A request whose padded outputs would have more than 89
    megapixels raises an error, before any file is decoded.

    A `models.Resized` refuses an image that it would enlarge to more than 89 megapixels.

    For an empty batch, or images without a pixel, all values are empty. An input of another shape or
    dtype, or a file that cannot be decoded exactly, raises an `InvalidArgumentError` with the reason. It names
    the file by its place in the request, such as `encoded[1]`.

    The SavedModel has two assets: `tree.txt`, the tree as `ClassTree.from_file` reads it, and
    `classes.json`, a list with the name, path, parent, depth and color of each class, by node index.

    The SavedModel is written to a hidden folder beside `path` and renamed when it is complete, so that
    a server that watches `path` never loads a partial model. On Linux, a replaced model is never
    missing in between. The next export deletes the hidden folder that a killed export leaves.

    Args:
        model: `keras.Model` from images in 0 .. 255 to node or leaf scores. If it accepts images of one size
            alone, so does the SavedModel, with a warning.
        path: Folder to create. TensorFlow Serving expects its name to be a version number, such as
            `model/1`.
        tree: `ClassTree`, or its text. Defaults to `model.tree`.
        overwrite: Whether to replace an existing SavedModel, once the new one is complete. A folder
            that holds any other file is never replaced. Defaults to `False`.
        scores: `"nodes"` or `"leaves"`. Defaults to the kind inferred from `model`, or from its
            number of channels.
        from_logits: Whether `model` returns logits or probabilities. Defaults to the answer inferred
            from `model`, or from its last activation.
        palette: The colors in `classes.json`, as in `visualization.node_colors`. Defaults to the official
            palette of the tree's data set, or otherwise the generated one.

    Returns:
        `pathlib.Path` of the folder.

    Raises:
        FileExistsError: If `path` exists and `overwrite` is false, or if `path` is not the folder of a
            SavedModel or holds other files too.
        OSError: If the folder cannot be written, or the disk is full. Existing files stay unchanged.
        FloatingPointError: If a weight of the network is NaN or infinite.
        RuntimeError: If the Keras backend is not TensorFlow.
        TypeError: If `model` is a subclassed model, whose output shape is unknown.
        ValueError: If `path` ends in .tflite or .onnx; if there is no tree; if the network's channels do not fit the
            tree; if the network does not have exactly one image input; or if it cannot be inferred whether the network
            returns logits or probabilities.

    Example:

    >>> path = hs.export.saved_model(model, "street/1")
    >>> serve = tf.saved_model.load("street/1").signatures["serving_default"]
    >>> serve(image=tf.zeros((1, 90, 120, 3), tf.uint8))["level_1"].shape
    TensorShape([1, 90, 120])
    """
    path = pathlib.Path(path)
    _check_replaceable(path, overwrite)
    answers = Answers(model, "saved_model", tree, scores, from_logits)
    archive = make_archive(answers, signature_functions(answers))
    with naming_failures("saved_model", path), written_beside(path, replace=overwrite) as new:
        archive.write_out(str(new), verbose=False)
        _write_assets(answers.tree, palette, new / "assets")
    return path


def _check_replaceable(path, overwrite):
    if path.suffix in _OTHER_FORMATS:
        raise ValueError(
            f"`saved_model` expects the path of a folder. Received: {path}, which ends as a file of another format "
            f"does. Call `export.{_OTHER_FORMATS[path.suffix]}`, or omit the suffix."
        )
    if not os.path.lexists(path):
        return
    if not overwrite:
        raise FileExistsError(
            f"`saved_model` expects a path that does not exist. Received: {path}, which exists. Pass overwrite=True "
            "to replace it."
        )
    names = {entry.name for entry in path.iterdir()} if path.is_dir() else {path.name}
    others = names - _ENTRIES if "saved_model.pb" in names else names
    if others:
        raise FileExistsError(
            f"`saved_model` expects the folder that it overwrites to hold only a SavedModel. Received: {path}, which "
            f"holds {sorted(others)[0]!r}. Choose another path, or delete the folder yourself."
        )


def _write_assets(tree, palette, folder):
    folder.mkdir(exist_ok=True)
    for name, text in class_files(tree, palette).items():
        (folder / name).write_text(text, "utf-8")
