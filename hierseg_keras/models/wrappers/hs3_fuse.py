"""HS3-Fuse: fusion of the features of supervised stages into a network's head."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from hierseg_keras.models.compiled_loss import LOGITS
from hierseg_keras.models.configuration.check_counts import check_counts
from hierseg_keras.models.graph.classifier_input import classifier_input
from hierseg_keras.models.graph.model_scores import scores_of
from hierseg_keras.models.heads.logits_head import logits_head
from hierseg_keras.models.heads.object_context import object_context
from hierseg_keras.models.heads.stage_heads import open_stages, stage_logits, stage_prefix, tree_of_network
from hierseg_keras.models.layers.conv_norm_relu import conv_norm_relu
from hierseg_keras.models.layers.resize_to import ResizeTo
from hierseg_keras.models.tree_network import TreeNetwork
from hierseg_keras.models.wrappers.stage_clusters import clusters_of_stages


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
            one. Defaults to half the channels of the map that the network classifies.
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
            invalid for `HS3`; or if `filters` is not a positive integer.

    Example:

    >>> tree = hs.ClassTree.load("camvid")
    >>> network = hs.models.HRNet(tree, width=4, num_modules=(1, 1, 1), num_blocks=1)
    >>> model = hs.models.HS3Fuse(network, ("stage2", "stage3"), clusters=[2, 1], filters=8)
    >>> tuple(model(np.zeros((1, 32, 48, 3))).shape)
    (1, 32, 48, 18)

    Reference:
        [Borse et al., HS3, BMVC 2021](https://arxiv.org/abs/2111.02333), section 3.2 and figure 3. The
        paper's lighter version has fewer `filters`, here and in the head of `segmenter`.
    """

    def __init__(
        self,
        segmenter: keras.Model,
        stages: Sequence[str],
        clusters: Sequence | None = None,
        filters: int | None = None,
        dropout: float = 0.05,
        name: str | None = None,
        **kwargs,
    ):
        tree = tree_of_network("HS3Fuse", segmenter)
        scores = scores_of(segmenter, "HS3Fuse").kind
        clusters = clusters_of_stages("HS3Fuse", tree, stages, clusters)
        stages = tuple(clusters)
        image = segmenter.inputs[0]
        answers, maps = open_stages(segmenter, stages)
        classified = classifier_input(keras.Model(image, answers[LOGITS], name=segmenter.name))
        filters = classified.shape[-1] // 2 if filters is None else filters
        check_counts("HS3Fuse", filters=filters)

        # === Functional Model ===
        blocks = []
        for i, stage in enumerate(reversed(stages)):
            block_filters = max(filters // 2**i, 2)
            logits = stage_logits(maps[stage], int(clusters[stage].max()) + 1, stage)
            prefix = stage_prefix(stage)
            x = conv_norm_relu(maps[stage], block_filters, 3, f"{prefix}_pixels")
            x = object_context(x, logits, block_filters, block_filters // 2, dropout, prefix=f"{prefix}_")
            blocks.append(ResizeTo(name=f"{prefix}_enlarge_features")([x, classified]))
        x = layers.Concatenate(name="fuse")([classified, *blocks])
        x = conv_norm_relu(x, classified.shape[-1], 1, "fused")
        logits = logits_head(x, tree, scores, name="fused_logits")
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

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        # The constructor takes the tree and scores of the segmenter instead.
        del config["tree"], config["scores"]
        return config
