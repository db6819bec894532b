"""Comparison of a SavedModel with its network, in a process without Keras and hierseg_keras."""

import os
import pathlib
import subprocess
import sys
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from hierseg_keras.export.answers import Answers
from hierseg_keras.export.signatures import signature_functions
from hierseg_keras.tree import ClassTree

_SCRIPT = pathlib.Path(__file__).with_name("standalone_check.py")
_THRESHOLD = np.float32(0.5)


def check_in_fresh_process(
    path: str | os.PathLike,
    model: keras.Model,
    images: Sequence[ArrayLike],
    expected: str | os.PathLike,
    tree: ClassTree | str | None = None,
    scores: str | None = None,
    from_logits: bool | None = None,
    signatures: Sequence[str] | None = None,
) -> bool:
    """Loads a SavedModel in a new process with TensorFlow only, and compares its outputs with the network's.

    Signatures that take arrays are called once per array of `images`. Signatures that take encoded files are
    called once with all images as PNG files, of as many sizes as the arrays have. The threshold is 0.5. The new
    process prints the largest difference of each output of each signature. Both compute on the CPU.

    Args:
        path: Folder of the SavedModel.
        model: The `keras.Model` that was exported.
        images: List of uint8 arrays, `(B, H, W, 3)`.
        expected: Path of the `.npz` file to which the inputs and the network's outputs are written.
        tree, scores, from_logits: As they were passed to `saved_model`.
        signatures: List of the names of the signatures to call. Defaults to all of them.

    Returns:
        `True` if the SavedModel has the same signatures and outputs, all integer outputs are equal, and all float
        outputs differ by at most 1e-5.
    """
    arrays = {}
    answers = Answers(model, "check_in_fresh_process", tree, scores, from_logits)
    functions = signature_functions(answers)
    for name in functions if signatures is None else signatures:
        serve, specs = functions[name]
        for case, values in enumerate(_requests(images, [spec.name for spec in specs])):
            # On a GPU, convolutions have only ten bits of precision by default.
            with tf.device("CPU:0"):
                # `serve` takes its arguments by position.
                outputs = serve(*map(tf.constant, values.values()))
            arrays |= {f"{name}/{case}/input/{argument}": value for argument, value in values.items()}
            arrays |= {f"{name}/{case}/output/{output}": value.numpy() for output, value in outputs.items()}
    np.savez(expected, signatures=list(functions), **arrays)
    command = [sys.executable, "-I", str(_SCRIPT), str(path), str(expected)]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    ended = subprocess.run(command, check=False, env=environment, stderr=subprocess.PIPE, text=True, errors="replace")
    if ended.returncode:
        print(ended.stderr, end="", file=sys.stderr)
    return ended.returncode == 0


def _requests(images, inputs):
    """Yields the dict of inputs of each request to a signature."""
    if "image" in inputs:
        firsts = [{"image": np.asarray(image)} for image in images]
    else:
        # As NumPy's fixed-length bytes, which lose zeros at the end. A PNG file never ends with a zero.
        files = [tf.io.encode_png(image).numpy() for batch in images for image in np.asarray(batch)]
        firsts = [{"encoded": np.array(files)}]
    for first in firsts:
        yield {**first, **({"threshold": _THRESHOLD} if "threshold" in inputs else {})}
