"""MaskFormer's architecture with one logit per node or leaf, as HSSN needs it."""

import keras
from keras import layers, ops

from hierseg_keras.models.backbones.pyramids import PYRAMIDS
from hierseg_keras.models.compiled_loss import check_weights
from hierseg_keras.models.configuration.check_counts import check_counts
from hierseg_keras.models.heads.logits_head import check_scores, logits_bias, num_logits
from hierseg_keras.models.heads.pixel_decoder import pixel_decoder
from hierseg_keras.models.heads.query_decoder import query_decoder
from hierseg_keras.models.layers.image_input import image_input
from hierseg_keras.models.layers.resize_to import ResizeTo
from hierseg_keras.models.tree_network import TreeNetwork
from hierseg_keras.models.weights.pretrained import load_pyramid_weights
from hierseg_keras.tree import ClassTree, as_class_tree


@keras.saving.register_keras_serializable("hierseg_keras")
class QueryVotes(keras.layers.Layer):
    """Computes logits of pixels from the scores and masks of queries.

    ```
    logit_pk = bias_k + sum over queries q of score_qk * sigmoid(mask_q . x_p)
    ```

    Args:
        channels: Number of logits.
        bias_initializer: Initializer of the bias, as in `keras.layers.Dense`. Defaults to `"zeros"`.

    Call arguments:
        inputs: Triple of tensors: scores, `(B, Q, channels)`, mask embeddings, `(B, Q, C)`, and
            features of pixels, `(B, h, w, C)`.

    Returns:
        Tensor, `(B, h, w, channels)`.
    """

    def __init__(self, channels, bias_initializer="zeros", **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, input_shape):
        self.bias = self.add_weight((self.channels,), initializer=self.bias_initializer, name="bias")

    def call(self, inputs):
        scores, masks, x = inputs
        inside = ops.sigmoid(ops.einsum("bhwc,bqc->bhwq", x, masks))
        return ops.einsum("bhwq,bqk->bhwk", inside, scores) + self.bias

    def compute_output_shape(self, input_shape):
        return (*input_shape[2][:3], self.channels)

    def get_config(self):
        bias_initializer = keras.initializers.serialize(self.bias_initializer)
        return {**super().get_config(), "channels": self.channels, "bias_initializer": bias_initializer}


