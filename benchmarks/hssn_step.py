"""What HSSN adds to a training step of ResNet-50 DeepLabV3+: output stride 16, crop 256 x 512, batch 2.

    python -m benchmarks.hssn_step

One `train_on_batch` each of flat crossentropy on Cityscapes' 26 channels, of `FocalTreeMin`, and of the
whole objective with 100, 200 and 500 triplets, on the same network; medians over interleaved steps in
one process, and their ratios to the flat one's. HSSN's table D.1 gives 1.27x (Mapillary Vistas) and 1.41x
(PASCAL-Person-Part) for 200 triplets on top of the focal tree-min loss.
"""

import argparse

import keras
import numpy as np

from benchmarks.losses import IGNORE_CLASS, interleaved_medians
from hierseg_keras import ClassTree
from hierseg_keras.losses import FocalTreeMin, TreeTriplet
from hierseg_keras.models import HSSN, DeepLabV3Plus


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--triplets", type=int, nargs="+", default=[100, 200, 500])
    options = parser.parse_args()
    tree, rng = ClassTree.load("cityscapes"), np.random.default_rng(0)
    images = rng.uniform(0, 255, (2, 256, 512, 3)).astype("float32")
    labels = rng.integers(0, tree.num_leaves, (2, 256, 512)).astype("int32")
    flat = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=IGNORE_CLASS)
    models = {"flat": network(tree), "FocalTreeMin": network(tree)}
    models["flat"].compile(keras.optimizers.SGD(1e-3), loss=flat, jit_compile=False)
    models["FocalTreeMin"].compile(keras.optimizers.SGD(1e-3), loss=FocalTreeMin(tree), jit_compile=False)
    for count in options.triplets:
        model = HSSN(network(tree), triplet=TreeTriplet(tree, count, seed=0), beta_schedule="constant")
        model.compile(keras.optimizers.SGD(1e-3), jit_compile=False)
        models[f"HSSN, {count} triplets"] = model
    steps = [lambda m=model: (np.asarray(m.train_on_batch(images, labels)),) for model in models.values()]
    medians = interleaved_medians(steps, options.repeats)
    for name, seconds in zip(models, medians):
        print(f"{name:20s} {seconds:6.2f} s a step   {seconds / medians[0]:.3f}x")


def network(tree):
    return DeepLabV3Plus(tree, backbone="resnet50_v2", output_stride=16, input_shape=(256, 512, 3))


if __name__ == "__main__":
    main()
