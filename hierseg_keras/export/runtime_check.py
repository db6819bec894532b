"""Comparison of a converted file, in its own runtime, with the network."""

import numpy as np
import tensorflow as tf

from hierseg_keras.decoding.confident_labels import candidates_at, coherent_probabilities, labels_at
from hierseg_keras.export.runtime_failures import naming_runtime_failures, reason_of
from hierseg_keras.tree.ops import sum_over_path

# Allowed difference of probabilities and of path scores.
TOLERANCE = 1e-4
THRESHOLD = 0.5
# Batch sizes and image sizes to compare if the file takes images of any size. The second one is odd.
_SHAPES = ((1, 64, 96), (2, 45, 71))


def check_file(owner, runtime, answers, run, batch=None):
    """Compares a converted file with its network on random images.

    Sizes that the network itself refuses are left out: some networks accept only multiples of 32.

    Args:
        owner: Name of the exporting function that errors mention.
        runtime: Name of the runtime that errors mention.
        answers: `Answers` of the network.
        run: Function from uint8 images `(B, H, W, C)` to the dict of the file's outputs: class maps,
            `node_probabilities` and `path_score`, and optionally `label` at the threshold `THRESHOLD`.
        batch: The only batch size that the file takes, or `None`.

    Raises:
        RuntimeError: If the runtime fails, or an output differs: a score by more than 1e-4, or a class in a pixel
            where the two best paths are further apart than that.
        ValueError: If the network itself refuses all sizes of images.
    """
    problems = [_compare(owner, runtime, answers, run, image) for image in _images(answers, batch)]
    if all(problems):
        height, width = _SHAPES[0][1:]
        raise ValueError(
            f"`{owner}` expects a network that accepts images of {height} x {width} pixels, to check the file "
            f"with. Received: {answers.model.name!r}, which refuses them: {problems[0]}. Pass `size`."
        )


def _images(answers, batch):
    rng = np.random.default_rng(0)
    for num_images, *size in _SHAPES:
        shape = [batch or num_images, *(fixed or length for fixed, length in zip(answers.image_shape[1:3], size))]
        yield rng.integers(0, 256, (*shape, answers.image_shape[-1]), np.uint8)


def _compare(owner, runtime, answers, run, image):
    """Compares the answers to one batch. Returns why the network itself refuses it, or `None`."""
    try:
        with _on_cpu():
            expected = {name: value.numpy() for name, value in answers.probabilities(image).items()}
    except tf.errors.InvalidArgumentError as error:
        return reason_of(error)
    size = f"images of {image.shape[1]} x {image.shape[2]} pixels"
    with naming_runtime_failures(owner, f"{runtime} to run the converted file for {size}", runtime):
        outputs = run(image)
    probabilities = expected["node_probabilities"]
    clear = dict.fromkeys(expected, _paths_are_clear(answers, probabilities))
    everywhere = np.ones(probabilities.shape[:-1], bool)
    clear["node_probabilities"] = everywhere
    # With leaf scores the path score is that of the chosen leaf, and changes with the choice between two equal leaves.
    if answers.scores.kind == "nodes":
        clear["path_score"] = everywhere
    if "label" in outputs:
        with _on_cpu():
            expected["label"] = answers.confident(image, THRESHOLD)["label"].numpy()
        clear["label"] = _labels_are_clear(answers.tree, probabilities)
    problem = _first_problem(outputs, expected, clear)
    if problem:
        raise RuntimeError(
            f"`{owner}` expects the converted file to return the network's outputs. Received: {problem}, for {size}. "
            "No file was written or replaced. Export a SavedModel."
        )
    return None


def _on_cpu():
    """Places the network on the CPU. On a GPU, convolutions have only ten bits of precision by default."""
    return tf.device("CPU:0")


def _first_problem(outputs, expected, clear):
    """Returns what differs in the pixels of `clear`, as a clause for an error, or `None`."""
    if set(outputs) != set(expected):
        return f"the outputs {sorted(outputs)} instead of {sorted(expected)}"
    for name, value in expected.items():
        output = outputs[name]
        if (output.shape, output.dtype) != (value.shape, value.dtype):
            return f"{name} as {output.dtype} {output.shape} instead of {value.dtype} {value.shape}"
        if value.dtype.kind == "f":
            difference = np.max(np.abs(output - value)[clear[name]], initial=0.0)
            # NaN fails the comparison too.
            if not difference <= TOLERANCE:
                return f"{name} that differs by {difference:.2g}, more than {TOLERANCE:g}"
        elif (num_wrong := np.count_nonzero((output != value) & clear[name])) > 0:
            return f"another class in {num_wrong} of {value.size} pixels of {name}"
    return None


def _paths_are_clear(answers, probabilities):
    """Returns whether the two best paths of each pixel are further apart than the tolerance."""
    if answers.scores.kind == "nodes":
        return _gap(sum_over_path(answers.tree, tf.constant(probabilities))) > TOLERANCE
    return _gap(probabilities[..., : answers.tree.num_leaves]) > TOLERANCE


def _labels_are_clear(tree, probabilities):
    """Returns whether each pixel's confident label is the same for all scores within the tolerance."""
    coherent = coherent_probabilities(tree, probabilities, "nodes", from_logits=False)
    below, above = (labels_at(tree, coherent, THRESHOLD + step) for step in (-TOLERANCE, TOLERANCE))
    return (_gap(candidates_at(tree, coherent, THRESHOLD - TOLERANCE)) > TOLERANCE) & np.asarray(below == above)


def _gap(values):
    """Returns the difference of the two largest values along the last axis."""
    if values.shape[-1] == 1:
        return np.full(values.shape[:-1], np.inf)
    second, first = np.moveaxis(np.partition(np.asarray(values), -2, axis=-1)[..., -2:], -1, 0)
    return first - second
