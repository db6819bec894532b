"""DeepLabV3+, the network that most of the field is trained on."""

import keras
from keras import layers

from hierseg_keras.models.backbones.named_backbones import BACKBONES, OUTPUT_STRIDES
from hierseg_keras.models.configuration.check_counts import check_counts
from hierseg_keras.models.heads.deeplab_decoder import ATROUS_RATES, deeplab_decoder
from hierseg_keras.models.heads.logits_head import check_scores, logits_head
from hierseg_keras.models.keras_cv import keras_cv_parts
from hierseg_keras.models.layers.batch_norms import batch_norms, check_synchronized, synchronize
from hierseg_keras.models.layers.conv_norm_relu import MOMENTUM
from hierseg_keras.models.layers.image_input import image_input
from hierseg_keras.models.layers.resize_to import ResizeTo
from hierseg_keras.models.layers.scale_image import ScaleImage
from hierseg_keras.models.tree_network import TreeNetwork
from hierseg_keras.models.weights.pretrained import load_backbone_weights
from hierseg_keras.tree import ClassTree, as_class_tree


@keras.saving.register_keras_serializable("hierseg_keras")
class DeepLabV3Plus(TreeNetwork):
    """Instantiates the DeepLabV3+ architecture with one logit per node, or per leaf, of a class tree.

    A dilated backbone; atrous spatial pyramid pooling of its last map; and the decoder of the
    paper: the pooled map enlarged to the low-level map of stride 4, which is projected to 48
    channels, both joined, two 3x3 convolutions, logits, and those enlarged to the image. An
    image of any size gives logits of that size.

    Layers by name: `backbone` (two maps), `embedding` (the second of them, which `HSSN` compares pixels
    by), `aspp`, `low_level`, `features` (the last map before the logits, at stride 4) and `logits`.

    Args:
        tree: `ClassTree`, or its text.
        backbone: A name, or a KerasCV backbone. Names: `"resnet18"`, `"resnet50"`,
            `"resnet101"`, as in the papers; `"resnet18_v2"`, `"resnet50_v2"`, `"resnet101_v2"`,
            KerasCV's; `"resnet101_v2_applications"`, that of `keras.applications`;
            `"resnet50_v1_5"`, `"resnet101_v1_5"`, PyTorch's and timm's; `"wide_resnet38"`, whose
            low-level map is at stride 2; and `"resnet18_small"`, of a quarter of the channels, for
            small machines.
        scores: `"nodes"` (the default), `V` channels for the losses with a sigmoid per node, or
            `"leaves"`, `L` channels for those with a softmax.
        output_stride: Stride of the backbone's last map: 8, 16 or 32. Defaults to 16, or to a
            passed backbone's own, which cannot be changed.
        filters: Channels of pyramid pooling and decoder. Defaults to 256.
        low_level_filters: Channels of the projected low-level map. Defaults to 48.
        dropout: Share dropped after pyramid pooling and before the logits. Defaults to 0.1.
        atrous_rates: Dilations of pyramid pooling. Defaults to the paper's `(6, 12, 18)` at
            stride 16, twice these at 8 and half at 32.
        weights: Of a named backbone: `None` (random, the default), `"imagenet"`, or the path of
            a file as `keras.applications` or KerasCV downloads it; for `"resnet50_v1_5"`,
            `"resnet101_v1_5"` and `"wide_resnet38"` of a `.safetensors` file with timm's or the
            published tensors.
        synchronized_batch_norm: Whether batch statistics are taken over all replicas of
            `tf.distribute`, and not over each.
        input_shape: `(H, W, 3)`, `None` where a size is not known. Defaults to `(None, None, 3)`.
        name: Name of the model.

    Call arguments:
        image: Float or uint8 RGB images, `(B, H, W, 3)`, in 0 .. 255. Scaled inside as the named
            backbone's pretrained weights expect it; a passed backbone scales for itself.

    Returns:
        Float32 logits, `(B, H, W, V)` or `(B, H, W, L)`, whatever the precision inside.

    Raises:
        ValueError: If an argument has another value.
        OSError: If `weights` cannot be read, naming the file.

    Example:

    >>> tree = hs.ClassTree.load("cityscapes")
    >>> model = hs.models.DeepLabV3Plus(tree, backbone="resnet18_small", filters=32)
    >>> tuple(model(np.zeros((1, 65, 97, 3))).shape)
    (1, 65, 97, 26)

    Reference:
        [Chen et al., Encoder-Decoder with Atrous Separable Convolution, ECCV 2018](
        https://arxiv.org/abs/1802.02611). Differs from it in: plain 3x3 convolutions where the
        paper's Xception variant has separable ones; a momentum of 0.9 in batch normalization.
        KerasCV's model of this name has a fixed stride of 32, a softmax, one 1x1 convolution for a
        decoder, and takes sizes that divide by 32 only.
    """

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

        # === Layers ===
        image = image_input("DeepLabV3Plus", input_shape)
        scaling, features, output_stride = _backbone(backbone, output_stride, weights)
        atrous_rates = tuple(atrous_rates or ATROUS_RATES[output_stride])

        # === Functional Model ===
        low_level, x = features(ScaleImage(scaling, name="scale")(image) if scaling else image)
        x = layers.Identity(name="embedding")(x)
        x = deeplab_decoder(low_level, x, filters, low_level_filters, dropout, atrous_rates)
        x = logits_head(x, tree, scores)
        logits = ResizeTo(dtype="float32", name="enlarge_logits")([x, image])
        arguments = {
            "backbone": backbone,
            "output_stride": output_stride,
            "filters": filters,
            "low_level_filters": low_level_filters,
            "dropout": dropout,
            "atrous_rates": atrous_rates,
            # The pretrained weights are among those saved.
            "weights": None,
            "synchronized_batch_norm": synchronized_batch_norm,
            "input_shape": input_shape,
        }
        super().__init__(image, logits, tree, scores, arguments, name=name, **kwargs)
        synchronize(self, synchronized_batch_norm)
        passed = [] if isinstance(backbone, str) else list(batch_norms(features))
        for layer in batch_norms(self):
            if layer not in passed:
                layer.momentum = MOMENTUM


