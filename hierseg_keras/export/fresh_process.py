"""Comparison of a SavedModel with its network, in a process without Keras and hierseg_keras."""

import os
import pathlib
import subprocess
import sys
from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import ArrayLike

from hierseg_keras.export.signatures import serving_function
from hierseg_keras.tree import ClassTree

_SCRIPT = pathlib.Path(__file__).with_name("standalone_check.py")


def check_in_fresh_process(
    path: str | os.PathLike,
    model: keras.Model,
    images: Sequence[ArrayLike],
    expected: str | os.PathLike,
    tree: ClassTree | str | None = None,
    scores: str | None = None,
    from_logits: bool | None = None,
) -> bool:
    """Loads a SavedModel in a new process with TensorFlow only, and compares its outputs with the network's.

    The new process prints the largest difference of each output.

    Args:
        path: Folder of the SavedModel.
        model: The `keras.Model` that was exported.
        images: List of uint8 arrays, `(B, H, W, 3)`.
        expected: Path of the `.npz` file to which the images and the network's outputs are written.
        tree, scores, from_logits: As they were passed to `saved_model`.

    Returns:
        `True` if all integer outputs are equal and all float outputs differ by at most 1e-5.
    """
    tree = getattr(model, "tree", None) if tree is None else tree
    serve = serving_function(getattr(model, "inference_model", model), tree, scores, from_logits)
    arrays = {}
    for case, image in enumerate(images):
        answers = {"image": image, **{name: answer.numpy() for name, answer in serve(image).items()}}
        arrays |= {f"case_{case}_{name}": array for name, array in answers.items()}
    np.savez(expected, **arrays)
    command = [sys.executable, "-I", str(_SCRIPT), str(path), str(expected)]
    ended = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True, errors="replace")
    if ended.returncode:
        print(ended.stderr, end="", file=sys.stderr)
    return ended.returncode == 0
