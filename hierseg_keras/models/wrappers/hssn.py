"""HSSN: a training objective for any segmentation network."""

import inspect
from typing import Literal

import keras

from hierseg_keras.losses import TreeTriplet
from hierseg_keras.losses.objectives import objectives
from hierseg_keras.models.compiled_loss import LOGITS
from hierseg_keras.models.configuration.saved_config import remember_arguments
from hierseg_keras.models.graph.classifier_input import embedding_of
from hierseg_keras.models.graph.functional import functional
from hierseg_keras.models.wrappers.cosine_weight import CosineWeight
from hierseg_keras.models.wrappers.training_wrapper import TrainingWrapper
from hierseg_keras.models.wrappers.tree_segmenter import TreeSegmenter
from hierseg_keras.tree import ClassTree, as_class_tree

_FIT = inspect.signature(keras.Model.fit)


@keras.saving.register_keras_serializable("hierseg_keras")
class HSSN(TrainingWrapper):
    """Trains a segmentation network with the objective of the HSSN paper.

    HSSN replaces the network's classifier with one logit per tree node and adds the paper's loss: focal
    tree-min, plus a tree-triplet loss on a projection of the embedding (1x1 convolution, ReLU, 1x1
    convolution), which exists only during training:

        L = L_FTM + beta * L_TT

    `L_FTM` is `FocalTreeMin` of the logits and `L_TT` is `TreeTriplet` of the projected embedding.
    `beta` grows from 0 by half a cosine over the planned updates of the optimizer.

    `compile` needs no loss; `fit`, `evaluate`, `predict` and `save` are Keras's own. The attribute
    `inference_model` is the network without its projection. `export` writes this one, and it can be
    saved by itself.

    These are the rows of the paper's tables 5 and 6:

        CCE     HSSN(network, loss="crossentropy", triplet=False)
        BCE     HSSN(network, loss="tree_binary_crossentropy", triplet=False)
        Focal   HSSN(network, loss="focal_binary_crossentropy", triplet=False)
        TM      HSSN(network, loss="tree_min", triplet=False)
        FTM     HSSN(network, loss="focal_tree_min", triplet=False)
        Full    HSSN(network)

    Args:
        segmenter: Functional `keras.Model` from images `(B, H, W, 3)` to scores: a network of
            ours, of KerasCV or KerasHub, or your own. Its layers are used as they are, weights
            included. A network that already has the logits that `loss` takes keeps its classifier.
        tree: `ClassTree`, or its text. Defaults to `segmenter.tree`.
        loss: The loss on the logits: a name, as above; or a loss of `hierseg_keras.losses`, all of which have
            names too (`"hierarchical_crossentropy"`). Crossentropies need leaf logits, the others
            node logits. A loss passed to `compile` replaces it.
        triplet: `True` to train the embedding with the default `TreeTriplet`, `False` not to, or a
            `TreeTriplet`.
        beta: Largest weight of the triplet loss. Defaults to 0.5, the paper's.
        beta_schedule: `"cosine"` (the default), or `"constant"`.
        total_steps: Updates of the optimizer over which `beta` grows. Defaults to the epochs times the
            steps per epoch of `fit`, plus the updates made before.
        features: Name of the layer of `segmenter` whose output is classified. Defaults to the
            input of its last 1x1 convolution.
        embedding: Name of the layer whose output is the embedding. Defaults to the last map of the
            backbone in our networks, and to the input of the head in others.
        projection_filters: Channels of both convolutions of the projection. Defaults to 256.
        ignore_class: Integer label of pixels to exclude. Defaults to 255.
        seed: Seed of the triplets, as in `TreeTriplet`. Not used if `triplet` is a `TreeTriplet`.
        name: Name of the model.

    Call arguments:
        image: As the segmenter takes it.
        training: Boolean.

    Returns:
        Float32 logits, `(B, H, W, V)` or `(B, H, W, L)`. In training with triplets, a dict:
        `{"logits": (B, H, W, V), "embedding": (B, h, w, projection_filters)}`, and the auxiliary
        logits of a network that has some, whose losses are added.

    Raises:
        TypeError: If `segmenter` is not a functional model.
        ValueError: If the classifier of `segmenter` is not found, an argument has another value, or
            `fit` cannot know the number of updates and neither `total_steps` nor a constant `beta` is
            given.

    Example:

    >>> tree = hs.ClassTree.load("street_blocks")
    >>> network = hs.models.DeepLabV3Plus(tree, backbone="resnet18_small", filters=16)
    >>> model = hs.models.HSSN(network)
    >>> model.compile("sgd", metrics=[hs.metrics.LevelMeanIoU(tree)])
    >>> model.count_params() > model.inference_model.count_params()
    True

    Reference:
        [Li et al., Deep Hierarchical Semantic Segmentation, CVPR 2022](
        https://arxiv.org/abs/2203.14335), section 3. In evaluation the loss is that of the logits
        alone. Each step draws its triplets from the seed and the number of the step.
    """

    def __init__(
        self,
        segmenter: keras.Model,
        tree: ClassTree | str | None = None,
        loss: str | keras.losses.Loss = "focal_tree_min",
        triplet: bool | TreeTriplet = True,
        beta: float = 0.5,
        beta_schedule: Literal["cosine", "constant"] = "cosine",
        total_steps: int | None = None,
        features: str | None = None,
        embedding: str | None = None,
        projection_filters: int = 256,
        ignore_class: int = 255,
        seed: int | None = None,
        name: str | None = None,
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        segmenter = functional("HSSN", segmenter)
        if tree is None and getattr(segmenter, "tree", None) is None:
            raise ValueError("`HSSN` expects a `tree`, as `segmenter` has none. Received: tree=None.")
        if not hasattr(loss, "scores") and loss not in tuple(objectives()):
            raise ValueError(
                f"`HSSN` expects `loss` among {tuple(objectives())}, or a loss of `hierseg_keras.losses`. Received: "
                f"loss={loss!r}."
            )
        arguments = {
            "segmenter": segmenter,
            "tree": tree if tree is None else as_class_tree(tree).to_text(),
            "loss": loss,
            "triplet": triplet,
            "beta": beta,
            "beta_schedule": beta_schedule,
            "total_steps": total_steps,
            "features": features,
            "embedding": embedding,
            "projection_filters": projection_filters,
            "ignore_class": ignore_class,
            "seed": seed,
        }
        remember_arguments(self, arguments)
        tree = as_class_tree(segmenter.tree if tree is None else tree)
        scores = (objectives()[loss] if isinstance(loss, str) else loss).scores

        # === Networks ===
        gives_them = features is None and _gives(segmenter, tree, scores)
        self.inference_model = segmenter if gives_them else TreeSegmenter(segmenter, tree, scores, features)
        self.auxiliary_weights = dict(getattr(segmenter, "auxiliary_weights", {}))
        if self.auxiliary_weights and not gives_them:
            raise ValueError(
                "`HSSN` expects a network with auxiliary logits, which are trained too, to be made for the tree and "
                f"`scores={scores!r}`, which loss={loss!r} takes. Received: {segmenter.name!r} with "
                f"scores={segmenter.scores!r}."
            )
        if triplet:
            self.triplet = TreeTriplet(tree, ignore_class=ignore_class, seed=seed) if triplet is True else triplet
            # Held here too, where Keras finds it and carries its state from step to step.
            self.seed_generator = self.triplet.seed_generator
            compared = embedding_of(segmenter, features, embedding)
            self.beta = CosineWeight(beta, beta_schedule, total_steps, name="beta")
            answers = {LOGITS: self.inference_model.output, "embedding": compared}
            if self.auxiliary_weights:
                answers |= segmenter.training_model.output
            self.training_model = keras.Model(self.inference_model.input, answers, name="training_model")
            self.projection = _projection(projection_filters, compared)
            self.trackers = {LOGITS: keras.metrics.Mean(loss if isinstance(loss, str) else loss.name)}
            self.trackers |= {key: keras.metrics.Mean(key) for key in ("tree_triplet", "beta")}
        self.built = True
        self.tree = tree
        self.scores = self.inference_model.scores
        self.logits_loss = loss
        self.ignore_class = ignore_class
        self.has_triplets = bool(triplet)

    def call(self, image, training=False):
        if not (training and self.has_triplets):
            return self.inference_model(image, training=training)
        answers = self.training_model(image, training=True)
        return {**answers, "embedding": self.projection(answers["embedding"])}

    # === Train ===

    def compile(self, optimizer="rmsprop", loss=None, **kwargs):
        """As `keras.Model.compile`; the loss on the logits is the one that the model was made with."""
        if loss is None:
            loss = self.logits_loss
            loss = objectives()[loss](self.tree, ignore_class=self.ignore_class) if isinstance(loss, str) else loss
        super().compile(optimizer, loss=loss, **kwargs)

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)

    def fit(self, *args, **kwargs):
        """As `keras.Model.fit`."""
        options = _FIT.bind(self, *args, **kwargs).arguments
        del options["self"]
        if self.has_triplets:
            given = options.get("callbacks")
            plan = _PlanUpdates(options.get("initial_epoch", 0))
            if isinstance(given, keras.callbacks.CallbackList):
                given.append(plan)
            else:
                given = [given] if isinstance(given, keras.callbacks.Callback) else list(given or [])
                # First, as others may put the network back to where it was when it was interrupted.
                options["callbacks"] = [plan, *given]
        return super().fit(**options)

    def further_losses(self, y, y_pred, sample_weight):
        if not self.has_triplets:
            return {}
        if not self.beta.is_planned:
            raise ValueError(
                "`HSSN` expects to know the planned updates, over which the weight of the triplets grows. Received: "
                'training outside of `fit`. Pass `total_steps`, or `beta_schedule="constant"`, to `HSSN`.'
            )
        # The same triplets at the same step, however often training was interrupted.
        self.triplet.go_to_step(self.beta.num_batches)
        beta = self.beta.next(_accumulation_steps(self.optimizer))
        self.trackers["beta"].update_state(beta)
        return {"tree_triplet": (self.triplet(y, y_pred["embedding"], sample_weight), beta)}


