"""HS3-Fuse: a network whose head sees what its supervised stages see."""

from collections.abc import Sequence

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
    """Fuses a network's stages into its head, each through a block that knows the stage's classes.

    Each stage's map is segmented into the stage's clusters of classes, and these make the regions of
    a block of object-contextual representations, of half the channels of the next stage's. What the
    blocks give is joined with the map that the network classifies, and classified anew.

    The stages' own logits are trained by `HS3`, which makes this network where it is asked to fuse:
    `HS3(network, stages, clusters, fuse=True)`.

    Layers by name: `{stage}_logits`, `{stage}_regions`, `fused_relu` (what is classified) and
    `logits`; and those of the network.

    Args:
        segmenter: Functional `keras.Model` with a class tree, which ends in a 1x1 convolution, but
            for resizing and activations.
        stages, clusters: As `HS3`'s; the stages in the order of the network.
        filters: Channels of the last stage's block, twice those of the stage's before, and so
            on. Defaults to half those of the map that the network classifies.
        dropout: Share of each block's channels dropped. Defaults to 0.05.
        name: Name of the model. Defaults to the segmenter's.

    Call arguments:
        image: As the segmenter takes it.

    Returns:
        Float32 logits, `(B, H, W, V)` or `(B, H, W, L)`, whatever the precision inside; in
        training a dict where the segmenter gives one.

    Raises:
        TypeError: If the network is none of Keras's functional ones.
        ValueError: If its classifier is not found, or an argument has another value.

    Example:

    >>> tree = hs.ClassTree.load("camvid")
    >>> network = hs.models.HRNet(tree, width=4, num_modules=(1, 1, 1), num_blocks=1)
    >>> model = hs.models.HS3Fuse(network, ("stage2", "stage3"), clusters=[2, 1], filters=8)
    >>> tuple(model(np.zeros((1, 32, 48, 3))).shape)
    (1, 32, 48, 18)

    Reference:
        [Borse et al., HS3, BMVC 2021](https://arxiv.org/abs/2111.02333), section 3.2 and figure 3.
        The lighter version has fewer `filters`, here and in the network's own head.
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
        seen = []
        for i, stage in enumerate(reversed(stages)):
            channels = max(filters // 2**i, 2)
            logits = stage_logits(maps[stage], int(clusters[stage].max()) + 1, stage)
            prefix = stage_prefix(stage)
            x = conv_norm_relu(maps[stage], channels, 3, f"{prefix}_pixels")
            x = object_context(x, logits, channels, channels // 2, dropout, prefix=f"{prefix}_")
            seen.append(ResizeTo(name=f"{prefix}_enlarge_features")([x, classified]))
        x = layers.Concatenate(name="fuse")([classified, *seen])
        x = conv_norm_relu(x, classified.shape[-1], 1, "fused")
        logits = logits_head(x, tree, scores, name="fused_logits")
        logits = ResizeTo(dtype="float32", name="enlarge_fused_logits")([logits, image])
        weights = getattr(segmenter, "auxiliary_weights", {})
        auxiliary = {key: (answers[key], weight) for key, weight in weights.items()}
        arguments = {
            "segmenter": segmenter,
            "stages": stages,
            "clusters": [stage_clusters.tolist() for stage_clusters in clusters.values()],
            "filters": filters,
            "dropout": dropout,
        }
        super().__init__(image, logits, tree, scores, arguments, auxiliary, name or segmenter.name, **kwargs)

    def get_config(self):
        config = super().get_config()
        # Those of the segmenter.
        del config["tree"], config["scores"]
        return config
