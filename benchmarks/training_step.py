"""What the tree adds to a training step of ResNet-50 DeepLabV3+: output stride 16, crop 256 x 512, batch 2.

    python -m benchmarks.training_step

One `train_on_batch` with `FocalTreeMin` on Cityscapes' 26 nodes against one with flat crossentropy on
as many channels and the same network; the ratio of medians over interleaved steps in one process.
"""

import argparse

import keras
import numpy as np

from benchmarks.losses import IGNORE_CLASS, interleaved_medians
from hierseg_keras import ClassTree
from hierseg_keras.losses import FocalTreeMin
from hierseg_keras.models import DeepLabV3Plus


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    tree, rng = ClassTree.load("cityscapes"), np.random.default_rng(0)
    images = rng.uniform(0, 255, (2, 256, 512, 3)).astype("float32")
    labels = rng.integers(0, tree.num_leaves, (2, 256, 512)).astype("int32")
    flat = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=IGNORE_CLASS)
    steps = []
    for loss in (FocalTreeMin(tree), flat):
        model = DeepLabV3Plus(tree, backbone="resnet50_v2", output_stride=16, input_shape=(256, 512, 3))
        model.compile(keras.optimizers.SGD(1e-3), loss=loss, jit_compile=False)
        steps.append(lambda model=model: (np.asarray(model.train_on_batch(images, labels)),))
    ours, other = interleaved_medians(steps, options.repeats)
    print(f"FocalTreeMin {ours:.2f} s, flat {other:.2f} s a step: {ours / other:.3f}x")


if __name__ == "__main__":
    main()
