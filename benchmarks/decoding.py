"""What the figures of every level and the best path cost, against their flat counterparts.

    python -m benchmarks.decoding

`LevelMeanIoU.update_state` for all levels against one `keras.metrics.MeanIoU` on the leaves, and
`best_path` (the leaf alone) against `argmax` of as many channels; ratios of medians over interleaved runs
in one process.
"""

import argparse

import keras
import numpy as np
import tensorflow as tf

from benchmarks.losses import IGNORE_CLASS, IMAGES, inputs, interleaved_medians
from hierseg_keras import ClassTree
from hierseg_keras.decoding import best_path
from hierseg_keras.metrics import LevelMeanIoU


def compare(name, ours, flat, tensors, repeats):
    """Prints a row: the ratio in graph mode and under XLA."""
    ratios = []
    for xla in (False, True):
        runs = [tf.function(function, jit_compile=xla, autograph=False) for function in (ours, flat)]
        tree_time, flat_time = interleaved_medians([lambda run=run: (run(*tensors),) for run in runs], repeats)
        ratios.append(tree_time / flat_time)
    print(f"{name:44s}{ratios[0]:7.2f}x{ratios[1]:7.2f}x", flush=True)


def metric_update(metric):
    def update(labels, logits):
        metric.update_state(labels, logits)
        return metric.variables[0]

    return update


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=21)
    options = parser.parse_args()
    print(f"{'':44s}  graph     xla")
    for name, shape in IMAGES.items():
        tree = ClassTree.load(name)
        labels, logits = inputs(np.random.default_rng(0), shape, tree.num_leaves, tree.num_nodes)
        leaf_logits = logits[..., : tree.num_leaves] + 0.0
        flat = keras.metrics.MeanIoU(tree.num_leaves, ignore_class=IGNORE_CLASS, sparse_y_pred=False)
        for scores, values in (("leaves", leaf_logits), ("nodes", logits)):
            ours = metric_update(LevelMeanIoU(tree, scores=scores))
            flat_of_leaves = metric_update(flat)

            def update_flat(labels, values):
                return flat_of_leaves(labels, values[..., : tree.num_leaves])

            compare(f"{name} LevelMeanIoU, {scores}", ours, update_flat, (labels, values), options.repeats)
            compare(
                f"{name} best_path, {scores}",
                lambda values, scores=scores: best_path(tree, values, scores)[0],
                lambda values: tf.argmax(values, -1),
                (values,),
                options.repeats,
            )


if __name__ == "__main__":
    main()