class _PlanUpdates(keras.callbacks.Callback):
    """Tells the triplets' weight how many updates are planned, before the first one."""

    def __init__(self, initial_epoch):
        super().__init__()
        self.initial_epoch = initial_epoch

    def on_train_begin(self, logs=None):
        beta, optimizer = self.model.beta, self.model.optimizer
        accumulation_steps = _accumulation_steps(optimizer)
        done, steps = int(keras.ops.convert_to_numpy(optimizer.iterations)), self.params["steps"]
        if steps is None:
            if not beta.is_planned:
                raise ValueError(
                    "`HSSN` expects data of known length, over whose updates the weight of the triplets grows. "
                    "Received: data of unknown length. Pass `steps_per_epoch` to `fit`, or `total_steps`, or "
                    '`beta_schedule="constant"`, to `HSSN`.'
                )
            steps = 0
        batches = (self.params["epochs"] - self.initial_epoch) * steps
        beta.plan(done, batches // accumulation_steps, accumulation_steps)


def _accumulation_steps(optimizer):
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    return getattr(optimizer, "accumulation_steps", None) or optimizer.gradient_accumulation_steps or 1


def _gives(segmenter, tree, scores):
    """Whether a network's output is what a loss takes already."""
    return getattr(segmenter, "tree", None) == tree and getattr(segmenter, "scores", None) == scores


def _projection(filters, embedding):
    layers = [
        keras.layers.Conv2D(filters, 1, activation="relu", name="projection_1"),
        keras.layers.Conv2D(filters, 1, dtype="float32", name="projection_2"),
    ]
    return keras.Sequential([keras.Input(embedding.shape[1:]), *layers], name="projection")
