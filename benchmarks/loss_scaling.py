"""What a loss along a tree needs of memory, and how its cost grows with the tree.

    python benchmarks/loss_scaling.py

Memory: the most that forward and gradient hold at once beyond logits and their gradient, in
units of the logits' size, each loss in a process of its own, in graph mode, on Mapillary Vistas
2.0's tree at 1 x 512 x 1024 pixels. Growth: time and tracing time of a tree of 2,000 nodes over
those of Cityscapes' 26, with as many pixels times nodes, flat crossentropy beside it.
"""

import argparse
import resource
import subprocess
import sys
import time

import keras
import numpy as np

from benchmarks.losses import LOSSES, inputs, interleaved_medians, ready, step
from hierseg_keras import ClassTree

MEMORY_IMAGE = (1, 512, 1024)
SMALL_IMAGE = (1, 8, 16)
GROWTH = {26: (2, 256, 512), 2000: (1, 64, 53)}


def peak_memory(name):
    """Bytes held beyond logits and gradient, over the logits' bytes."""
    tree = ClassTree.load("mapillary_vistas_v2")
    loss = LOSSES[name](tree)
    rng = np.random.default_rng(0)
    run = step(loss, xla=False)
    # What the libraries themselves take is taken before.
    labels, logits = inputs(rng, SMALL_IMAGE, tree.num_leaves, loss.num_channels)
    ready(run(logits, labels))
    labels, logits = inputs(rng, MEMORY_IMAGE, tree.num_leaves, loss.num_channels)
    size = np.prod(logits.shape) * 4
    # Making the logits took float64 numbers, whose peak must not hide that of the step.
    before = current_memory()
    reset_peak()
    ready(run(logits, labels))
    return (peak() - before - size) / size


def current_memory():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def reset_peak():
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) * 1024


def tree_of(num_nodes):
    """Cityscapes' tree, or one of three levels and as many nodes as asked for."""
    if num_nodes == 26:
        return ClassTree.load("cityscapes")
    tops, families = 20, 180
    leaves = num_nodes - tops - families
    paths = [f"top{leaf % families % tops}/family{leaf % families}/leaf{leaf}" for leaf in range(leaves)]
    return ClassTree(paths)


def growth(name, xla, repeats):
    """Time and tracing time of the large tree over the small one's, and the flat loss's time ratio."""
    functions, tracing = [], []
    for num_nodes, shape in GROWTH.items():
        tree = tree_of(num_nodes)
        flat = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
        for loss in (LOSSES[name](tree, ignore_class=flat.ignore_class), flat):
            channels = tree.num_leaves if name == "HierarchicalCrossentropy" else tree.num_nodes
            labels, logits = inputs(np.random.default_rng(0), shape, tree.num_leaves, channels, flat.ignore_class)
            run = step(loss, xla)
            start = time.perf_counter()
            ready(run(logits, labels))
            tracing.append(time.perf_counter() - start)
            functions.append(lambda run=run, logits=logits, labels=labels: run(logits, labels))
    small, small_flat, large, large_flat = interleaved_medians(functions, repeats)
    return large / small, tracing[2] / tracing[0], large_flat / small_flat


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memory-of", choices=LOSSES, help="print one loss's figure, for this script itself")
    parser.add_argument("--repeats", type=int, default=21)
    options = parser.parse_args()
    if options.memory_of:
        print(f"{peak_memory(options.memory_of):.2f}")
        return
    print("loss                      memory   mode   growth of time   of tracing   (flat: of time)")
    for name in LOSSES:
        command = [sys.executable, "-m", "benchmarks.loss_scaling", "--memory-of", name]
        memory = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]
        for xla in (False, True):
            time_ratio, tracing_ratio, flat_ratio = growth(name, xla, options.repeats)
            mode = "xla" if xla else "graph"
            print(f"{name:26s}{memory:>5s}x   {mode:6s}{time_ratio:10.2f}x{tracing_ratio:15.2f}x{flat_ratio:12.2f}x")


if __name__ == "__main__":
    main()
