"""The cost of a loss along a tree: forward and gradient against Keras's flat crossentropy.

    python benchmarks/losses.py [--repeats 31]

Each row is a ratio of medians over interleaved runs in one process: a loss against
`keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=255)` of as many
channels, on the same labels, of which 5 % are ignored on both sides. Trees are Cityscapes' (19
leaves, 26 nodes) at 2 x 256 x 512 pixels and Mapillary Vistas 2.0's (124, 148) at 1 x 256 x 512,
each in its own order and, in the column "shuffled", with its classes in a random one. The last column is the ratio to
the floor of any loss with a gradient: an operation that reads the logits and writes as many numbers.
"""

import argparse
import statistics
import time

import keras
import numpy as np

from hierseg_keras import ClassTree, losses

IGNORE_CLASS = 255
IMAGES = {"cityscapes": (2, 256, 512), "mapillary_vistas_v2": (1, 256, 512)}
LOSSES = {
    "HierarchicalCrossentropy": losses.HierarchicalCrossentropy,
    "TreeBinaryCrossentropy": losses.TreeBinaryCrossentropy,
    "TreeMin": losses.TreeMin,
    "FocalTreeMin": losses.FocalTreeMin,
    "TreeMinCrossentropy": losses.TreeMinCrossentropy,
}


def shuffled(tree, rng):
    """The same tree, its leaves numbered at random."""
    return ClassTree([tree.paths[leaf] for leaf in rng.permutation(tree.num_leaves)])


def inputs(rng, shape, num_classes, channels, ignore_class=IGNORE_CLASS):
    """Labels among the first `num_classes` with 5 % ignored, and logits."""
    labels = rng.integers(0, num_classes, shape).astype("int32")
    labels[rng.uniform(size=shape) < 0.05] = ignore_class
    logits = rng.normal(size=(*shape, channels)).astype("float32")
    return keras.ops.convert_to_tensor(labels), keras.ops.convert_to_tensor(logits)


def step(loss, xla):
    """The compiled function from labels and logits to the loss and its gradient."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(jax.value_and_grad(lambda logits, labels: loss(labels, logits)))
    import tensorflow as tf

    @tf.function(jit_compile=xla)
    def value_and_gradient(logits, labels):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = loss(labels, logits)
        return value, tape.gradient(value, logits)

    return value_and_gradient


def floor(xla):
    """The compiled function that reads the logits and writes as many numbers."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(lambda logits, labels: (logits * 0.5,))
    import tensorflow as tf

    return tf.function(lambda logits, labels: (logits * 0.5,), jit_compile=xla)


def ready(result):
    """Waits for the device."""
    for tensor in result:
        keras.ops.convert_to_numpy(keras.ops.ravel(tensor)[:1])


def interleaved_medians(functions, repeats):
    """Median seconds of each function, run in turns so that a slow moment hits all of them."""
    times = [[] for _ in functions]
    for function in functions:
        ready(function())
        ready(function())
    for _ in range(repeats):
        for function, spent in zip(functions, times):
            start = time.perf_counter()
            ready(function())
            spent.append(time.perf_counter() - start)
    return [statistics.median(spent) for spent in times]


def compare(tree, shape, xla, repeats, names=tuple(LOSSES)):
    """Prints one row a loss: milliseconds, flat milliseconds, ratio."""
    rng = np.random.default_rng(0)
    flat = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=IGNORE_CLASS)
    others = shuffled(tree, rng)
    for name in names:
        channels = tree.num_leaves if name == "HierarchicalCrossentropy" else tree.num_nodes
        labels, logits = inputs(rng, shape, tree.num_leaves, channels)
        compared = (flat, LOSSES[name](tree), LOSSES[name](others))
        steps = [*(step(loss, xla) for loss in compared), floor(xla)]
        functions = [lambda run=run: run(logits, labels) for run in steps]
        flat_time, tree_time, shuffled_time, floor_time = interleaved_medians(functions, repeats)
        print(
            f"{'xla' if xla else 'graph':6s}{name:26s}{channels:5d}{flat_time * 1e3:9.1f}{tree_time * 1e3:9.1f}"
            f"{tree_time / flat_time:7.2f}x{shuffled_time / tree_time:9.2f}x{tree_time / floor_time:9.1f}x",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=31)
    parser.add_argument("--trees", nargs="*", default=list(IMAGES))
    parser.add_argument("--losses", nargs="*", default=list(LOSSES))
    options = parser.parse_args()
    modes = (False, True) if keras.backend.backend() == "tensorflow" else (True,)
    for name in options.trees:
        tree = ClassTree.load(name)
        print(f"{name}: {tree.num_leaves} leaves, {tree.num_nodes} nodes, {tree.num_levels} levels, {IMAGES[name]}")
        print("mode  loss                      chans  flat ms  loss ms   ratio  shuffled  to floor")
        for xla in modes:
            compare(tree, IMAGES[name], xla, options.repeats, options.losses)


if __name__ == "__main__":
    main()
