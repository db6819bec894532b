"""A SavedModel under load: ten thousand calls of every signature by eight threads, with faults among them.

    python -m benchmarks.served_calls

The model is loaded by TensorFlow alone, in a process that never imports this library. Every answer is compared
with the one that the same request had before, and every fault has to raise `InvalidArgumentError`. Printed are the
latencies of the good calls, and the memory, threads and descriptors of the process after each tenth of the calls.

Exit code 1 if an answer differs, a fault is not refused, or a call raises another error.
"""

import argparse
import concurrent.futures
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

SIZES = ((96, 128), (81, 127), (48, 64))
THREADS = 8
# One call in so many is a fault.
FAULT_EVERY = 4


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--served", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.served:
        return serve(options.served, options.calls)
    with tempfile.TemporaryDirectory() as folder:
        path = make_model(pathlib.Path(folder, "1"))
        command = [sys.executable, "-m", "benchmarks.served_calls", "--served", path, "--calls", str(options.calls)]
        return subprocess.run(list(map(str, command))).returncode


def make_model(path):
    from hierseg_keras import ClassTree, export
    from hierseg_keras.models import UNet

    model = UNet(ClassTree.load("street_blocks"), filters=4, num_stages=2)
    return export.saved_model(model, path)


def serve(path, count):
    import tensorflow as tf

    signatures = tf.saved_model.load(str(path)).signatures
    good, faults = good_requests(tf), fault_requests(tf)
    # The first answer of each request is what the others are compared with.
    expected = [answer(signatures, *request) for request in good]

    def call(number):
        """Returns the seconds of a good call, or `None` for a fault that was refused."""
        if number % FAULT_EVERY == 0:
            return refused(tf, signatures, *faults[number // FAULT_EVERY % len(faults)])
        index = number % len(good)
        start = time.perf_counter()
        answers = answer(signatures, *good[index])
        seconds = time.perf_counter() - start
        for name, values in answers.items():
            np.testing.assert_array_equal(values, expected[index][name], err_msg=f"{good[index][0]}: {name}")
        return seconds

    print(f"{len(good)} good requests, {len(faults)} faults, {THREADS} threads, {count:,} calls")
    print(f"{'calls':>8s}{'p50':>10s}{'p99':>10s}{'memory':>12s}{'threads':>9s}{'descriptors':>13s}")
    tenth = max(count // 10, 1)
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        for first in range(0, count, tenth):
            found = pool.map(call, range(first, min(first + tenth, count)))
            p50, p99 = np.percentile([seconds for seconds in found if seconds is not None], (50, 99))
            done = min(first + tenth, count)
            memory, threads, descriptors = state_of_process()
            row = f"{1e3 * p50:7.1f} ms{1e3 * p99:7.1f} ms{memory:9.1f} MB{threads:9d}{descriptors:13d}"
            print(f"{done:8,d}{row}", flush=True)
    assert "hierseg_keras" not in sys.modules, "expected a process without hierseg_keras"
    return 0


def answer(signatures, name, inputs):
    return {output: values.numpy() for output, values in signatures[name](**inputs).items()}


def refused(tf, signatures, name, inputs):
    try:
        answer(signatures, name, inputs)
    except tf.errors.InvalidArgumentError:
        return None
    raise AssertionError(f"expected that `{name}` refuses {inputs}")


def good_requests(tf):
    """Returns pairs (signature, inputs): every signature, several sizes, batches of 0 to 2, thresholds."""
    rng = np.random.default_rng(0)
    requests = []
    for height, width in SIZES:
        images = rng.integers(0, 256, (2, height, width, 3), np.uint8)
        files = [tf.io.encode_png(images[0]), tf.io.encode_jpeg(images[1])]
        for batch in (1, 2):
            image, encoded = tf.constant(images[:batch]), tf.stack(files[:batch])
            requests += [("serving_default", {"image": image}), ("probabilities", {"image": image})]
            requests += [("encoded", {"encoded": encoded}), ("encoded_probabilities", {"encoded": encoded})]
            for threshold in (0.2, 0.7):
                inputs = {"threshold": tf.constant(threshold)}
                requests += [
                    ("confident", {"image": image, **inputs}),
                    ("encoded_confident", {"encoded": encoded, **inputs}),
                ]
    mixed = tf.stack([tf.io.encode_png(rng.integers(0, 256, (*size, 3), np.uint8)) for size in SIZES])
    empty = tf.zeros((0, *SIZES[0], 3), tf.uint8)
    return [*requests, ("encoded", {"encoded": mixed}), ("serving_default", {"image": empty})]


def fault_requests(tf):
    """Returns pairs (signature, inputs) that have to be refused: shapes, garbage, cut files, dtypes, thresholds."""
    image = tf.zeros((1, 48, 64, 3), tf.uint8)
    file = tf.io.encode_png(image[0])
    cut = tf.strings.substr(file, 0, 60)
    shapes = [(48, 64, 3), (1, 48, 64), (1, 48, 64, 4), (3,), ()]
    return [
        *(("serving_default", {"image": tf.zeros(shape, tf.uint8)}) for shape in shapes),
        ("probabilities", {"image": tf.zeros((1, 48, 64, 1), tf.uint8)}),
        ("serving_default", {"image": tf.zeros((1, 48, 64, 3), tf.float32)}),
        ("encoded", {"encoded": tf.constant([b"garbage"])}),
        ("encoded", {"encoded": tf.constant([b""])}),
        ("encoded", {"encoded": tf.stack([file, cut, file])}),
        ("encoded", {"encoded": file}),
        ("encoded_probabilities", {"encoded": tf.constant([np.random.default_rng(0).bytes(5_000)])}),
        ("encoded_confident", {"encoded": file[None], "threshold": tf.constant(1.5)}),
        ("confident", {"image": image, "threshold": tf.constant(float("nan"))}),
        ("confident", {"image": image, "threshold": tf.constant([0.5])}),
    ]


def state_of_process():
    """Returns the resident memory of this process in MB, and its numbers of threads and open descriptors (Linux)."""
    status = dict(line.split(":", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines())
    descriptors = len(list(pathlib.Path("/proc/self/fd").iterdir()))
    return int(status["VmRSS"].split()[0]) / 1024, int(status["Threads"]), descriptors


if __name__ == "__main__":
    sys.exit(main())
