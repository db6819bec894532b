"""The memory that a loss needs during a step, beside the logits and their gradient.

    python -m benchmarks.loss_memory [--image 1x512x1024] [--tree mapillary_vistas_v2]

Each row is the peak of the resident memory of a process of its own, while it computes a loss and its gradient for the
first time, less what it had before and less the gradient, in multiples of the logits (Linux).
"""

import argparse
import pathlib
import subprocess
import sys

import keras
import numpy as np

from benchmarks.losses import IGNORE_CLASS, LOSSES, inputs, ready, step
from hierseg_keras import ClassTree

FLAT = "SparseCategoricalCrossentropy"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", default="1x512x1024")
    parser.add_argument("--tree", default="mapillary_vistas_v2")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    shape = tuple(map(int, options.image.split("x")))
    tree = ClassTree.load(options.tree)
    if options.one:
        name, mode = options.one
        return print(measure(tree, shape, name, mode == "xla"))
    print(f"{tree.num_nodes} nodes, {options.image}: memory beside logits and gradient, in multiples of the logits")
    for mode in ("graph", "xla"):
        for name in (FLAT, *LOSSES):
            command = [sys.executable, "-m", "benchmarks.loss_memory", "--image", options.image, "--tree", options.tree]
            done = subprocess.run([*command, "--one", name, mode], capture_output=True, text=True, check=True)
            print(f"{mode:6s}{name:30s}{float(done.stdout):6.2f}x", flush=True)


def measure(tree, shape, name, xla):
    num_channels = tree.num_leaves if name == "HierarchicalCrossentropy" else tree.num_nodes
    flat = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=IGNORE_CLASS)
    loss = flat if name == FLAT else LOSSES[name](tree)
    function = step(loss, xla)
    rng = np.random.default_rng(0)
    labels, logits = inputs(rng, (1, 16, 16), tree.num_leaves, num_channels)
    ready(function(logits, labels))
    labels, logits = inputs(rng, shape, tree.num_leaves, num_channels)
    before = memory("VmRSS")
    # Begins a new peak.
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    ready(function(logits, labels))
    size = np.prod(logits.shape) * 4
    return (memory("VmHWM") - before - size) / size


def memory(name):
    (line,) = [line for line in pathlib.Path("/proc/self/status").read_text().splitlines() if line.startswith(name)]
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
