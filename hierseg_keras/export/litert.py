"""Export of a network for LiteRT, formerly TensorFlow Lite."""

import functools
import os
import pathlib
import re
import tempfile
import warnings
import zipfile
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from hierseg_keras.export.answers import Answers
from hierseg_keras.export.archive import make_archive
from hierseg_keras.export.class_table import class_files
from hierseg_keras.export.runtime_check import THRESHOLD, check_file
from hierseg_keras.export.runtime_failures import naming_runtime_failures
from hierseg_keras.export.signatures import signature_functions
from hierseg_keras.export.single_file import check_path, checked_file
from hierseg_keras.export.write_failures import naming_failures
from hierseg_keras.tree import ClassTree
from hierseg_keras.visualization.palettes import Palette

_SIGNATURES = ("serving_default", "probabilities", "confident")
_UNSUPPORTED = re.compile(r"^(?:TF Select|Custom) ops: (.+)$", re.MULTILINE)


def litert(
    model: keras.Model,
    path: str | os.PathLike,
    tree: ClassTree | str | None = None,
    overwrite: bool = False,
    scores: str | None = None,
    from_logits: bool | None = None,
    size: Sequence[int] | None = None,
    palette: Palette = None,
) -> pathlib.Path:
    """Exports a network as a `.tflite` file for LiteRT, formerly TensorFlow Lite.

    The file contains only LiteRT's built-in operations. It has the signatures `serving_default`, `probabilities` and
    `confident` of `saved_model`, with the same inputs and outputs; its weights are stored once. It does not check its
    inputs as a SavedModel does.

    The file is also a ZIP archive of `tree.txt` and `classes.json`, the assets of `saved_model`:
    `zipfile.ZipFile(path).read("classes.json")`.

    Before the file is moved to `path`, LiteRT loads it and answers random images. All scores must be within 1e-4 of
    the network's, and classes must be equal wherever the two best paths are further apart than that.

    Args:
        model, tree, scores, from_logits: As in `saved_model`.
        path: Path of the file, which ends in `.tflite`.
        overwrite: Whether to replace an existing file, once the new one is checked. Defaults to `False`.
        size: Pair `(H, W)`. The file then takes one image of this size at a time, for accelerators that need fixed
            sizes. Defaults to the sizes that the network accepts, and batches of any size.
        palette: As in `saved_model`.

    Returns:
        `pathlib.Path` of the file.

    Raises:
        FileExistsError: If `path` exists and `overwrite` is false, or it is a folder.
        OSError: If the file cannot be written. An existing file stays unchanged.
        RuntimeError: If the converter or the runtime fails, or the converted file answers differently from the
            network. The message gives the reason in one line; an existing file stays unchanged.
        ValueError: If `path` does not end in `.tflite`, or the network needs operations that are not built in, or
            refuses the images of the check; and under the conditions of `saved_model`.
        FloatingPointError, TypeError: Under the conditions of `saved_model`.

    Example:

    >>> path = hs.export.litert(model, "street.tflite", size=(16, 24))
    >>> import json, zipfile
    >>> [entry["name"] for entry in json.loads(zipfile.ZipFile(path).read("classes.json"))]
    ['person', 'rider', 'human']
    """
    path = pathlib.Path(path)
    check_path("litert", path, ".tflite", overwrite)
    answers = Answers(model, "litert", tree, scores, from_logits, size)
    batch = None if size is None else 1
    content = _converted(answers, size, batch)
    with checked_file("litert", path, overwrite) as new:
        new.write_bytes(content)
        # LiteRT ignores what follows the model, where its metadata tools store files as a ZIP archive.
        with zipfile.ZipFile(new, "a") as archive:
            for name, text in class_files(answers.tree, palette).items():
                archive.writestr(name, text)
        check_file("litert", "LiteRT", answers, functools.partial(_run, _load(new)), batch)
    return path


def _converted(answers, size, batch):
    """Converts the signatures of images. Returns the bytes of the file."""
    functions, image = signature_functions(answers), tf.TensorSpec((batch, *answers.image_shape[1:]), tf.uint8, "image")
    signatures = {name: (functions[name][0], [image, *functions[name][1][1:]]) for name in _SIGNATURES}
    with tempfile.TemporaryDirectory() as folder:
        with naming_failures("litert", folder):
            make_archive(answers, signatures).write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(signatures))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        expected = "a network that LiteRT's converter converts"
        try:
            with naming_runtime_failures("litert", expected, "the converter"):
                return converter.convert()
        except RuntimeError as error:
            needed = _needed(error.__cause__)
            if not needed:
                raise
            advice = "Pass `size`, with which some operations become constants, or export" if size is None else "Export"
            raise ValueError(
                f"`litert` expects a network of LiteRT's built-in operations. Received: {answers.model.name!r}, which "
                f"needs {', '.join(needed)}. {advice} a SavedModel."
            ) from error.__cause__


def _needed(error):
    """Returns the operations that are not built in, by an error of the converter."""
    return sorted({name for names in _UNSUPPORTED.findall(str(error)) for name in names.split(", ")})


def _load(path):
    with warnings.catch_warnings(), naming_runtime_failures("litert", "LiteRT to load the converted file", "LiteRT"):
        # The package `ai_edge_litert` replaces this class, but TensorFlow does not depend on it yet.
        warnings.filterwarnings("ignore", ".*tf.lite.Interpreter is deprecated")
        return tf.lite.Interpreter(model_path=str(path))


def _run(interpreter, image):
    """Returns the outputs of all signatures for a batch of images."""
    probabilities = interpreter.get_signature_runner("probabilities")(image=image)
    maps = interpreter.get_signature_runner("serving_default")(image=image)
    label = interpreter.get_signature_runner("confident")(image=image, threshold=np.float32(THRESHOLD))
    return {**probabilities, **maps, **label}
