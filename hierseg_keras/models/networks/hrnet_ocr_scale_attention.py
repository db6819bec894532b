"""Hierarchical multi-scale attention over HRNetV2-OCR: which size of an image to believe, pixel by pixel."""

from collections.abc import Sequence

import keras
from keras import layers

from hierseg_keras.models.compiled_loss import check_weights
from hierseg_keras.models.configuration.check_counts import check_counts
from hierseg_keras.models.heads.logits_head import check_scores, logits_head
from hierseg_keras.models.layers.batch_norms import check_synchronized, synchronize
from hierseg_keras.models.layers.conv_norm_relu import conv_norm_relu
from hierseg_keras.models.layers.image_input import image_input
from hierseg_keras.models.layers.resize_by import ResizeBy
from hierseg_keras.models.layers.resize_to import ResizeTo
from hierseg_keras.models.networks.hrnet import check_hrnet_sizes, hrnet_arguments, joined_branches, load_hrnet_weights
from hierseg_keras.models.networks.hrnet_ocr import ocr_head
from hierseg_keras.models.tree_network import TreeNetwork
from hierseg_keras.tree import ClassTree, as_class_tree

ATTENTION_FILTERS = 256


@keras.saving.register_keras_serializable("hierseg_keras")
class HRNetOCRScaleAttention(TreeNetwork):
    """Instantiates hierarchical multi-scale attention over HRNetV2-OCR, with logits of a class tree.

    One HRNetV2-OCR sees an image at several sizes, and says at each, for every pixel, how far it
    is to be believed against the sizes above. From the largest size down:

    ```
    fused = attention * logits + (1 - attention) * fused of the sizes above
    ```

    at the larger of both sizes, or at the image's where both are larger than it. An image of any
    size gives logits of that size.

    The attention is between neighboring sizes, so a network can see sizes that it was not trained
    with. Its weights are the same whatever the sizes:

    >>> tree = hs.ClassTree.load("camvid")
    >>> small = {"width": 4, "num_modules": (1, 1, 1), "num_blocks": 1, "filters": 16, "key_filters": 8}
    >>> trained = hs.models.HRNetOCRScaleAttention(tree, scales=(0.5, 1.0), **small)
    >>> model = hs.models.HRNetOCRScaleAttention(tree, scales=(0.5, 1.0, 2.0), **small)
    >>> model.set_weights(trained.get_weights())

    Trained by the same loss are the fused coarse segmentation, `auxiliary_weight` times, and each
    size's own logits, `scale_weight` times: in training a call answers with a dict.

    Layers by name: `trunk` and `head` (the network that all sizes share), `embedding` (the joined
    maps of the image's own size, or else the largest, which `HSSN` compares pixels by).

    Args:
        tree: `ClassTree`, or its text.
        width: Channels of the branch at stride 4. Defaults to the published 48.
        scores: `"nodes"` (the default), `V` channels for the losses with a sigmoid per node, or
            `"leaves"`, `L` channels for those with a softmax.
        scales: Factors of the image's height and width. Defaults to `(0.5, 1.0)`, with which the
            paper trains; it predicts with `(0.5, 1.0, 2.0)`.
        filters, key_filters, dropout, auxiliary_weight, num_modules, num_blocks: As `HRNetOCR`'s.
        scale_weight: Weight of the loss of each size's own logits. Defaults to 0.05.
        weights: As `HRNet`'s.
        synchronized_batch_norm: As `HRNet`'s.
        input_shape: `(H, W, 3)`, `None` where a size is not known. Defaults to `(None, None, 3)`.
        name: Name of the model.

    Call arguments:
        image: Float or uint8 RGB images, `(B, H, W, 3)`, in 0 .. 255.

    Returns:
        Float32 logits, `(B, H, W, V)` or `(B, H, W, L)`, whatever the precision inside; in
        training a dict.

    Raises:
        ValueError: If an argument has another value, or the weights of the file do not fit.
        FileNotFoundError: If there is no such file.

    Reference:
        [Tao et al., Hierarchical Multi-Scale Attention for Semantic Segmentation, 2020](
        https://arxiv.org/abs/2005.10821); weights of the losses from its code.
    """

    def __init__(
        self,
        tree: ClassTree | str,
        width: int = 48,
        scores: str = "nodes",
        scales: Sequence[float] = (0.5, 1.0),
        filters: int = 512,
        key_filters: int = 256,
        dropout: float = 0.05,
        auxiliary_weight: float = 0.4,
        scale_weight: float = 0.05,
        num_modules: tuple[int, int, int] = (1, 4, 3),
        num_blocks: int = 4,
        weights: str | None = None,
        synchronized_batch_norm: bool = False,
        input_shape: tuple[int | None, int | None, int] = (None, None, 3),
        name: str | None = None,
        **kwargs,
    ):
        tree = as_class_tree(tree)
        model = type(self).__name__
        check_scores(model, scores)
        check_hrnet_sizes(model, width, num_modules, num_blocks)
        check_counts(model, filters=filters, key_filters=key_filters)
        check_weights(model, auxiliary_weight=auxiliary_weight, scale_weight=scale_weight)
        check_synchronized(model, synchronized_batch_norm)
        scales = sorted({float(scale) for scale in scales}, reverse=True)
        if not scales or min(scales) <= 0:
            raise ValueError(f"`{model}` expects `scales` above 0. Received: scales={scales!r}.")

        # === Functional Model ===
        image = image_input(model, input_shape)
        trunk = _trunk(width, num_modules, num_blocks)
        head = _head(trunk.output, tree, scores, filters, key_filters, dropout)
        seen = {}
        for scale in scales:
            joined = trunk(ResizeBy(scale, dtype="float32", name=f"resize_{scale}x")(image))
            if scale == (1.0 if 1.0 in scales else scales[0]):
                joined = layers.Identity(name="embedding")(joined)
            seen[scale] = head(joined)
        fused = {key: _fused(seen, key) for key in ("logits", "auxiliary_logits")}
        auxiliary = {"auxiliary_logits": (fused["auxiliary_logits"], auxiliary_weight)}
        if len(scales) > 1:
            auxiliary |= {f"logits_{scale}x": (seen[scale]["logits"], scale_weight) for scale in scales}
        auxiliary = {key: (_enlarged(x, image, key), weight) for key, (x, weight) in auxiliary.items()}
        logits = _enlarged(fused["logits"], image, "logits")
        arguments = {
            "scales": tuple(scales),
            "filters": filters,
            "key_filters": key_filters,
            "dropout": dropout,
            "auxiliary_weight": auxiliary_weight,
            "scale_weight": scale_weight,
            **hrnet_arguments(width, num_modules, num_blocks, synchronized_batch_norm, input_shape),
        }
        super().__init__(image, logits, tree, scores, arguments, auxiliary, name, **kwargs)
        synchronize(self, synchronized_batch_norm)
        if weights is not None:
            load_hrnet_weights(trunk, weights)


