"""HS3: supervision of intermediate stages on clusters of the classes."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from hierseg_keras.clustering.stage_counts import count_confusions, mean_embeddings
from hierseg_keras.clustering.stage_search import search_stages
from hierseg_keras.decoding import best_path
from hierseg_keras.losses import HierarchicalCrossentropy
from hierseg_keras.models.compiled_loss import LOGITS
from hierseg_keras.models.configuration.saved_config import remember_arguments
from hierseg_keras.models.graph.functional import functional
from hierseg_keras.models.graph.model_scores import scores_of
from hierseg_keras.models.heads.stage_heads import open_stages, stage_logits, stage_prefix, tree_of_network
from hierseg_keras.models.layers.resize_to import ResizeTo
from hierseg_keras.models.wrappers.hs3_fuse import HS3Fuse
from hierseg_keras.models.wrappers.stage_clusters import cluster_of_nodes, clusters_of_stages
from hierseg_keras.models.wrappers.training_wrapper import TrainingWrapper
from hierseg_keras.tree import ClassTree, check_ignore_class
from hierseg_keras.tree.labels import label_codes

# Of a label that says nothing about a stage's clusters.
_UNKNOWN = -1


@keras.saving.register_keras_serializable("hierseg_keras")
class HS3(TrainingWrapper):
    """Supervises intermediate stages of a network on clusters of the classes.

    Each named stage gets a small head (1x1 convolution, batch normalization, ReLU, 1x1 convolution)
    that classifies its map into clusters of the classes. The heads exist only during training. Their
    crossentropies are added to the compiled loss:

    ```
    L = L_final + sum over stages i of gamma_i * L_i on the clusters of stage i
    ```

    The clusters are derived from each stage's confusion matrix under full supervision. This takes two
    phases, and the second starts from a new network:

        deep = HS3(network, stages=("stage2", "stage3"))          # all classes everywhere
        deep.fit(reduced); found = deep.search(analysis)
        model = HS3(another, stages=("stage2", "stage3"), clusters=[f.clustering() for f in found.values()])
        model.fit(train)

    `fit`, `evaluate`, `predict` and `save` are Keras's own. The attribute `inference_model` is the
    network without the heads, which `export` writes. Without `fuse` it is `segmenter` itself.

    Args:
        segmenter: Functional `keras.Model` with a class tree: a network of ours, or a
            `TreeSegmenter`.
        stages: Names of the layers to supervise; `"backbone/layer2"` names a layer inside a layer. The
            output of a layer is a map or, as for HRNet's `stage2`, a list of maps, which are enlarged to
            the first of them and concatenated.
        clusters: The clusters of the tree's leaves, one entry per stage: `(L,)` integers; a `ClassTree`
            of the same leaves whose top classes are the clusters, such as one read from a file; or
            an integer, a level of the network's own tree. `None` (the default) makes every class a
            cluster of its own, which is deep supervision.
        weights: `gamma_i`, one per stage, or one for all. Defaults to 0.4.
        fuse: Whether to fuse the stages into a new head of the network, as `HS3Fuse` does. The stages are
            part of the inference model then.
        filters: As in `HS3Fuse`.
        ignore_class: Integer label of pixels to exclude. Defaults to 255.
        name: Name of the model.

    Call arguments:
        image: As the segmenter takes it.
        training: Boolean.

    Returns:
        The logits of `segmenter`. In training, a dict: `{"logits": ..., stage: (B, H, W, clusters)}`, and
        the auxiliary logits of a network that has some, whose losses are added.

    Raises:
        TypeError: If `segmenter` is not a functional model.
        ValueError: If it has no tree, a stage is not one of its layers, or an argument has another value.

    Example:

    >>> tree = hs.ClassTree.load("camvid")
    >>> network = hs.models.HRNet(tree, width=4, num_modules=(1, 1, 1), num_blocks=1)
    >>> model = hs.models.HS3(network, stages=("stage2", "stage3"), clusters=[2, 1])
    >>> {name: x.shape[-1] for name, x in model(np.zeros((1, 32, 32, 3)), training=True).items()}
    {'logits': 18, 'stage2': 7, 'stage3': 11}

    Reference:
        [Borse et al., HS3, BMVC 2021](https://arxiv.org/abs/2111.02333), equation 1. A label at an
        internal node supervises a stage where all its leaves are in one cluster.
    """

    def __init__(
        self,
        segmenter: keras.Model,
        stages: Sequence[str],
        clusters: Sequence | None = None,
        weights: float | Sequence[float] = 0.4,
        fuse: bool = False,
        filters: int | None = None,
        ignore_class: int = 255,
        name: str | None = None,
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        segmenter = functional("HS3", segmenter)
        tree = tree_of_network("HS3", segmenter)
        meaning = scores_of(segmenter, "HS3")
        self.clusters = clusters_of_stages("HS3", tree, stages, clusters)
        stages = tuple(self.clusters)
        weights = [weights] * len(stages) if np.ndim(weights) == 0 else list(weights)
        if len(weights) != len(stages) or min(weights) < 0:
            raise ValueError(f"`HS3` expects `weights` >= 0, one per stage. Received: weights={weights} of {stages}.")
        arguments = {
            "segmenter": segmenter,
            "stages": stages,
            "clusters": [stage_clusters.tolist() for stage_clusters in self.clusters.values()],
            "weights": weights,
            "fuse": fuse,
            "filters": filters,
            "ignore_class": ignore_class,
        }
        remember_arguments(self, arguments)

        # === Networks ===
        self.auxiliary_weights = dict(getattr(segmenter, "auxiliary_weights", {}))
        if fuse:
            self.inference_model = HS3Fuse(segmenter, stages, self.clusters.values(), filters)
            logits = [f"{stage_prefix(stage)}_logits" for stage in stages]
            answers, heads = open_stages(self.inference_model, logits)
        else:
            self.inference_model = segmenter
            answers, maps = open_stages(segmenter, stages)
            heads = {stage: stage_logits(x, int(self.clusters[stage].max()) + 1, stage) for stage, x in maps.items()}
        image = segmenter.inputs[0]
        for stage, x in zip(stages, heads.values()):
            enlarge = ResizeTo(dtype="float32", name=f"{stage_prefix(stage)}_enlarge_logits")
            answers = {**answers, stage: enlarge([x, image])}
        self.training_model = keras.Model(image, answers, name="training_model")
        self.built = True

        # === Losses ===
        self.weights_of = dict(zip(stages, weights))
        self._stage_losses = {stage: _crossentropy(self.clusters[stage]) for stage in stages}
        self._stage_tables = {stage: _label_table(tree, self.clusters[stage]) for stage in stages}
        self.trackers = {stage: keras.metrics.Mean(stage) for stage in stages}

        self.tree = tree
        self.scores, self.from_logits = meaning.kind, True if fuse else meaning.from_logits
        self.stages = stages
        self.ignore_class = check_ignore_class("HS3", tree, ignore_class)

    def call(self, image, training=False):
        return (self.training_model if training else self.inference_model)(image, training=training)

    # === Train ===

    def further_losses(self, y, y_pred, sample_weight):
        labels, losses = self.stage_labels(y, y_pred[LOGITS]), self._stage_losses
        return {
            stage: (losses[stage](labels[stage], y_pred[stage], sample_weight), weight)
            for stage, weight in self.weights_of.items()
        }

    def stage_labels(self, y, y_pred):
        """Reads labels as those of each stage's clusters.

        Args:
            y: Node labels, `(B, H, W)` or `(B, H, W, 1)`.
            y_pred: A prediction of their size, `(B, H, W, C)`.

        Returns:
            Dict from each stage to int32 `(B, H, W)`: clusters; -1 where a label says nothing about them; and the
            number of clusters where it is no label of the tree.
        """
        codes = label_codes("HS3", self.tree, self.ignore_class, y, y_pred)
        # Behind the nodes' rows of a table stand that of `IGNORED`, -1, and that of `OUTSIDE`, -2.
        place = ops.where(codes >= 0, codes, self.tree.num_nodes - 1 - codes)
        return {stage: ops.take(table, place, axis=0) for stage, table in self._stage_tables.items()}

    # === Search ===

    def confusions(self, data):
        """Computes the confusion matrix of each stage in one pass over data.

        Args:
            data: Batches of images and labels, such as a `tf.data.Dataset`, that the network was not
                trained on. Only pixels labeled with leaves are counted.

        Returns:
            Dict from each stage, and `"logits"`, to counts of labels by predictions, `(L, L)` int64.

        Raises:
            ValueError: If a stage is supervised on fewer than all classes, or there are no batches.
        """
        num_leaves = self.tree.num_leaves
        for stage, clusters in self.clusters.items():
            if clusters.max() + 1 < num_leaves:
                raise ValueError(
                    f"`confusions` expects all {num_leaves} classes at every stage, as `clusters=None` makes them. "
                    f"Received: {clusters.max() + 1} clusters at {stage!r}."
                )
        counts = count_confusions(map(self._predicted_leaves, data), num_leaves)
        if not counts:
            raise ValueError("`confusions` expects batches of images and labels. Received: none.")
        return counts

    def _predicted_leaves(self, batch):
        image, label, *_ = batch
        answers = self.training_model.predict_on_batch(image)
        final, _ = best_path(self.tree, answers[LOGITS], self.scores, self.from_logits)
        predictions = {stage: answers[stage].argmax(axis=-1) for stage in self.stages}
        return self._leaf_labels(label, answers[LOGITS]), {**predictions, LOGITS: ops.convert_to_numpy(final)}

    def predict_stages(self, image):
        """Predicts the cluster of each pixel at each stage.

        Args:
            image: As `segmenter` takes it.

        Returns:
            Dict from each stage to `(B, H, W)` int64, of the clusters in `clusters[stage]`.
        """
        answers = self.training_model.predict_on_batch(image)
        return {stage: answers[stage].argmax(axis=-1) for stage in self.stages}

    def class_embeddings(self, data):
        """Computes the mean features of each class at each stage.

        Features are the input of the last convolution of the stage's head. A labeled pixel has the
        features of the pixel of the map that it lies in.

        Args:
            data: As in `confusions`.

        Returns:
            Dict from each stage to `(L, C)` float64; NaN for a class without a pixel.
        """
        heads = {stage: f"{stage_prefix(stage)}_head_relu" for stage in self.stages}
        maps = {stage: self.training_model.get_layer(head).output for stage, head in heads.items()}
        features = keras.Model(self.training_model.input, maps)
        batches = ((self._leaf_labels(label, image), features.predict_on_batch(image)) for image, label, *_ in data)
        return mean_embeddings(batches, self.tree.num_leaves)

    def _leaf_labels(self, label, y_pred):
        """Node indices `(B, H, W)` as a NumPy array, negative where there is none."""
        return ops.convert_to_numpy(label_codes("HS3", self.tree, self.ignore_class, label, y_pred))

    def search(self, data, method="spectral"):
        """Finds the clusters of each stage for every number of clusters, and the stage's mIoU on them.

        Args:
            data: As in `confusions`.
            method: `"spectral"` (the default), spectral clustering of the confusion matrix, or
                `"kmeans"`, k-means of `class_embeddings`.

        Returns:
            Dict from each stage to its `clustering.TradeOff`, whose `clustering(theta)` is what
            `clusters` takes.

        Raises:
            ValueError: As in `confusions`, or if fewer than 3 classes are labeled.
        """
        if method not in ("spectral", "kmeans"):
            raise ValueError(f'`search` expects `method` "spectral" or "kmeans". Received: method={method!r}.')
        counts = self.confusions(data)
        reference = counts.pop(LOGITS)
        return search_stages(counts, reference, self.class_embeddings(data) if method == "kmeans" else None)


def _crossentropy(clusters):
    """The flat crossentropy, by the loss of a tree without families."""
    flat = ClassTree([f"cluster {i}" for i in range(clusters.max() + 1)])
    return HierarchicalCrossentropy(flat, ignore_class=_UNKNOWN)


def _label_table(tree, clusters):
    """Each node's cluster; behind them what an ignored label stands for, and what is no label, which is no cluster."""
    return np.array([*cluster_of_nodes(tree, clusters, _UNKNOWN), _UNKNOWN, clusters.max() + 1], "int32")
