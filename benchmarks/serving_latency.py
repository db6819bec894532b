"""Latency of one request by each way of serving a network, on the same CPU.

    python -m benchmarks.serving_latency

DeepLabV3+ on EfficientNet-Lite0, Cityscapes' tree, one image of 360 x 480 pixels per request. Each request includes
what a program around it does: `encoded` decodes the PNG file, Keras decodes the scores to level maps. The roads take
turns in one process, so that other load on the machine slows all alike. Ratios are of medians, to Keras's road.
"""

import argparse
import pathlib
import tempfile
import time
import warnings

import numpy as np
import onnxruntime
import tensorflow as tf

from hierseg_keras import ClassTree, export
from hierseg_keras.decoding import best_path, level_labels
from hierseg_keras.models import DeepLabV3Plus

SIZE = (360, 480)
KERAS = "Keras, compiled with tf.function"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1, help="threads per operation in every runtime (default: 1)")
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    model = DeepLabV3Plus(ClassTree.load("cityscapes"), backbone="efficientnet_lite0", weights=None)
    # Smooth, so that the PNG file has the size of a photograph's rather than of noise.
    coarse = np.random.default_rng(0).uniform(0, 255, (1, 12, 16, 3))
    image = tf.cast(tf.image.resize(coarse, SIZE, "bicubic"), tf.uint8).numpy()
    with tempfile.TemporaryDirectory() as folder:
        requests = roads(model, image, pathlib.Path(folder), options.threads)
        times = measure(requests, options.repeats)
    print(f"\n{options.repeats} requests of 1 x {SIZE[0]} x {SIZE[1]}, {options.threads} thread(s) per operation")
    print(f"{'':36s}{'p50':>10s}{'p99':>10s}{'to Keras':>10s}")
    for name, values in times.items():
        p50, p99 = np.percentile(values, (50, 99))
        print(f"{name:36s}{1e3 * p50:7.0f} ms{1e3 * p99:7.0f} ms{p50 / np.median(times[KERAS]):9.2f}x")


def roads(model, image, folder, threads):
    """Exports the network. Returns a dict from the name of each road to a function that answers one request."""
    signatures = tf.saved_model.load(str(export.saved_model(model, folder / "1"))).signatures
    export.litert(model, folder / "any.tflite")
    export.litert(model, folder / "fixed.tflite", size=SIZE)
    export.onnx(model, folder / "model.onnx")
    tensor, file = tf.constant(image), tf.io.encode_png(image[0])[None]
    session_options = onnxruntime.SessionOptions()
    session_options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), session_options)
    return {
        KERAS: keras_road(model, tensor),
        "SavedModel, serving_default": lambda: answered(signatures["serving_default"](image=tensor)),
        "SavedModel, encoded": lambda: answered(signatures["encoded"](encoded=file)),
        "SavedModel, probabilities": lambda: answered(signatures["probabilities"](image=tensor)),
        "LiteRT, any size": litert_road(folder / "any.tflite", image, threads),
        "LiteRT, --size 360x480": litert_road(folder / "fixed.tflite", image, threads),
        "ONNX Runtime": lambda: session.run(None, {"image": image}),
    }


def keras_road(model, tensor):
    @tf.function(autograph=False)
    def predict(image):
        leaf, _ = best_path(model.tree, model(image, training=False), model.scores, model.from_logits)
        return level_labels(model.tree, leaf)

    return lambda: [level.numpy() for level in predict(tensor)]


def litert_road(path, image, threads):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*tf.lite.Interpreter is deprecated")
        interpreter = tf.lite.Interpreter(model_path=str(path), num_threads=threads)
    run = interpreter.get_signature_runner("serving_default")
    return lambda: run(image=image)


def answered(outputs):
    """Copies the outputs to NumPy, which waits for them."""
    return {name: value.numpy() for name, value in outputs.items()}


def measure(requests, repeats):
    """Returns the seconds of each request by road. The roads take turns, after one request each that is not counted."""
    times = {name: [] for name in requests}
    for turn in range(repeats + 1):
        for name, request in requests.items():
            start = time.perf_counter()
            request()
            if turn:
                times[name].append(time.perf_counter() - start)
    return times


if __name__ == "__main__":
    main()
