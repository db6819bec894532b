"""Parameters and multiply-adds of ResNet-101 DeepLabV3+ by part: output stride 16, 513 x 513, 21 leaves.

    python -m benchmarks.deeplab_size

The public PyTorch network (VainF/DeepLabV3Plus-Pytorch, deeplabv3plus_resnet101) publishes 83.4 G
for this setting, and its layers sum up to 58.75 M parameters; this one has 92.0 G and 59.40 M. The
differences: a second 3x3 convolution in the decoder, as in the paper (+9.8 G, +0.59 M); strides in
the first 1x1 convolution of a stack and not in the 3x3, as in the paper and `keras.applications`
(-0.8 G); convolutions with a bias in the backbone (+0.05 M); and normalization, which the published
figure counts.
"""

import collections

from hierseg_keras import ClassTree
from hierseg_keras.models import DeepLabV3Plus, profile

SIZE, NUM_CLASSES = 513, 21


def main():
    tree = ClassTree([f"class{i}" for i in range(NUM_CLASSES)])
    parameters, multiply_adds = collections.Counter(), collections.Counter()
    for row in profile(DeepLabV3Plus(tree, backbone="resnet101", scores="leaves", output_stride=16), (SIZE, SIZE)):
        part = row.name.split("/")[0]
        for name in (part if part in ("backbone", "aspp") else "decoder", "all"):
            parameters[name] += row.parameters
            multiply_adds[name] += row.multiply_adds
    for name in ("backbone", "aspp", "decoder", "all"):
        print(f"{name:10s}{parameters[name] / 1e6:9.2f} M parameters{multiply_adds[name] / 1e9:9.1f} G multiply-adds")


if __name__ == "__main__":
    main()
