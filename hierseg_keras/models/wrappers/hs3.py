"""HS3: supervision of intermediate stages on clusters of the classes."""

from collections.abc import Iterable, Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from hierseg_keras.clustering import TradeOff
from hierseg_keras.clustering.stage_counts import count_confusions, mean_embeddings, mean_regions
from hierseg_keras.clustering.stage_search import search_stages
from hierseg_keras.decoding import best_path
from hierseg_keras.losses import HierarchicalCrossentropy
from hierseg_keras.losses.weights import is_not_negative
from hierseg_keras.models.compiled_loss import LOGITS
from hierseg_keras.models.configuration.dtype_policies import scale_loss_for
from hierseg_keras.models.configuration.saved_config import remember_arguments
from hierseg_keras.models.graph.functional import functional
from hierseg_keras.models.graph.layer_outputs import call_names, layer_outputs
from hierseg_keras.models.graph.model_scores import scores_of
from hierseg_keras.models.graph.shared_layers import SharedLayers
from hierseg_keras.models.heads.stage_heads import open_stages, stage_logits, stage_prefix, tree_of_network
from hierseg_keras.models.layers.batch_norms import synchronize
from hierseg_keras.models.layers.resize_to import ResizeTo
from hierseg_keras.models.wrappers.hs3_fuse import HALF, HS3Fuse, check_filters, with_named_filters
from hierseg_keras.models.wrappers.stage_clusters import cluster_of_nodes, clusters_of_stages
from hierseg_keras.models.wrappers.training_wrapper import TrainingWrapper
from hierseg_keras.tree import ClassTree, check_ignore_class
from hierseg_keras.tree.labels import label_codes
from hierseg_keras.tree.ops import softmax
from hierseg_keras.tree.tensor import Tensor

# Stands for a label that does not determine the stage's cluster. The losses of stages ignore it.
_UNKNOWN = -1
# The embeddings of classes for k-means, and the ends of the names of the layers that they come from.
REGIONS, FEATURES = "regions", "features"
_EMBEDDING_LAYERS = {REGIONS: "_regions", FEATURES: "_head_relu"}


