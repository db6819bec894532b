"""HRNetV2-OCR with hierarchical multi-scale attention."""

from collections.abc import Callable, Sequence

import keras
from keras import layers

from hierseg_keras.models.compiled_loss import LOGITS, check_weights
from hierseg_keras.models.configuration.check_counts import check_counts
from hierseg_keras.models.configuration.check_scales import check_scales
from hierseg_keras.models.graph.classifier_input import classifier_input
from hierseg_keras.models.heads.logits_head import check_scores, logits_head
from hierseg_keras.models.heads.stage_heads import open_stages
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
    """Instantiates HRNetV2-OCR with multi-scale attention, with one logit per node, or per leaf, of a class tree.

    One HRNetV2-OCR is applied to the image at several scales. At each scale it also predicts an
    attention per pixel, which weighs the logits of this scale against the result of the larger scales.
    The logits are fused from the largest scale to the smallest:

    ```
    fused = attention * logits + (1 - attention) * fused logits of the larger scales
    ```

    If the smaller scale is at least 1, the fused logits are resized to it. Otherwise its logits and
    attention are enlarged to the size of the fused logits. The final logits are resized to the size of
    the image. Images may have any size.

    The attention compares neighboring scales only, and the shapes of the weights do not depend on
    `scales`. So a network can predict with other scales than it was trained with, as the example shows.

    The fused coarse segmentation and the logits of each scale have the same loss as the fused logits,
    with the weights `auxiliary_weight` and `scale_weight`. For this, the model returns a dict in training:
    `{"logits": ..., "auxiliary_logits": ..., "logits_0.5x": ..., ...}`.

    Named layers: `trunk` and `head` (two models that all scales share) and `embedding` (the concatenated
    maps at scale 1, or at the largest scale if 1 is not among `scales`, whose pixels `HSSN` compares). `HS3`
    supervises `trunk/stage2` at all scales with one head, and `trunk/stage2[0]` at the largest scale only.

    Args:
        tree: `ClassTree`, or its text.
        width: Channels of the branch at stride 4. Defaults to the published 48.
        scores: `"nodes"` for `V` channels, to train with a loss on node logits (sigmoid), or `"leaves"`
            for `L` channels, to train with a loss on leaf logits (softmax). Defaults to `"nodes"`.
        scales: Factors of the image's height and width. Defaults to `(0.5, 1.0)`, the paper's scales in
            training. The paper predicts with `(0.5, 1.0, 2.0)`.
        filters, key_filters, dropout, auxiliary_weight: As in `HRNetOCR`.
        scale_weight: Weight of the loss of each scale's logits. Defaults to 0.05.
        num_modules, num_blocks, weights, synchronized_batch_norm, input_shape: As in `HRNet`.
        name: Name of the model.

    Call arguments:
        image: Float or uint8 RGB images, `(B, H, W, 3)`, in 0 .. 255.

    Returns:
        Float32 logits, `(B, H, W, V)` or `(B, H, W, L)`, also under mixed precision. In training, a
        dict of logits of the same shape.

    Raises:
        ValueError: If `scores` is unknown; if `filters`, `key_filters` or a size of `HRNet` is not a
            positive integer; if a scale is not above 0; if a weight of a loss is negative; or if the
            weights in the file do not fit.
        FileNotFoundError: If `weights` is not the path of a file.

    Example:

    >>> tree = hs.ClassTree.load("camvid")
    >>> small = {"width": 4, "num_modules": (1, 1, 1), "num_blocks": 1, "filters": 16, "key_filters": 8}
    >>> trained = hs.models.HRNetOCRScaleAttention(tree, scales=(0.5, 1.0), **small)
    >>> model = hs.models.HRNetOCRScaleAttention(tree, scales=(0.5, 1.0, 2.0), **small)
    >>> model.set_weights(trained.get_weights())

    Reference:
        [Tao et al., Hierarchical Multi-Scale Attention for Semantic Segmentation, 2020](
        https://arxiv.org/abs/2005.10821). The default weights of the losses are those of its code.
    """

    supervised_stages = ("trunk/stage2", "trunk/stage3")

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
        scales = sorted(set(check_scales(model, scales)), reverse=True)

        # === Functional Model ===
        image = image_input(model, input_shape)
        trunk = _trunk(width, num_modules, num_blocks)
        head = _head(trunk.output, tree, scores, filters, key_filters, dropout)
        logits, auxiliary = _across_scales(
            image, scales, lambda x, embed: head(embed(trunk(x))), auxiliary_weight, scale_weight
        )
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

    def with_classifier(
        self, stages: Sequence[str], classify: Callable[..., keras.KerasTensor]
    ) -> tuple[keras.KerasTensor, dict[str, tuple[keras.KerasTensor, float]]]:
        """Builds the graph of this network again, with another classifier at every scale. It shares all other layers.

        Args:
            stages: Names of layers inside `trunk`, such as `"trunk/stage2"`.
            classify: Function that builds the classifier once per scale. Its arguments are the map that `head`
                classifies, and one map per stage. It returns logits, and must use the same layers at every scale.

        Returns:
            Pair `(logits, auxiliary)`, as `TreeNetwork` expects them for the images `self.inputs[0]`.

        Raises:
            ValueError: If a stage is not a layer inside `trunk`, or one call of it.
        """
        trunk, head = self.get_layer("trunk"), self.get_layer("head")
        others = [stage for stage in stages if not stage.startswith("trunk/") or stage.endswith("]")]
        if others:
            raise ValueError(
                f"expected stages inside `trunk`, which are fused at every scale, such as trunk/stage2. Received: "
                f"{others}."
            )
        inner_names = [stage.removeprefix("trunk/") for stage in stages]
        answers, maps = open_stages(trunk, inner_names)
        stage_maps = [maps[name][0] for name in inner_names]
        trunk = keras.Model(trunk.input, (answers[LOGITS], stage_maps), name="trunk")
        outputs = dict(head.output)
        classified = classifier_input(keras.Model(head.input, outputs.pop("logits"), name="head"))
        head = keras.Model(head.input, {**outputs, "classified": classified}, name="head")

        def apply(x, embed):
            joined, stage_maps = trunk(x)
            outputs = head(embed(joined))
            return {**outputs, "logits": classify(outputs["classified"], *stage_maps)}

        return _across_scales(self.inputs[0], self.scales, apply, self.auxiliary_weight, self.scale_weight)