def _trunk(width, num_modules, num_blocks):
    image = layers.Input((None, None, 3), name="image")
    return keras.Model(image, joined_branches(image, width, num_modules, num_blocks, name="joined"), name="trunk")


def _head(joined, tree, scores, filters, key_filters, dropout):
    """From joined maps to logits of both kinds, and the attention."""
    joined = layers.Input(joined.shape[1:], name="joined")
    coarse, x = ocr_head(joined, tree, scores, filters, key_filters, dropout)
    attention = x
    for i in range(2):
        attention = conv_norm_relu(attention, min(ATTENTION_FILTERS, filters), 3, f"scale_attention_{i}")
    attention = layers.Conv2D(1, 1, use_bias=False, activation="sigmoid", dtype="float32", name="scale_attention")(
        attention
    )
    maps = {"auxiliary_logits": coarse, "logits": logits_head(x, tree, scores), "attention": attention}
    return keras.Model(joined, maps, name="head")


def _fused(seen, key):
    """One kind of logits over all sizes, from the largest down."""
    fused = None
    for scale, maps in seen.items():
        x, attention = maps[key], maps["attention"]
        if fused is None:
            fused = x
            continue
        name = f"{key}_{scale}x"
        believed = attention * x
        if scale >= 1:
            fused = _enlarged(fused, x, f"{name}_others")
        else:
            believed = _enlarged(believed, fused, f"{name}_believed")
            attention = _enlarged(attention, fused, f"{name}_attention")
        fused = believed + (1 - attention) * fused
    return fused


def _enlarged(x, reference, name):
    return ResizeTo(dtype="float32", name=f"enlarge_{name}")([x, reference])
