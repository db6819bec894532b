"""Export of a network as an ONNX model."""

import importlib.util
import logging
import os
import pathlib
from collections.abc import Sequence

import keras
import tensorflow as tf

from hierseg_keras.export.answers import Answers
from hierseg_keras.export.class_table import class_files
from hierseg_keras.export.runtime_check import check_file
from hierseg_keras.export.runtime_failures import naming_runtime_failures
from hierseg_keras.export.single_file import check_path, checked_file
from hierseg_keras.tree import ClassTree
from hierseg_keras.visualization.palettes import Palette

_PACKAGES = ("tf2onnx", "onnx", "onnxruntime")
# The first version of the operator set whose `Resize` allows for antialiasing; ONNX Runtime 1.14 and later run it.
OPSET = 18


def onnx(
    model: keras.Model,
    path: str | os.PathLike,
    tree: ClassTree | str | None = None,
    overwrite: bool = False,
    scores: str | None = None,
    from_logits: bool | None = None,
    size: Sequence[int] | None = None,
    probabilities: bool = False,
    palette: Palette = None,
) -> pathlib.Path:
    """Exports a network as an `.onnx` file, of the standard operators alone.

    It requires the packages tf2onnx, onnx and onnxruntime, the extra `onnx`.

    The file has one input, `image`, uint8 `(B, H, W, 3)`, and the outputs `level_1` to `level_D` of `saved_model`;
    with `probabilities=True` also `node_probabilities` and `path_score`. Its metadata hold `tree.txt` and
    `classes.json`, the assets of `saved_model`: `session.get_modelmeta().custom_metadata_map["classes.json"]`.

    Before the file is moved to `path`, ONNX Runtime loads it and answers random images. All scores must be within
    1e-4 of the network's, whether or not the file returns them, and classes must be equal wherever the two best paths
    are further apart than that.

    Args:
        model, tree, scores, from_logits: As in `saved_model`.
        path: Path of the file, which ends in `.onnx`.
        overwrite: Whether to replace an existing file, once the new one is checked. Defaults to `False`.
        size: Pair `(H, W)`, the only size of images that the file takes. Defaults to the sizes that the network
            accepts.
        probabilities: Whether the file also returns probabilities. Defaults to `False`.
        palette: As in `saved_model`.

    Returns:
        `pathlib.Path` of the file.

    Raises:
        FileExistsError: If `path` exists and `overwrite` is false, or it is a folder.
        ModuleNotFoundError: If tf2onnx, onnx or onnxruntime is not installed.
        OSError: If the file cannot be written. An existing file stays unchanged.
        RuntimeError: If the converter or the runtime fails, or the converted file answers differently from the
            network. The message gives the reason in one line; an existing file stays unchanged.
        ValueError: If `path` does not end in `.onnx`, or the network needs operations that ONNX lacks, or refuses the
            images of the check; and under the conditions of `saved_model`.
        FloatingPointError, TypeError: Under the conditions of `saved_model`.
    """
    path = pathlib.Path(path)
    check_path("onnx", path, ".onnx", overwrite)
    _check_packages()
    answers = Answers(model, "onnx", tree, scores, from_logits, size)
    converted = _converted(answers)
    for name, text in class_files(answers.tree, palette).items():
        converted.metadata_props.add(key=name, value=text)
    with checked_file("onnx", path, overwrite) as new:
        # Checked with all outputs first: without the scores, small differences of them would not show.
        new.write_bytes(converted.SerializeToString())
        check_file("onnx", "ONNX Runtime", answers, _runner(new))
        if not probabilities:
            new.write_bytes(_maps_alone(converted).SerializeToString())
            _runner(new)
    return path


def _check_packages():
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(
            f"`onnx` expects the packages {', '.join(_PACKAGES)} to be installed. Received: no {', '.join(missing)}. "
            f"Run `pip install {' '.join(_PACKAGES)}`."
        )


def _converted(answers):
    """Converts the network with all outputs. Returns an `onnx.ModelProto`."""
    import tf2onnx
    from onnx import defs

    # tf2onnx logs each step, and each operation that it cannot convert, which the error below names.
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    image = tf.TensorSpec(answers.image_shape, tf.uint8, name="image")
    function = tf.function(answers.probabilities, input_signature=[image], autograph=False)
    with naming_runtime_failures("onnx", "a network that tf2onnx converts", "tf2onnx"):
        model, _ = tf2onnx.convert.from_function(function, input_signature=[image], opset=OPSET)
    nodes = _nodes_of(model.graph)
    unknown = sorted({node.op_type for node in nodes if not defs.has(node.op_type, OPSET, node.domain)})
    if unknown:
        raise ValueError(
            f"`onnx` expects a network of operations that ONNX has. Received: {answers.model.name!r}, which needs "
            f"{', '.join(unknown)}. Export a SavedModel."
        )
    return model


def _nodes_of(graph):
    """Yields the nodes of a graph, and of the graphs inside of its loops and conditionals."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes_of(inner)


def _maps_alone(model):
    """Removes all outputs except class maps. ONNX Runtime then skips the operations that only the others need."""
    kept = [output for output in model.graph.output if output.name.startswith("level_")]
    del model.graph.output[:]
    model.graph.output.extend(kept)
    return model


def _runner(path):
    """Loads a file in ONNX Runtime. Returns the function from images to the dict of its outputs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # It logs errors, which are raised too.
    options.log_severity_level = 4
    with naming_runtime_failures("onnx", "ONNX Runtime to load the converted file", "ONNX Runtime"):
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda image: dict(zip(names, session.run(names, {"image": image})))