def _across_scales(image, scales, apply, auxiliary_weight, scale_weight):
    """Applies a network at every scale, and fuses its outputs by their attention.

    Args:
        image: Symbolic images.
        scales: Scales, from the largest to the smallest.
        apply: Function from images and `embed` to a dict of symbolic logits, auxiliary logits and attention. It
            calls `embed` with the map that `HSSN` compares.
        auxiliary_weight, scale_weight: As in `HRNetOCRScaleAttention`.

    Returns:
        Pair `(logits, auxiliary)`, as `TreeNetwork` expects them.
    """
    outputs_by_scale = {}
    for scale in scales:
        is_embedding = scale == (1.0 if 1.0 in scales else scales[0])
        embed = layers.Identity(name="embedding") if is_embedding else lambda x: x
        outputs_by_scale[scale] = apply(ResizeBy(scale, dtype="float32", name=f"resize_{scale}x")(image), embed)
    fused = {key: _fused(outputs_by_scale, key) for key in ("logits", "auxiliary_logits")}
    auxiliary = {"auxiliary_logits": (fused["auxiliary_logits"], auxiliary_weight)}
    if len(scales) > 1:
        scale_logits = {f"logits_{scale}x": maps["logits"] for scale, maps in outputs_by_scale.items()}
        auxiliary |= {key: (x, scale_weight) for key, x in scale_logits.items()}
    auxiliary = {key: (_resized(x, image, key), weight) for key, (x, weight) in auxiliary.items()}
    return _resized(fused["logits"], image, "logits"), auxiliary


def _trunk(width, num_modules, num_blocks):
    image = layers.Input((None, None, 3), name="image")
    return keras.Model(image, joined_branches(image, width, num_modules, num_blocks, name="joined"), name="trunk")


def _head(joined, tree, scores, filters, key_filters, dropout):
    """Makes the model from concatenated maps to coarse logits, logits and attention."""
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


def _fused(outputs_by_scale, key):
    """Fuses the maps named `key` of all scales, from the largest scale to the smallest."""
    fused = None
    for scale, maps in outputs_by_scale.items():
        x, attention = maps[key], maps["attention"]
        if fused is None:
            fused = x
            continue
        name = f"{key}_{scale}x"
        weighted = attention * x
        if scale >= 1:
            fused = _resized(fused, x, f"{name}_others")
        else:
            weighted = _resized(weighted, fused, f"{name}_believed")
            attention = _resized(attention, fused, f"{name}_attention")
        fused = weighted + (1 - attention) * fused
    return fused


def _resized(x, reference, name):
    return ResizeTo(dtype="float32", name=f"enlarge_{name}")([x, reference])
