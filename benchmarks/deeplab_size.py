"""Parameters and multiply-adds of ResNet-101 DeepLabV3+ by part: output stride 16, 513 x 513, 21 leaves.

    python -m benchmarks.deeplab_size

Multiply-adds are those of convolutions: the kernel's size times the pixels of its output. The
public PyTorch network (VainF/DeepLabV3Plus-Pytorch, deeplabv3plus_resnet101) publishes 83.4 G for
this setting, and its layers sum up to 58.75 M parameters; this one has 92.0 G and 59.51 M. The
differences: a second 3x3 convolution in the decoder, as in the paper (+9.8 G, +0.59 M); strides in
the first 1x1 convolution of a stack and not in the 3x3, as in the paper and `keras.applications`
(-0.8 G); convolutions with a bias in the backbone (+0.05 M); moving averages, which Keras counts
among the parameters (+0.11 M); and normalisation, which the published figure counts.
"""

import keras
import numpy as np

from hierseg_keras import ClassTree
from hierseg_keras.models import DeepLabV3Plus

SIZE, NUM_CLASSES = 513, 21


def convolutions(layer):
    """The convolutions in a layer or model, nested ones too."""
    if isinstance(layer, keras.layers.Conv2D):
        return [layer]
    inner = [*getattr(layer, "layers", []), *getattr(layer, "aspp_parallel_channels", [])]
    inner += [layer.projection] if hasattr(layer, "projection") else []
    return [convolution for part in inner for convolution in convolutions(part)]


def count_sizes(model):
    """Parameters and multiply-adds by top layer; a call on one image tells each convolution's output size."""
    pixels, call = {}, keras.layers.Conv2D.call

    def remembering(self, inputs):
        outputs = call(self, inputs)
        pixels[id(self)] = int(np.prod(outputs.shape[1:3]))
        return outputs

    keras.layers.Conv2D.call = remembering
    try:
        model(np.zeros((1, SIZE, SIZE, 3), "float32"))
    finally:
        keras.layers.Conv2D.call = call
    return {
        layer.name: (
            layer.count_params(),
            sum(int(np.prod(c.kernel.shape)) * pixels[id(c)] for c in convolutions(layer)),
        )
        for layer in model.layers
    }


def main():
    tree = ClassTree([f"class{i}" for i in range(NUM_CLASSES)])
    model = DeepLabV3Plus(tree, backbone="resnet101", outputs="leaves", output_stride=16)
    sizes = count_sizes(model)
    parts = {name: sizes.pop(name) for name in ("backbone", "aspp")}
    parts["decoder"] = tuple(map(sum, zip(*sizes.values())))
    parts["all"] = tuple(map(sum, zip(*parts.values())))
    for name, (parameters, multiply_adds) in parts.items():
        print(f"{name:10s}{parameters / 1e6:9.2f} M parameters{multiply_adds / 1e9:9.1f} G multiply-adds")


if __name__ == "__main__":
    main()