@keras.saving.register_keras_serializable("hierseg_keras")
class MaskFormer(TreeNetwork):
    """Instantiates MaskFormer's architecture with one logit per node, or per leaf, of a class tree.

    The network has a backbone, a feature pyramid with pixel features at stride 4, and a decoder in which
    learned queries attend to the backbone's last map. Each query gets a mask and one score per node or
    leaf. The logit of a pixel is the sum of the queries' scores, weighted by their masks:

    ```
    logit_pv = bias_v + sum over queries q of score_qv * sigmoid(mask_q . x_p)
    ```

    The logits are enlarged to the size of the image. Images may have any size.

    **This is not mask classification.** The paper's network predicts a set of masks with one class each,
    and matches them one to one with the regions of the ground truth. Here all queries contribute to one
    map of logits, which is trained like that of any other network, without matching. `MaskClassification`
    trains the network with the paper's objective.

    As in the paper, the queries are supervised after every layer of their decoder. For this, the model
    returns a dict in training: `{"logits": ..., "auxiliary_logits_0": ..., ...}`.

    Named layers: `embedding` (the backbone's last map, whose pixels `HSSN` compares), `features` (pixel
    features at stride 4), `query_0` and so on (the queries after each decoder layer), `scores` and `masks`
    (of queries) and `logits`.

    Args:
        tree: `ClassTree`, or its text.
        backbone: `"swin_tiny"`, `"swin_small"`, `"resnet50_v1_5"`, `"resnet101_v1_5"`, or
            `"swin_nano"` for small machines. Defaults to `"swin_small"`.
        scores: `"nodes"` for `V` channels, to train with a loss on node logits (sigmoid), or `"leaves"`
            for `L` channels, to train with a loss on leaf logits (softmax). Defaults to `"nodes"`.
        filters: Channels of pixels and queries, a multiple of 4 and of `num_heads`. Defaults to 256.
        num_queries: Number of queries. Defaults to 100.
        num_layers: Number of layers of the query decoder. Defaults to 6.
        num_heads: Number of attention heads of the query decoder. Defaults to 8.
        dropout: Dropout rate of the query decoder. Defaults to 0.1.
        auxiliary_weight: Weight of the loss after each decoder layer except the last. 0 leaves these
            auxiliary logits out. Defaults to the paper's 1.
        weights: `None` for random weights, or the path of a `.safetensors` or `.pth` file with the
            weights of timm's network, such as `swin_small_patch4_window7_224` or `resnet101`. The
            classifier in the file is not used. Defaults to `None`.
        input_shape: Shape of an image, `(H, W, 3)`, with `None` for a variable height or width.
            Defaults to `(None, None, 3)`.
        name: Name of the model.

    Call arguments:
        image: Float or uint8 RGB images, `(B, H, W, 3)`, in 0 .. 255. The network scales them as timm's
            weights expect.

    Returns:
        Float32 logits, `(B, H, W, V)` or `(B, H, W, L)`, also under mixed precision. In training, a
        dict of logits of the same shape.

    Raises:
        ValueError: If `scores` or `backbone` is unknown; if `filters`, `num_queries`, `num_layers` or
            `num_heads` is not a positive integer; if `filters` is not a multiple of 4 and of `num_heads`;
            if `auxiliary_weight` is negative; or if the weights in the file do not fit.
        FileNotFoundError: If `weights` is not the path of a file.

    Example:

    >>> tree = hs.ClassTree.load("camvid")
    >>> small = {"filters": 32, "num_queries": 10, "num_layers": 2}
    >>> model = hs.models.MaskFormer(tree, backbone="swin_nano", **small)
    >>> tuple(model(np.zeros((1, 65, 97, 3))).shape)
    (1, 65, 97, 18)

    Reference:
        [Cheng et al., Per-Pixel Classification is Not All You Need for Semantic Segmentation,
        NeurIPS 2021](https://arxiv.org/abs/2107.06278). Differs from it in: logits instead of mask
        classification, as described above. Swin pads maps to whole windows before it shifts them, as
        its authors' segmentation code does. timm shifts first, which gives another result if the map
        is not a multiple of the window.
    """

    def __init__(
        self,
        tree: ClassTree | str,
        backbone: str = "swin_small",
        scores: str = "nodes",
        filters: int = 256,
        num_queries: int = 100,
        num_layers: int = 6,
        num_heads: int = 8,
        dropout: float = 0.1,
        auxiliary_weight: float = 1.0,
        weights: str | None = None,
        input_shape: tuple[int | None, int | None, int] = (None, None, 3),
        name: str | None = None,
        **kwargs,
    ):
        tree = as_class_tree(tree)
        check_scores("MaskFormer", scores)
        check_counts("MaskFormer", filters=filters, num_queries=num_queries, num_layers=num_layers, num_heads=num_heads)
        check_weights("MaskFormer", auxiliary_weight=auxiliary_weight)
        if filters % 4 or filters % num_heads:
            raise ValueError(
                "`MaskFormer` expects `filters` to be a multiple of 4 and of `num_heads`. Received: "
                f"filters={filters}, num_heads={num_heads}."
            )
        if backbone not in PYRAMIDS:
            raise ValueError(
                f"`MaskFormer` expects `backbone` to be one of {tuple(PYRAMIDS)}. Received: backbone={backbone!r}."
            )

        # === Functional Model ===
        image = image_input("MaskFormer", input_shape)
        maps = PYRAMIDS[backbone].maps(image)
        maps[-1] = layers.Identity(name="embedding")(maps[-1])
        pixels = pixel_decoder(maps, filters)
        queried = layers.Conv2D(filters, 1, name="queried_map")(maps[-1])
        states = query_decoder(queried, num_queries, num_layers, num_heads, dropout)
        states = states if auxiliary_weight else states[-1:]
        states = [layers.Identity(name=f"query_{i}")(state) for i, state in enumerate(states)]
        *earlier, last = _votes(states, pixels, tree, scores)
        auxiliary = {f"auxiliary_logits_{i}": x for i, x in enumerate(earlier)}
        auxiliary = {key: (_enlarged(x, image, key), auxiliary_weight) for key, x in auxiliary.items()}
        logits = _enlarged(last, image, "logits")
        arguments = {
            "backbone": backbone,
            "filters": filters,
            "num_queries": num_queries,
            "num_layers": num_layers,
            "num_heads": num_heads,
            "dropout": dropout,
            "auxiliary_weight": auxiliary_weight,
            # Saved models contain the pretrained weights, so that loading does not need the file.
            "weights": None,
            "input_shape": input_shape,
        }
        super().__init__(image, logits, tree, scores, arguments, auxiliary, name, **kwargs)
        if weights is not None:
            load_pyramid_weights(PYRAMIDS[backbone], self, weights)


def _enlarged(x, image, name):
    return ResizeTo(dtype="float32", name=f"enlarge_{name}")([x, image])


def _votes(states, pixels, tree, scores):
    """Computes logits at stride 4 from each of the queries' states, with shared layers."""
    filters, channels = pixels.shape[-1], num_logits(tree, scores)
    # Queries are alike at first, and their scores add up. Small weights keep the first logits close to their bias.
    small = keras.initializers.RandomNormal(stddev=0.001)
    score = layers.Dense(channels, kernel_initializer=small, dtype="float32", name="scores")
    embed = [layers.Dense(filters, activation="relu", name=f"masks_hidden_{i}") for i in range(2)]
    embed.append(layers.Dense(filters, name="masks"))
    votes = QueryVotes(channels, logits_bias(tree, scores), dtype="float32", name="logits")
    return [votes([score(state), _mask_embeddings(state, embed), pixels]) for state in states]


def _mask_embeddings(state, embed):
    """Computes the mask embeddings of queries by three layers."""
    for layer in embed:
        state = layer(state)
    return state


def query_states(network):
    """Returns the queries of a `MaskFormer` after each supervised layer of its decoder.

    Args:
        network: `MaskFormer`.

    Returns:
        Triple: a list of symbolic states, `(B, Q, C)`, the last layer's at the end; the list of their mask embeddings,
        `(B, Q, C)`; and the features of pixels, `(B, h, w, C)`.
    """
    # The states after earlier layers lead to auxiliary logits only.
    graph = getattr(network, "training_model", network)
    embed = [graph.get_layer(name) for name in ("masks_hidden_0", "masks_hidden_1", "masks")]
    count = 1 + len(network.auxiliary_weights)
    states = [graph.get_layer(f"query_{i}").output for i in range(count)]
    return states, [_mask_embeddings(state, embed) for state in states], graph.get_layer("features").output
