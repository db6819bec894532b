"""Parameters and multiply-adds of the papers' networks beside the published figures.

    python -m benchmarks.networks

Published: for HRNetV2 of 19 classes 9.6 M (W18) and 65.8 M (W48) parameters, and 3.9 M (W18 small
v2) (github.com/HRNet/HRNet-Semantic-Segmentation); for hierarchical multi-scale attention 72.1 M
(github.com/NVIDIA/semantic-segmentation); for SA-Gate 110.9 M and 193.7 G (Zhang et al., CMX,
2022); for MaskFormer 63 M and 79 G with Swin-Small, 60 M and 73 G with ResNet-101, of 150 classes
(its table 1); multiply-adds of the others from HS3's tables 1 and 3, at image sizes that the paper
does not say.

What they turn out to be: 110 G are those of W48 at 480 x 640, the size of NYUD-v2's images, and 76 G
those of W18 *small v2* (modules 1, 3, 2 of two blocks) at 1024 x 2048; the full W18 has 147 G there.
With object-contextual representations 154 G and 22 G hold together, to a G, for W18 small v2 at 192
channels, 96 of them for keys; with the usual 512 and 256 it has 355 G and 53 G. The published code's
W48 with object-contextual representations has 70.37 M parameters, as this one. 5.8 T are those of
DeepLabV3+ on WideResNet-38 at 1024 x 2048, with a low-level map at stride 2.

HS3-Fuse's 224 G are met where the block of stage 3 has the 192 channels of the final one, and that of
stage 2 half of them; by the paper's words each has half of the next one's, which makes 189 G. The
lighter version has 112 channels where the network itself has 192, or 140 by the paper's words.

SA-Gate's published figures count the auxiliary head, which only training has here (9.46 M, 11.3 G),
and projections that both streams share in its code (2.79 M): 104.21 + 9.46 - 2.79 = 110.88 M, and
181.3 + 11.3 = 192.6 G. MaskFormer's are with masks enlarged to the image before its classes are
summed up (3.7 G more than at stride 4), and count normalization.
"""

import numpy as np

from hierseg_keras import ClassTree
from hierseg_keras.models import (
    DeepLabV3Plus,
    HRNet,
    HRNetOCR,
    HRNetOCRScaleAttention,
    HS3Fuse,
    MaskFormer,
    SAGate,
    profile,
)

CITYSCAPES, NYU, ADE20K = (1024, 2048), (480, 640), (512, 512)
SMALL_V2 = {"width": 18, "num_modules": (1, 3, 2), "num_blocks": 2}
NARROW = {"filters": 192, "key_filters": 96}


def fused(channels, filters="half"):
    """HS3-Fuse over W18 small v2, with stages of 7 and 12 clusters."""

    def make(tree, **_):
        network = HRNetOCR(tree, scores="leaves", filters=channels, key_filters=channels // 2, **SMALL_V2)
        classes = np.arange(tree.num_leaves)
        return HS3Fuse(network, ("stage2", "stage3"), [classes % 7, classes % 12], filters)

    return make


# Name, network, its options, number of classes, size of the image, published M parameters and G multiply-adds.
ROWS = [
    ("HRNet-W18", HRNet, {"width": 18}, 19, CITYSCAPES, 9.6, None),
    ("HRNet-W48", HRNet, {"width": 48}, 19, CITYSCAPES, 65.8, None),
    ("HRNet-W48", HRNet, {"width": 48}, 40, NYU, None, 110),
    ("HRNet-W18 small v2", HRNet, SMALL_V2, 19, CITYSCAPES, 3.9, 76),
    ("HRNet-W18 small v2 OCR", HRNetOCR, SMALL_V2, 19, CITYSCAPES, None, None),
    ("HRNet-W18 small v2 OCR", HRNetOCR, SMALL_V2, 40, NYU, None, None),
    ("the same, 192 channels", HRNetOCR, {**SMALL_V2, **NARROW}, 19, CITYSCAPES, None, 154),
    ("the same, 192 channels", HRNetOCR, {**SMALL_V2, **NARROW}, 40, NYU, None, 22),
    ("HRNet-W18 OCR", HRNetOCR, {"width": 18}, 19, CITYSCAPES, None, None),
    ("HRNet-W48 OCR", HRNetOCR, {"width": 48}, 19, CITYSCAPES, 70.4, None),
    ("the same, attention", HRNetOCRScaleAttention, {"scales": (0.5, 1, 2)}, 19, CITYSCAPES, 72.1, None),
    ("HS3-Fuse, halving", fused(192), {}, 19, CITYSCAPES, None, None),
    ("HS3-Fuse, from 192", fused(192, "same"), {}, 19, CITYSCAPES, None, 224),
    ("HS3-Fuse, lighter", fused(112, "same"), {}, 19, CITYSCAPES, None, 154),
    ("HS3-Fuse, lighter, halving", fused(140), {}, 19, CITYSCAPES, None, 154),
    ("SA-Gate ResNet-101", SAGate, {}, 40, NYU, 110.9, 193.7),
    ("MaskFormer Swin-Small", MaskFormer, {"backbone": "swin_small"}, 150, ADE20K, 63, 79),
    ("MaskFormer ResNet-101", MaskFormer, {"backbone": "resnet101_v1_5"}, 150, ADE20K, 60, 73),
    ("DeepLabV3+ WRN-38", DeepLabV3Plus, {"backbone": "wide_resnet38", "output_stride": 8}, 19, CITYSCAPES, None, 5800),
]


def main():
    print(f"{'':44s}{'M parameters':>14s}{'published':>11s}{'G multiply-adds':>17s}{'published':>11s}")
    for name, network, options, num_classes, size, parameters, multiply_adds in ROWS:
        tree = ClassTree([f"class{i}" for i in range(num_classes)])
        rows = profile(network(tree, scores="leaves", **options), size)
        counts = sum(row.parameters for row in rows) / 1e6, sum(row.multiply_adds for row in rows) / 1e9
        print(
            f"{name:24s}{num_classes:8d}{'{} x {}'.format(*size):>12s}{counts[0]:14.2f}{parameters or '-':>11}"
            f"{counts[1]:17.1f}{multiply_adds or '-':>11}"
        )


if __name__ == "__main__":
    main()
