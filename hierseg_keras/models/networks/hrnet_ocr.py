"""HRNetV2 with object-contextual representations."""

import keras

from hierseg_keras.models.compiled_loss import check_weights
from hierseg_keras.models.configuration.check_counts import check_counts
from hierseg_keras.models.heads.logits_head import check_scores, logits_head
from hierseg_keras.models.heads.object_context import object_context
from hierseg_keras.models.layers.batch_norms import check_synchronized, synchronize
from hierseg_keras.models.layers.conv_norm_relu import conv_norm_relu
from hierseg_keras.models.layers.image_input import image_input
from hierseg_keras.models.layers.resize_to import ResizeTo
from hierseg_keras.models.networks.hrnet import check_hrnet_sizes, hrnet_arguments, joined_branches, load_hrnet_weights
from hierseg_keras.models.tree_network import TreeNetwork
from hierseg_keras.tree import ClassTree, as_class_tree


@keras.saving.register_keras_serializable("hierseg_keras")
class HRNetOCR(TreeNetwork):
    """Instantiates HRNetV2-OCR with one logit per node, or per leaf, of a class tree.

    The network first predicts a coarse segmentation from the concatenated maps of `HRNet`. Each channel
    of its logits defines a soft region of the image, and the features of the region's pixels are averaged
    into a region representation. Each pixel then attends to all representations, and is classified from
    the result and its own features. The logits are enlarged to the size of the image. Images may have any
    size.

    The coarse segmentation has the same loss as the logits, with the weight `auxiliary_weight`. For
    this, the model returns a dict in training: `{"logits": ..., "auxiliary_logits": ...}`.

    Named layers: `stage2`, `stage3`, `stage4` (each outputs a list of maps), `embedding` (the
    concatenated maps, whose pixels `HSSN` compares), `regions` (outputs `(B, 1, K, filters)` for `K`
    regions), `features` and `logits`.

    Args:
        tree: `ClassTree`, or its text.
        width: Channels of the branch at stride 4: 18, 32 and 48 in the published networks. Defaults
            to 18.
        scores: `"nodes"` for `V` channels, to train with a loss on node logits (sigmoid), or `"leaves"`
            for `L` channels, to train with a loss on leaf logits (softmax). Defaults to `"nodes"`.
        filters: Channels of features and region representations. Defaults to 512.
        key_filters: Channels of the queries, keys and values of the attention. Defaults to 256.
        dropout: Dropout rate of the channels of the features. Defaults to 0.05.
        auxiliary_weight: Weight of the coarse segmentation's loss. Defaults to 0.4.
        num_modules, num_blocks, weights, synchronized_batch_norm, input_shape: As in `HRNet`.
        name: Name of the model.

    Call arguments:
        image: Float or uint8 RGB images, `(B, H, W, 3)`, in 0 .. 255.

    Returns:
        Float32 logits, `(B, H, W, V)` or `(B, H, W, L)`, also under mixed precision. In training, a
        dict of logits and auxiliary logits of the same shape.

    Raises:
        ValueError: If `scores` is unknown; if `filters`, `key_filters` or a size of `HRNet` is not a
            positive integer; if `auxiliary_weight` is negative; or if the weights in the file do not fit.
        FileNotFoundError: If `weights` is not the path of a file.

    Example:

    >>> tree = hs.ClassTree.load("camvid")
    >>> small = {"width": 4, "num_modules": (1, 1, 1), "num_blocks": 1, "filters": 16, "key_filters": 8}
    >>> model = hs.models.HRNetOCR(tree, **small)
    >>> tuple(model(np.zeros((1, 65, 97, 3))).shape)
    (1, 65, 97, 18)

    Reference:
        [Yuan et al., Object-Contextual Representations for Semantic Segmentation, ECCV 2020](
        https://arxiv.org/abs/1909.11065). Differs from it in: with `scores="nodes"`, internal nodes
        have regions too.
    """

    supervised_stages = ("stage2", "stage3")

    def __init__(
        self,
        tree: ClassTree | str,
        width: int = 18,
        scores: str = "nodes",
        filters: int = 512,
        key_filters: int = 256,
        dropout: float = 0.05,
        auxiliary_weight: float = 0.4,
        num_modules: tuple[int, int, int] = (1, 4, 3),
        num_blocks: int = 4,
        weights: str | None = None,
        synchronized_batch_norm: bool = False,
        input_shape: tuple[int | None, int | None, int] = (None, None, 3),
        name: str | None = None,
        **kwargs,
    ):
        tree = as_class_tree(tree)
        check_scores("HRNetOCR", scores)
        check_synchronized("HRNetOCR", synchronized_batch_norm)
        check_hrnet_sizes("HRNetOCR", width, num_modules, num_blocks)
        check_counts("HRNetOCR", filters=filters, key_filters=key_filters)
        check_weights("HRNetOCR", auxiliary_weight=auxiliary_weight)

        # === Functional Model ===
        image = image_input("HRNetOCR", input_shape)
        joined = joined_branches(image, width, num_modules, num_blocks)
        coarse, x = ocr_head(joined, tree, scores, filters, key_filters, dropout)
        x = logits_head(x, tree, scores)
        logits = ResizeTo(dtype="float32", name="enlarge_logits")([x, image])
        coarse = ResizeTo(dtype="float32", name="enlarge_auxiliary_logits")([coarse, image])
        auxiliary = {"auxiliary_logits": (coarse, auxiliary_weight)}
        arguments = {
            "filters": filters,
            "key_filters": key_filters,
            "dropout": dropout,
            "auxiliary_weight": auxiliary_weight,
            **hrnet_arguments(width, num_modules, num_blocks, synchronized_batch_norm, input_shape),
        }
        super().__init__(image, logits, tree, scores, arguments, auxiliary, name, **kwargs)
        synchronize(self, synchronized_batch_norm)
        if weights is not None:
            load_hrnet_weights(self, weights)


def ocr_head(joined, tree, scores, filters, key_filters, dropout):
    """Builds coarse logits, and features with context from the regions of these logits, on concatenated maps."""
    coarse = conv_norm_relu(joined, joined.shape[-1], 1, "auxiliary", use_bias=True)
    coarse = logits_head(coarse, tree, scores, name="auxiliary_logits")
    x = conv_norm_relu(joined, filters, 3, "pixels", use_bias=True)
    return coarse, object_context(x, coarse, filters, key_filters, dropout)
