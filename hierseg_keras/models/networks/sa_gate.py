"""SA-Gate, for images with depth."""

import keras
from keras import layers

from hierseg_keras.arguments.exact_integer import is_count
from hierseg_keras.models.backbones.resnet_stages import resnet_stage, resnet_stem
from hierseg_keras.models.backbones.separation_aggregation_gate import separation_aggregation_gate
from hierseg_keras.models.compiled_loss import check_weights
from hierseg_keras.models.configuration.check_counts import check_counts
from hierseg_keras.models.heads.deeplab_decoder import ATROUS_RATES, deeplab_decoder
from hierseg_keras.models.heads.logits_head import check_scores, logits_head
from hierseg_keras.models.layers.batch_norms import batch_norms, check_synchronized, synchronize
from hierseg_keras.models.layers.conv_norm_relu import MOMENTUM, conv_norm_relu
from hierseg_keras.models.layers.dilation import strides_and_dilations
from hierseg_keras.models.layers.image_input import image_input
from hierseg_keras.models.layers.resize_to import ResizeTo
from hierseg_keras.models.layers.scale_image import ScaleImage
from hierseg_keras.models.tree_network import TreeNetwork
from hierseg_keras.models.weights.named_tensors import load_tensors
from hierseg_keras.tree import ClassTree, as_class_tree

OUTPUT_STRIDE = 16
# Factors of the last stage's dilation, one per block.
MULTI_GRID = (1, 2, 4)
STREAMS = ("image.", "depth.")


