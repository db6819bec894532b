"""SA-Gate: two ResNets, of an image and its depth, that clean and join each other stage by stage."""

import keras
from keras import layers

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
from hierseg_keras.models.weights.safetensors_weights import load_safetensors
from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.tree.exact_integer import is_count

OUTPUT_STRIDE = 16
# Multiples of the last stage's dilation, block by block.
MULTI_GRID = (1, 2, 4)
STREAMS = ("image.", "depth.")


@keras.saving.register_keras_serializable("hierseg_keras")
class SAGate(TreeNetwork):
    """Instantiates SA-Gate on images with depth, with one logit per node, or per leaf, of a class tree.

    Two ResNets, one of the image and one of its depth. After each stage a gate gives each stream
    what the other saw, and joins both; DeepLabV3+'s pyramid pooling and decoder segment the last
    and the first joined map. The last one's own, coarse segmentation is trained by the same loss,
    `auxiliary_weight` times: in training a call answers with a dict, `{"logits": ...,
    "auxiliary_logits": ...}`. An image of any size gives logits of that size.

    Layers by name: `gate1.joined` .. `gate4.joined`, `embedding` (the last joined map, which `HSSN`
    compares pixels by), `aspp`, `low_level`, `features` and `logits`.

    Args:
        tree: `ClassTree`, or its text.
        blocks: Residual blocks of each of the four stages. Defaults to ResNet-101's `(3, 4, 23, 3)`.
        scores: `"nodes"` (the default), `V` channels for the losses with a sigmoid per node, or
            `"leaves"`, `L` channels for those with a softmax.
        depth_channels: 3 (the default) for depth coded as HHA (horizontal disparity, height above
            ground, angle to gravity), as in the paper; 1 for plain depth.
        width: Channels of the stem, half of what it ends in, and a quarter of the first stage's.
            Defaults to 64.
        filters: Channels of pyramid pooling and decoder. Defaults to 256.
        low_level_filters: Channels of the projected low-level map. Defaults to 48.
        dropout: Share dropped in the decoder. Defaults to 0.1.
        auxiliary_weight: Weight of the coarse segmentation's loss. Defaults to 0.2.
        weights: `None` (random, the default), or the path of a `.safetensors` file with a
            ResNet's tensors as PyTorch names them, with a stem of three 3x3 convolutions
            (`conv1.0`, `conv1.3`, `conv1.6`). Both streams start from it; its classifier is left out.
        synchronized_batch_norm: Whether batch statistics are taken over all replicas of
            `tf.distribute`, and not over each.
        input_shape: `(H, W, 3 + depth_channels)`, `None` where a size is not known.
        name: Name of the model.

    Call arguments:
        image: Float or uint8 images, `(B, H, W, 3 + depth_channels)`: red, green, blue and then
            depth, all in 0 .. 255.

    Returns:
        Float32 logits, `(B, H, W, V)` or `(B, H, W, L)`, whatever the precision inside; in
        training a dict of two.

    Raises:
        ValueError: If an argument has another value, or the weights of the file do not fit.
        FileNotFoundError: If there is no such file.

    Example:

    >>> tree = hs.ClassTree.load("nyu_depth_v2")
    >>> model = hs.models.SAGate(tree, blocks=(1, 1, 1, 1), width=8, filters=16)
    >>> model(np.zeros((1, 65, 97, 6))).shape[-1] == tree.num_nodes
    True

    Reference:
        [Chen et al., Bi-directional Cross-Modality Feature Propagation with
        Separation-and-Aggregation Gate for RGB-D Semantic Segmentation, ECCV 2020](
        https://arxiv.org/abs/2007.09183). Output stride 16, dilations 2, 4, 8 in the last stage.
        Differs from the authors' code in: projections of its own for each stream, where the code
        shares the image's (2.8 M parameters); KerasCV's pyramid pooling.
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
            raise ValueError(f"`SAGate` expects `blocks` of four stages, integers >= 1. Received: blocks={blocks!r}.")
        if depth_channels not in (1, 3):
            raise ValueError(
                f"`SAGate` expects `depth_channels` 3 (HHA) or 1. Received: depth_channels={depth_channels!r}."
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
            # The pretrained weights are among those saved.
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
            load_safetensors(trunk, weights, ignored=("fc",), prefixes=STREAMS)


def _joined_maps(image, blocks, width):
    """The joined map of each of four stages."""
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