@keras.saving.register_keras_serializable("hierseg_keras")
class HS3(TrainingWrapper):
    """Supervises intermediate stages of a network on clusters of the classes.

    Each named stage gets a small head (1x1 convolution, batch normalization, ReLU, 1x1 convolution)
    that classifies its map into clusters of the classes. The heads exist only during training. Their
    crossentropies are added to the compiled loss:

    ```
    L = L_final + sum over stages i of gamma_i * L_i on the clusters of stage i
    ```

    The clusters are derived from each stage's confusion matrix after training with all classes at every
    stage. So there are two trainings, and the second one starts from a new network:

        deep = HS3(network, stages=("stage2", "stage3"))          # all classes at every stage
        deep.compile(...); deep.fit(reduced)
        found = deep.search(analysis)
        model = HS3(another, stages=("stage2", "stage3"), clusters=[f.clustering() for f in found.values()])
        model.compile(...); model.fit(train)

    `compile`, `fit`, `evaluate`, `predict` and `save` work as in Keras. The attribute `inference_model` is
    the network without the heads, and `export` writes it. Without `fuse` it is `segmenter` itself.

    Args:
        segmenter: Functional `keras.Model` with a class tree: a network of `hs.models`, or a
            `TreeSegmenter`.
        stages: Names of the layers to supervise, in the order of the network. `"backbone/layer2"` names a layer inside
            the model `backbone`. If a layer outputs a list of maps, as HRNet's `stage2` does, they are enlarged to the
            size of the first one and concatenated. If the network calls a layer several times, as
            `HRNetOCRScaleAttention` does once per scale, its calls share one head, whose loss is the mean over the
            calls; `"trunk/stage2[0]"` supervises only the first call.
        clusters: The clusters of the tree's leaves, one entry per stage. An entry is `(L,)` integers; a
            `ClassTree` with the same leaves, whose top classes are the clusters; or an integer, a level of
            the network's tree. Defaults to `None`, which makes every leaf its own cluster (deep
            supervision).
        weights: Weights `gamma_i`, one per stage, or one number for all stages. Defaults to 0.4. The paper
            does not give its weights: 0.4 is this library's choice, the weight of auxiliary losses in OCR.
        fuse: Whether to fuse the stages into a new head of the network, as `HS3Fuse` does. The heads of
            the stages then remain in the inference model. Defaults to `False`.
        filters: As in `HS3Fuse`. Not used without `fuse`.
        ignore_class: Integer label of pixels to exclude. Defaults to 255.
        name: Name of the model.

    Call arguments:
        image: Images, as `segmenter` expects them.
        training: Whether to return the logits of the stages too. Defaults to `False`.

    Returns:
        The scores of `segmenter`. In training, a dict: `{"logits": ..., stage: (B, H, W, clusters)}`
        (`"stage[0]"` and so on for a stage that the network computes several times),
        and the auxiliary logits of `segmenter` if it has any, whose losses are added as well.

    Raises:
        TypeError: If `segmenter` is not a functional model.
        ValueError: If `segmenter` has no tree; if `stages` is empty, has duplicates, or names a layer that
            `segmenter` does not have; if `clusters` or `weights` does not have one valid entry per stage;
            if a weight is negative; or if `ignore_class` is a node index.

    Example:

    >>> tree = hs.ClassTree.load("camvid")
    >>> network = hs.models.HRNet(tree, width=4, num_modules=(1, 1, 1), num_blocks=1)
    >>> model = hs.models.HS3(network, stages=("stage2", "stage3"), clusters=[2, 1])
    >>> {name: x.shape[-1] for name, x in model(np.zeros((1, 32, 32, 3)), training=True).items()}
    {'logits': 18, 'stage2': 7, 'stage3': 11}

    Reference:
        [Borse et al., HS3, BMVC 2021](https://arxiv.org/abs/2111.02333), equation 1. Left open by
        the paper: the weights of the stages (here 0.4), the form of their heads, and labels at internal nodes (here
        they supervise a stage if all their leaves lie in one cluster of that stage).
    """

    def __init__(
        self,
        segmenter: keras.Model,
        stages: Sequence[str],
        clusters: Sequence | None = None,
        weights: float | Sequence[float] = 0.4,
        fuse: bool = False,
        filters: int | str = HALF,
        ignore_class: int = 255,
        name: str | None = None,
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        segmenter = functional("HS3", segmenter)
        scale_loss_for(self, segmenter)
        tree = tree_of_network("HS3", segmenter)
        meaning = scores_of(segmenter, "HS3")
        self.clusters = clusters_of_stages("HS3", tree, stages, clusters)
        stages = tuple(self.clusters)
        weights = [weights] * len(stages) if np.ndim(weights) == 0 else list(weights)
        if len(weights) != len(stages) or not all(map(is_not_negative, weights)):
            raise ValueError(
                f"`HS3` expects `weights` >= 0, one per stage. Received: weights={weights} for the stages {stages}."
            )
        check_filters("HS3", filters)
        arguments = {
            "segmenter": segmenter,
            "stages": stages,
            "clusters": [assignment.tolist() for assignment in self.clusters.values()],
            "weights": weights,
            "fuse": fuse,
            "filters": filters,
            "ignore_class": ignore_class,
        }
        remember_arguments(self, arguments)

        # === Networks ===
        self.auxiliary_weights = dict(getattr(segmenter, "auxiliary_weights", {}))
        self.flat_auxiliary = tuple(getattr(segmenter, "flat_auxiliary", ()))
        if fuse:
            self.inference_model = HS3Fuse(segmenter, stages, self.clusters.values(), filters)
            layers = [f"{stage_prefix(stage)}_logits" for stage in stages]
            answers, logits = open_stages(self.inference_model, layers)
            logits = dict(zip(stages, logits.values()))
        else:
            self.inference_model = segmenter
            answers, maps = open_stages(segmenter, stages)
            logits = {stage: self._head_logits(stage, calls) for stage, calls in maps.items()}
        image = segmenter.inputs[0]
        self.calls = {stage: call_names(stage, len(calls)) for stage, calls in logits.items()}
        names = [name for calls in self.calls.values() for name in calls]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(
                f"`HS3` expects stages that do not overlap. Received: stages={stages}, which contain {repeated[0]} "
                "more than once."
            )
        for stage, calls in logits.items():
            enlarge = ResizeTo(dtype="float32", name=f"{stage_prefix(stage)}_enlarge_logits")
            answers = answers | {name: enlarge([x, image]) for name, x in zip(self.calls[stage], calls)}
        self.training_model = keras.Model(image, answers, name="training_model")
        if getattr(segmenter, "synchronized_batch_norm", False):
            synchronize(self.training_model, True)
        self.built = True

        # === Losses ===
        self.weights_of = dict(zip(stages, weights))
        self._stage_losses = {stage: _crossentropy(assignment) for stage, assignment in self.clusters.items()}
        self._stage_tables = {stage: _label_table(tree, assignment) for stage, assignment in self.clusters.items()}
        self.trackers = {stage: keras.metrics.Mean(stage) for stage in stages}

        self.fuse, self.tree = fuse, tree
        self.scores, self.from_logits = meaning.kind, True if fuse else meaning.from_logits
        self.stages = stages
        self.ignore_class = check_ignore_class("HS3", tree, ignore_class)

    def call(self, image: Tensor, training: bool = False) -> Tensor | dict[str, Tensor]:
        return (self.training_model if training else self.inference_model)(image, training=training)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return super().from_config(with_named_filters(config))

    # === Train ===

    @property
    def further_ignore_class(self) -> int:
        return self.ignore_class

    def further_losses(
        self, y: Tensor, y_pred: dict[str, Tensor], sample_weight: Tensor | None
    ) -> dict[str, tuple[Tensor, float]]:
        labels, losses = self.stage_labels(y, y_pred[LOGITS]), self._stage_losses
        found = {}
        for stage, weight in self.weights_of.items():
            calls = [losses[stage](labels[stage], y_pred[name], sample_weight) for name in self.calls[stage]]
            found[stage] = (sum(calls) / len(calls), weight)
        return found

    def _head_logits(self, stage, calls):
        """Builds a stage's head on its maps, one per call of its layer."""
        num_clusters = int(self.clusters[stage].max()) + 1
        return list(map(SharedLayers(lambda x: stage_logits(x, num_clusters, stage)), calls))

    def stage_labels(self, y: ArrayLike, y_pred: ArrayLike) -> dict[str, Tensor]:
        """Converts labels to the clusters of each stage.

        Args:
            y: Node labels, `(B, H, W)` or `(B, H, W, 1)`.
            y_pred: A prediction of the same size, `(B, H, W, C)`.

        Returns:
            Dict from each stage to an int32 tensor, `(B, H, W)`, of clusters in `clusters[stage]`. It is -1 for
            `ignore_class`, and for an internal node whose leaves lie in several clusters. For a label outside the
            tree it is the number of clusters, which the loss treats as invalid.
        """
        codes = label_codes("HS3", self.tree, self.ignore_class, y, y_pred)
        # In each table, the rows for `IGNORED`, -1, and `OUTSIDE`, -2, follow those of the nodes.
        place = ops.where(codes >= 0, codes, self.tree.num_nodes - 1 - codes)
        return {stage: ops.take(table, place, axis=0) for stage, table in self._stage_tables.items()}

    # === Search ===

    def confusions(self, data: Iterable[Sequence]) -> dict[str, np.ndarray]:
        """Computes the confusion matrix of each stage in one pass over a data set.

        Args:
            data: Batches `(image, label)` that the network was not trained on, such as a
                `tf.data.Dataset`. Only pixels labeled with leaves are counted. The counts of a stage that the
                network computes several times are summed.

        Returns:
            Dict from each stage, and `"logits"` for the final output, to a confusion matrix, `(L, L)`
            int64: labels in rows, predictions in columns.

        Raises:
            ValueError: If a stage has fewer clusters than classes, or there are no batches.
        """
        self._check_all_classes("confusions")
        counts = count_confusions(map(self._predicted_leaves, data), self.tree.num_leaves)
        if not counts:
            raise ValueError("`confusions` expects at least one batch of images and labels. Received: no batches.")
        of_stages = {stage: sum(counts[name] for name in names) for stage, names in self.calls.items()}
        return {**of_stages, LOGITS: counts[LOGITS]}

    def _check_all_classes(self, method):
        num_leaves = self.tree.num_leaves
        for stage, clusters in self.clusters.items():
            if clusters.max() + 1 < num_leaves:
                raise ValueError(
                    f"`{method}` expects all {num_leaves} classes at every stage. Received: {clusters.max() + 1} "
                    f"clusters at {stage!r}. Make the model with clusters=None, and train it."
                )

    def _predicted_leaves(self, batch):
        image, label, *_ = batch
        answers = self.training_model.predict_on_batch(np.asarray(image))
        final, _ = best_path(self.tree, answers[LOGITS], self.scores, self.from_logits)
        names = [name for names in self.calls.values() for name in names]
        predictions = {name: answers[name].argmax(axis=-1) for name in names}
        return self._leaf_labels(label, answers[LOGITS]), {**predictions, LOGITS: ops.convert_to_numpy(final)}

    def predict_stages(self, image: ArrayLike) -> dict[str, np.ndarray]:
        """Predicts the cluster of each pixel at each stage.

        Args:
            image: Images, as `segmenter` expects them.

        Returns:
            Dict from each stage to an int64 array, `(B, H, W)`, of clusters in `clusters[stage]`. Of a stage that the
            network computes several times, the probabilities are averaged.
        """
        answers = self.training_model.predict_on_batch(np.asarray(image))
        return {stage: _scores_of_calls(answers, names).argmax(axis=-1) for stage, names in self.calls.items()}

    def class_embeddings(self, data: Iterable[Sequence], kind: str | None = None) -> dict[str, np.ndarray]:
        """Computes one embedding of each leaf at each stage.

        Args:
            data: As in `confusions`.
            kind: `"regions"` for the region representations of the stage's object-contextual block, which exist
                with `fuse=True` and all classes at every stage: the mean over the images in which the leaf is
                labeled. `"features"` for the mean, over the leaf's pixels, of the input of the last convolution of
                the stage's head. Each pixel takes the features of the cell of the feature map that covers it.
                Defaults to `"regions"` with `fuse`, and to `"features"` without.

        Returns:
            Dict from each stage to a float64 array, `(L, C)`. Rows of leaves without a pixel are NaN. Of a stage that
            the network computes several times, the embeddings are averaged.

        Raises:
            ValueError: If `kind` is unknown; if there are no batches; or if it is `"regions"` and the stages have no
                block, or fewer clusters than classes.
        """
        kind = (REGIONS if self.fuse else FEATURES) if kind is None else kind
        self._check_embeddings(kind)
        layers = {stage: stage_prefix(stage) + _EMBEDDING_LAYERS[kind] for stage in self.stages}
        _, maps = layer_outputs(self.training_model, layers.values())
        names = {stage: call_names(stage, len(maps[layer])) for stage, layer in layers.items()}
        outputs = {name: x for stage, layer in layers.items() for name, x in zip(names[stage], maps[layer])}
        embedded = keras.Model(self.training_model.input, outputs)
        batches = (
            (self._leaf_labels(label, image), embedded.predict_on_batch(np.asarray(image))) for image, label, *_ in data
        )
        means = (mean_regions if kind == REGIONS else mean_embeddings)(batches, self.tree.num_leaves)
        if not means:
            raise ValueError(
                "`class_embeddings` expects at least one batch of images and labels. Received: no batches."
            )
        return {stage: np.mean([means[name] for name in calls], axis=0) for stage, calls in names.items()}

    def _check_embeddings(self, kind):
        if kind not in _EMBEDDING_LAYERS:
            raise ValueError(f"`HS3` expects embeddings of {' or '.join(_EMBEDDING_LAYERS)}. Received: {kind!r}.")
        if kind == REGIONS and not self.fuse:
            raise ValueError(
                "`HS3` expects `fuse=True` for embeddings of regions, because only then stages have regions. Received: "
                'fuse=False. Make the model with fuse=True, or use embeddings="features".'
            )
        if kind == REGIONS:
            self._check_all_classes("class_embeddings")

    def _leaf_labels(self, label, y_pred):
        """Node indices `(B, H, W)` as a NumPy array, negative where there is none."""
        return ops.convert_to_numpy(label_codes("HS3", self.tree, self.ignore_class, label, y_pred))

    def search(
        self, data: Iterable[Sequence], method: str = "spectral", embeddings: str | None = None
    ) -> dict[str, TradeOff]:
        """Finds the clusters of each stage for every number of clusters, and the stage's mIoU on them.

        Args:
            data: As in `confusions`. With `method="kmeans"` it is read twice.
            method: `"spectral"` for spectral clustering of the confusion matrix, or `"kmeans"` for
                k-means on `class_embeddings`. Defaults to `"spectral"`.
            embeddings: The `kind` of `class_embeddings` for k-means. Not used otherwise.

        Returns:
            Dict from each stage to its `clustering.TradeOff`. Call `clustering(theta)` of each, and pass the
            results as `clusters` of a new `HS3`.

        Raises:
            ValueError: If `method` is unknown or fewer than 3 classes are labeled, and under the
                conditions of `confusions`.
        """
        if method not in ("spectral", "kmeans"):
            raise ValueError(f'`search` expects `method` "spectral" or "kmeans". Received: method={method!r}.')
        counts = self.confusions(data)
        reference = counts.pop(LOGITS)
        return search_stages(counts, reference, self.class_embeddings(data, embeddings) if method == "kmeans" else None)


def _scores_of_calls(answers, names):
    """Returns the logits of one call of a stage, or the sum of the probabilities of several."""
    if len(names) == 1:
        return answers[names[0]]
    return sum(ops.convert_to_numpy(softmax(answers[name])) for name in names)


def _crossentropy(clusters):
    """Makes the crossentropy of a stage: the loss of a tree whose leaves are the clusters."""
    flat = ClassTree([f"cluster {i}" for i in range(clusters.max() + 1)])
    return HierarchicalCrossentropy(flat, ignore_class=_UNKNOWN)


def _label_table(tree, clusters):
    """Returns the table from labels to clusters, `(V + 2,)`, in which `stage_labels` looks up labels.

    After the nodes it has an entry for `ignore_class`, and one for labels outside the tree. The latter is
    not a cluster, so that the loss detects the invalid label.
    """
    return np.array([*cluster_of_nodes(tree, clusters, _UNKNOWN), _UNKNOWN, clusters.max() + 1], "int32")
