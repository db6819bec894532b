"""HS3-Fuse: fusion of the features of supervised stages into a network's head."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Self

import keras
from keras import layers

from hierseg_keras.models.compiled_loss import LOGITS
from hierseg_keras.models.configuration.check_counts import check_counts
from hierseg_keras.models.graph.classifier_input import classifier_input
from hierseg_keras.models.graph.layer_outputs import call_names
from hierseg_keras.models.graph.model_scores import scores_of
from hierseg_keras.models.graph.shared_layers import SharedLayers
from hierseg_keras.models.heads.logits_head import logits_head
from hierseg_keras.models.heads.object_context import object_context
from hierseg_keras.models.heads.stage_heads import open_stages, stage_logits, stage_prefix, tree_of_network
from hierseg_keras.models.layers.batch_norms import synchronize
from hierseg_keras.models.layers.conv_norm_relu import conv_norm_relu
from hierseg_keras.models.layers.resize_to import ResizeTo
from hierseg_keras.models.tree_network import TreeNetwork
from hierseg_keras.models.wrappers.stage_clusters import clusters_of_stages

# The numbers of channels that have a name.
HALF, SAME = "half", "same"


@keras.saving.register_keras_serializable("hierseg_keras")
class HS3Fuse(TreeNetwork):
    """Fuses the features of a network's stages into its head.

    Each stage gets a head that segments its map into the stage's clusters of classes, and a block of
    object-contextual representations whose regions are these clusters. The outputs of all blocks are
    concatenated with the map that the network classifies, and a new classifier is put on the result.

    `HS3(network, stages, clusters, fuse=True)` makes this network and trains it, with losses on the
    clusters of the stages.

    Named layers: `{stage}_logits`, `{stage}_regions`, `fused_relu` (whose output is classified),
    `fused_logits`, and the layers of `segmenter`.

    Args:
        segmenter: Functional `keras.Model` with a class tree. It must end in a 1x1 convolution, which
            only resizing and activations may follow.
        stages, clusters: As in `HS3`.
        filters: Channels of the last stage's block. Each earlier stage has half the channels of the next
            one. An integer; or `"half"`, half the channels of the map that the network classifies, as
            section 3.2 of the paper says; or `"same"`, as many channels as that map, which the
            multiply-adds of table 3 imply. Defaults to `"half"`.
        dropout: Dropout rate of the channels of each block. Defaults to 0.05.
        name: Name of the model. Defaults to the name of `segmenter`.

    Call arguments:
        image: Images, as `segmenter` expects them.

    Returns:
        Float32 logits, `(B, H, W, V)` or `(B, H, W, L)`, also under mixed precision. In training, a
        dict if `segmenter` returns one.

    Raises:
        TypeError: If `segmenter` is not a functional model.
        ValueError: If `segmenter` has no tree or its classifier is not found; if `stages` or `clusters` is
            invalid for `HS3`; if the network computes a stage more than once, unless it is an
            `HRNetOCRScaleAttention`; or if `filters` is neither a
            positive integer nor one of the names.

    Example:

    >>> tree = hs.ClassTree.load("camvid")
    >>> network = hs.models.HRNet(tree, width=4, num_modules=(1, 1, 1), num_blocks=1)
    >>> model = hs.models.HS3Fuse(network, ("stage2", "stage3"), clusters=[2, 1], filters=8)
    >>> tuple(model(np.zeros((1, 32, 48, 3))).shape)
    (1, 32, 48, 18)

    Reference:
        [Borse et al., HS3, BMVC 2021](https://arxiv.org/abs/2111.02333), section 3.2 and figure 3. The
        paper's lighter version has fewer `filters`, here and in the head of `segmenter`. Left open by the paper: the
        channels of the last block, where text and table 3 differ (both are named), and how blocks are joined (here
        concatenated, then a 1x1 convolution).
    """

    def __init__(
        self,
        segmenter: keras.Model,
        stages: Sequence[str],
        clusters: Sequence | None = None,
        filters: int | str = HALF,
        dropout: float = 0.05,
        name: str | None = None,
        **kwargs,
    ):
        tree = tree_of_network("HS3Fuse", segmenter)
        scores = scores_of(segmenter, "HS3Fuse").kind
        clusters = clusters_of_stages("HS3Fuse", tree, stages, clusters)
        check_filters("HS3Fuse", filters)
        stages = tuple(clusters)
        image = segmenter.inputs[0]
        counts = {stage: int(assignment.max()) + 1 for stage, assignment in clusters.items()}
        fuse = SharedLayers(partial(_fused_logits, tree, scores, counts, filters, dropout))

        # === Functional Model ===
        if hasattr(segmenter, "with_classifier"):
            logits, auxiliary = segmenter.with_classifier(stages, fuse)
        else:
            answers, maps = open_stages(segmenter, stages)
            classified = classifier_input(keras.Model(image, answers[LOGITS], name=segmenter.name))
            logits = fuse(classified, *(_once(stage, calls) for stage, calls in maps.items()))
            logits = ResizeTo(dtype="float32", name="enlarge_fused_logits")([logits, image])
            weights = getattr(segmenter, "auxiliary_weights", {})
            auxiliary = {key: (answers[key], weight) for key, weight in weights.items()}
        arguments = {
            "segmenter": segmenter,
            "stages": stages,
            "clusters": [assignment.tolist() for assignment in clusters.values()],
            "filters": filters,
            "dropout": dropout,
        }
        options = {"name": name or segmenter.name, "flat_auxiliary": getattr(segmenter, "flat_auxiliary", ())}
        super().__init__(image, logits, tree, scores, arguments, auxiliary, **options, **kwargs)
        if getattr(segmenter, "synchronized_batch_norm", False):
            synchronize(self, True)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        # The constructor takes the tree and scores of the segmenter instead.
        del config["tree"], config["scores"]
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return super().from_config(with_named_filters(config))


def check_filters(model, filters):
    """Raises `ValueError`, naming the model, if `filters` is neither a positive integer nor one of the names."""
    if filters not in (HALF, SAME):
        if isinstance(filters, str):
            raise ValueError(
                f'`{model}` expects `filters` to be an integer >= 1, "{HALF}" or "{SAME}". Received: '
                f"filters={filters!r}."
            )
        check_counts(model, filters=filters)


def with_named_filters(config):
    """Returns a configuration with the name that earlier versions saved as `None`."""
    return {**config, "filters": HALF} if config.get("filters", HALF) is None else config


def _once(stage, calls):
    if len(calls) > 1:
        raise ValueError(
            f"`HS3Fuse` expects stages that the network computes once. Received: {stage!r}, which it computes "
            f"{len(calls)} times. Name one of them, such as {call_names(stage, len(calls))[0]}."
        )
    return calls[0]


def _fused_logits(tree, scores, counts, filters, dropout, classified, *maps):
    """Builds the blocks of all stages on their maps, and the classifier on the map that the network classifies."""
    channels = classified.shape[-1]
    filters = {HALF: channels // 2, SAME: channels}.get(filters, filters)
    stage_maps = list(zip(counts, maps))
    blocks = []
    for i, (stage, x) in enumerate(reversed(stage_maps)):
        block_filters = max(filters // 2**i, 2)
        logits = stage_logits(x, counts[stage], stage)
        prefix = stage_prefix(stage)
        x = conv_norm_relu(x, block_filters, 3, f"{prefix}_pixels")
        x = object_context(x, logits, block_filters, block_filters // 2, dropout, prefix=f"{prefix}_")
        blocks.append(ResizeTo(name=f"{prefix}_enlarge_features")([x, classified]))
    x = layers.Concatenate(name="fuse")([classified, *blocks])
    x = conv_norm_relu(x, channels, 1, "fused")
    return logits_head(x, tree, scores, name="fused_logits")
