"""Compares a SavedModel, reloaded where neither Keras nor hierseg_keras can be imported, with its network."""

import pathlib
import subprocess
import sys

import numpy as np

from hierseg_keras.export.signatures import serving_function

_SCRIPT = pathlib.Path(__file__).with_name("standalone_check.py")


def check_in_fresh_process(path, model, images, expected, tree=None, scores=None, from_logits=None):
    """Reloads a SavedModel in a fresh process by TensorFlow alone and compares every output.

    Args:
        path: Folder of the SavedModel.
        model: The `keras.Model` that was exported.
        images: List of uint8 arrays `(B, H, W, 3)`.
        expected: `.npz` file to write the images and the network's own answers to.
        tree, scores, from_logits: As they were passed to `saved_model`.

    Returns:
        Whether all agree: integers exactly, floats within 1e-5. The process prints each output's
        largest difference, and on stderr only if it fails.
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
