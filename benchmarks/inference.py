"""Time from images to class maps, beside the network alone.

    python -m benchmarks.inference

DeepLabV3+ on EfficientNet-Lite0, Cityscapes' tree, one image of 360 x 480 pixels at a time. Each way is compared with
the network alone, in a traced function, on all that this way gives to the network: one image, the windows of
`SlidingWindow`, or the scales and mirror images of `MultiScale`. The difference is the cost of decoding the file,
resizing, averaging, and finding the best path. The ways take turns in one process. `predict_folder` measures
`predict_files` on a folder.

Afterwards, images of further sizes are predicted. Printed is how many traces each function has, which should be one.
"""

import argparse
import pathlib
import tempfile

import numpy as np
import tensorflow as tf

from benchmarks.losses import interleaved_medians
from hierseg_keras import ClassTree, export
from hierseg_keras.models import DeepLabV3Plus, MultiScale, SlidingWindow
from hierseg_keras.models.graph.model_scores import scores_of
from hierseg_keras.prediction.network_answers import NetworkAnswers

SIZE, WINDOW, OVERLAP, SCALES = (360, 480), (240, 320), 1 / 3, (0.5, 1.0, 1.5)
FURTHER_SIZES = ((90, 120), (91, 133), (200, 300))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    model = DeepLabV3Plus(ClassTree.load("cityscapes"), backbone="efficientnet_lite0", weights=None)
    coarse = np.random.default_rng(0).uniform(0, 255, (1, 12, 16, 3))
    image = tf.cast(tf.image.resize(coarse, SIZE, "bicubic"), tf.uint8)
    network = traced(model)
    answers = {
        "class maps": answers_of(model),
        "SlidingWindow": answers_of(SlidingWindow(model, WINDOW, OVERLAP)),
        "MultiScale": answers_of(MultiScale(model, scales=SCALES)),
    }
    inputs = {"class maps": [image], "SlidingWindow": windows(image), "MultiScale": scaled(image)}
    with tempfile.TemporaryDirectory() as folder:
        served = tf.saved_model.load(str(export.saved_model(model, pathlib.Path(folder, "1"))))
    encoded, file = served.signatures["encoded"], tf.io.encode_png(image[0])[None]
    ways = {
        "SavedModel, encoded": (lambda: list(encoded(encoded=file).values()), [image]),
        **{name: (lambda name=name: list(answers[name](image.numpy()).values()), inputs[name]) for name in answers},
    }
    print(f"{'':22s}{'whole':>9s}{'network':>9s}{'whole / network':>17s}")
    for name, (whole, parts) in ways.items():
        seconds, alone = interleaved_medians(
            [whole, lambda parts=parts: [network(part) for part in parts]], options.repeats
        )
        print(f"{name:22s}{1e3 * seconds:6.0f} ms{1e3 * alone:6.0f} ms{seconds / alone:16.2f}x", flush=True)
    for name, answer in answers.items():
        for size in FURTHER_SIZES:
            answer(np.zeros((1, *size, 3), np.uint8))
        print(f"{name}: {answer._answer.experimental_get_tracing_count()} trace")


def answers_of(model):
    return NetworkAnswers(model, scores_of(model, "benchmark"))


def traced(model):
    """Returns a function that runs the network, and returns the scores of one pixel, so that none are copied."""

    def scores_of_first_pixel(image):
        return model(tf.cast(image, tf.float32), training=False)[:, 0, 0]

    return tf.function(scores_of_first_pixel, [tf.TensorSpec((None, None, None, 3), tf.uint8)], autograph=False)


def windows(image):
    """Returns the windows that `SlidingWindow` gives to the network."""
    starts = []
    for length, window in zip(SIZE, WINDOW):
        stride = int(window * (1 - OVERLAP))
        count = -(-(length - window) // stride) + 1
        starts.append([min(index * stride, length - window) for index in range(count)])
    return [image[:, y : y + WINDOW[0], x : x + WINDOW[1]] for y in starts[0] for x in starts[1]]


def scaled(image):
    """Returns the images that `MultiScale` gives to the network."""
    sizes = [tuple(round(length * scale) for length in SIZE) for scale in SCALES]
    return [tf.cast(tf.image.resize(image, size), tf.uint8) for size in sizes for _ in ("image", "mirrored")]


if __name__ == "__main__":
    main()