@keras.saving.register_keras_serializable("hierseg_keras")
class SAGate(TreeNetwork):
    """Instantiates the SA-Gate architecture for RGB-D images, with one logit per node, or per leaf, of a class tree.

    The network has one ResNet for the colors and one for the depth. After each stage, a gate exchanges
    features between both and joins their maps into one. The last and the first joined map are the inputs of
    the pyramid pooling and decoder of DeepLabV3+. The logits are enlarged to the size of the image. Images
    may have any size.

    An auxiliary head predicts a coarse segmentation from the last joined map. It has the same loss as
    the logits, with the weight `auxiliary_weight`. For this, the model returns a dict in training:
    `{"logits": ..., "auxiliary_logits": ...}`.

    Named layers: `gate1.joined` to `gate4.joined`, `embedding` (the last joined map, whose pixels `HSSN`
    compares), `aspp`, `low_level`, `features` and `logits`.

    Args:
        tree: `ClassTree`, or its text.
        blocks: Number of residual blocks of each of the four stages. Defaults to ResNet-101's
            `(3, 4, 23, 3)`.
        scores: `"nodes"` for `V` channels, to train with a loss on node logits (sigmoid), or `"leaves"`
            for `L` channels, to train with a loss on leaf logits (softmax). Defaults to `"nodes"`.
        depth_channels: 3 for depth encoded as HHA (horizontal disparity, height above ground, angle to
            gravity), as in the paper, or 1 for plain depth. Defaults to 3.
        width: Channels of the first convolution. The stem ends in twice as many, and the first stage
            in four times as many. Defaults to 64.
        filters: Channels of pyramid pooling and decoder. Defaults to 256.
        low_level_filters: Channels of the projected low-level map. Defaults to 48.
        dropout: Dropout rate of pyramid pooling, decoder and auxiliary head. Defaults to 0.1.
        auxiliary_weight: Weight of the coarse segmentation's loss. Defaults to 0.2.
        weights: `None` for random weights, or the path of a `.safetensors` or `.pth` file with a
            ResNet's tensors under PyTorch's names, whose stem has three 3x3 convolutions (`conv1.0`,
            `conv1.3`, `conv1.6`). Both ResNets are initialized from it. The classifier in the file is
            not used. Defaults to `None`.
        synchronized_batch_norm: Whether to compute batch statistics over all replicas of
            `tf.distribute`, instead of per replica. Defaults to `False`.
        input_shape: Shape of an image, `(H, W, 3 + depth_channels)`, with `None` for a variable height
            or width. Defaults to variable height and width.
        name: Name of the model.

    Call arguments:
        image: Float or uint8 images, `(B, H, W, 3 + depth_channels)`, in 0 .. 255: red, green, blue,
            then depth.

    Returns:
        Float32 logits, `(B, H, W, V)` or `(B, H, W, L)`, also under mixed precision. In training, a
        dict of logits and auxiliary logits of the same shape.

    Raises:
        ValueError: If `scores` is unknown; if `depth_channels` is neither 1 nor 3; if `width`, `filters`,
            `low_level_filters` or one of the four `blocks` is not a positive integer; if
            `auxiliary_weight` is negative; or if the weights in the file do not fit.
        FileNotFoundError: If `weights` is not the path of a file.

    Example:

    >>> tree = hs.ClassTree.load("nyu_depth_v2")
    >>> model = hs.models.SAGate(tree, blocks=(1, 1, 1, 1), width=8, filters=16)
    >>> model(np.zeros((1, 65, 97, 6))).shape[-1] == tree.num_nodes
    True

    Reference:
        [Chen et al., Bi-directional Cross-Modality Feature Propagation with
        Separation-and-Aggregation Gate for RGB-D Semantic Segmentation, ECCV 2020](
        https://arxiv.org/abs/2007.09183). The output stride is 16, with dilations 2, 4 and 8 in the last
        stage. Differs from the authors' code in: separate shortcut projections for each ResNet, where
        the code shares one set (2.8 M parameters); KerasCV's pyramid pooling.
    """

    supervised_stages = ("gate2.joined", "gate3.joined")

    def __init__(
        self,
        tree: ClassTree | str,
        blocks: tuple[int, int, int, int] = (3, 4, 23, 3),
        scores: str = "nodes",
        depth_channels: int = 3,
        width: int = 64,
        filters: int = 256,
        low_level_filters: int = 48,
        dropout: float = 0.1,
        auxiliary_weight: float = 0.2,
        weights: str | None = None,
        synchronized_batch_norm: bool = False,
        input_shape: tuple[int | None, int | None, int] | None = None,
        name: str | None = None,
        **kwargs,
    ):
        tree = as_class_tree(tree)
        check_scores("SAGate", scores)
        check_counts("SAGate", width=width, filters=filters, low_level_filters=low_level_filters)
        check_weights("SAGate", auxiliary_weight=auxiliary_weight)
        check_synchronized("SAGate", synchronized_batch_norm)
        if len(blocks) != 4 or not all(map(is_count, blocks)):
            raise ValueError(f"`SAGate` expects `blocks` to be four integers >= 1. Received: blocks={blocks!r}.")
        if depth_channels not in (1, 3):
            raise ValueError(
                "`SAGate` expects `depth_channels` to be 3 (HHA) or 1 (plain depth). Received: "
                f"depth_channels={depth_channels!r}."
            )

        # === Functional Model ===
        channels = 3 + depth_channels
        image = image_input("SAGate", input_shape or (None, None, channels), channels)
        joined = _joined_maps(image, blocks, width)
        x = layers.Identity(name="embedding")(joined[-1])
        coarse = conv_norm_relu(x, x.shape[-1] // 4, 3, "auxiliary")
        coarse = layers.Dropout(dropout, name="auxiliary_dropout")(coarse)
        coarse = logits_head(coarse, tree, scores, name="auxiliary_logits")
        x = deeplab_decoder(joined[0], x, filters, low_level_filters, dropout, ATROUS_RATES[OUTPUT_STRIDE])
        x = logits_head(x, tree, scores)
        logits = ResizeTo(dtype="float32", name="enlarge_logits")([x, image])
        coarse = ResizeTo(dtype="float32", name="enlarge_auxiliary_logits")([coarse, image])
        auxiliary = {"auxiliary_logits": (coarse, auxiliary_weight)}
        arguments = {
            "blocks": tuple(blocks),
            "depth_channels": depth_channels,
            "width": width,
            "filters": filters,
            "low_level_filters": low_level_filters,
            "dropout": dropout,
            "auxiliary_weight": auxiliary_weight,
            # Saved models contain the pretrained weights, so that loading does not need the file.
            "weights": None,
            "synchronized_batch_norm": synchronized_batch_norm,
            "input_shape": input_shape,
        }
        super().__init__(image, logits, tree, scores, arguments, auxiliary, name, **kwargs)
        synchronize(self, synchronized_batch_norm)
        for layer in batch_norms(self):
            layer.momentum = MOMENTUM
        if weights is not None:
            trunk = keras.Model(image, joined[-1], name="backbone")
            load_tensors(trunk, weights, ignored=("fc",), prefixes=STREAMS)


def _joined_maps(image, blocks, width):
    """Builds both ResNets and their gates, and returns the joined map of each of the four stages."""
    colors, depth = image[..., :3], image[..., 3:]
    if depth.shape[-1] == 1:
        depth = layers.Concatenate(name="depth.three")([depth, depth, depth])
    streams = [
        resnet_stem(ScaleImage("torch", name=f"{stream}scale")(x), width, stream, is_deep=True)
        for stream, x in zip(STREAMS, (colors, depth))
    ]
    joined = []
    for stage, (stride, dilation) in enumerate(zip(*strides_and_dilations(OUTPUT_STRIDE)), start=1):
        grid = MULTI_GRID if stage == 4 else (1,)
        streams = [
            resnet_stage(
                x, blocks[stage - 1], width * 2 ** (stage - 1), stride, dilation, f"{stream}layer{stage}", grid
            )
            for stream, x in zip(STREAMS, streams)
        ]
        *streams, merged = separation_aggregation_gate(*streams, f"gate{stage}")
        joined.append(merged)
    return joined