def _backbone(backbone, output_stride, weights):
    """The scaling, or None, the model of two maps, and the output stride."""
    if isinstance(backbone, str):
        if backbone not in BACKBONES:
            raise ValueError(
                f"`backbone` expects a KerasCV backbone or one of {list(BACKBONES)}. Received: {backbone!r}."
            )
        output_stride = output_stride or 16
        holder, features = BACKBONES[backbone].make(output_stride)
        if weights is not None:
            load_backbone_weights(backbone, holder, weights)
        return BACKBONES[backbone].scaling, features, output_stride
    if not keras_cv_parts().is_backbone(backbone):
        raise TypeError(
            f"`backbone` expects a KerasCV backbone or one of {list(BACKBONES)}. Received: {backbone!r} of type "
            f"{type(backbone).__name__}."
        )
    if weights is not None:
        raise ValueError(
            f"`weights` are of named backbones; a passed one brings its own. Received: weights={weights!r}."
        )
    if backbone.input_shape[1:3] != (None, None):
        raise ValueError(
            "`backbone` expects one for images of any size; `input_shape` of `DeepLabV3Plus` fixes it where wanted. "
            f"Received: a backbone for {backbone.input_shape}. Build it without `input_shape`."
        )
    features, own_stride = keras_cv_parts().pyramid(backbone)
    if output_stride not in (None, own_stride):
        raise ValueError(
            f"`output_stride` of a passed backbone is its own, {own_stride}. Received: output_stride={output_stride}. "
            "Build it with dilations (`stackwise_dilations` of `ResNetV2Backbone`), or leave `output_stride` out."
        )
    if own_stride not in OUTPUT_STRIDES:
        raise ValueError(f"`backbone` expects a last map at stride 8, 16 or 32. Received: stride {own_stride}.")
    return None, features, own_stride
