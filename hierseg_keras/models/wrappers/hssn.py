"""HSSN: a training objective for any segmentation network."""

import inspect
from typing import Literal

import keras

from hierseg_keras.losses import TreeTriplet
from hierseg_keras.losses.objectives import objectives
from hierseg_keras.models.compiled_loss import LOGITS, check_loss, check_structure
from hierseg_keras.models.configuration.dtype_policies import scale_loss_for
from hierseg_keras.models.configuration.saved_config import remember_arguments
from hierseg_keras.models.graph.classifier_input import embedding_of
from hierseg_keras.models.graph.functional import functional
from hierseg_keras.models.wrappers.cosine_weight import CosineWeight
from hierseg_keras.models.wrappers.training_wrapper import TrainingWrapper
from hierseg_keras.models.wrappers.tree_segmenter import TreeSegmenter
from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.tree.tensor import Tensor

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

    `compile` needs no loss. `fit`, `evaluate`, `predict` and `save` work as in Keras. The attribute
    `inference_model` is the network without the projection. `export` writes the inference model, which
    can also be saved by itself.

    These are the rows of the paper's tables 5 and 6:

        CCE     HSSN(network, loss="crossentropy", triplet=False)
        BCE     HSSN(network, loss="tree_binary_crossentropy", triplet=False)
        Focal   HSSN(network, loss="focal_binary_crossentropy", triplet=False)
        TM      HSSN(network, loss="tree_min", triplet=False)
        FTM     HSSN(network, loss="focal_tree_min", triplet=False)
        TT      HSSN(network, loss="crossentropy")
        Full    HSSN(network)

    Args:
        segmenter: Functional `keras.Model` from images `(B, H, W, 3)` to scores: a network of
            `hs.models`, KerasCV or KerasHub, or your own. Its layers are reused with their weights. A
            network made for `tree`, with the logits that `loss` needs, keeps its classifier.
        tree: `ClassTree`, or its text. Defaults to `segmenter.tree`.
        loss: Loss on the logits: a loss of `hs.losses`, or a name. The names are those above,
            `"hierarchical_crossentropy"` and `"tree_min_crossentropy"`. `"crossentropy"` and
            `"hierarchical_crossentropy"` need leaf logits, and the others need node logits. A loss
            passed to `compile` replaces it. Defaults to `"focal_tree_min"`.
        triplet: `True` for the default `TreeTriplet`, `False` for no triplet loss, or a `TreeTriplet`.
            Defaults to `True`.
        beta: Largest weight of the triplet loss. Defaults to 0.5, the paper's value.
        beta_schedule: `"cosine"`, or `"constant"` for a weight that always equals `beta`. Defaults to
            `"cosine"`.
        total_steps: Number of updates of the optimizer over which the weight grows. Defaults to the
            updates made before `fit`, plus the epochs times the steps per epoch of `fit`.
        features: Name of the layer of `segmenter` whose output is classified. Defaults to the
            input of its last 1x1 convolution.
        embedding: Name of the layer of `segmenter` whose output is the embedding. Defaults to the layer
            `embedding` of a network of `hs.models`, and otherwise to the input of the head.
        projection_filters: Channels of both convolutions of the projection. Defaults to 256.
        ignore_class: Integer label of pixels to exclude. Defaults to 255.
        seed: Integer seed of the triplets, as in `TreeTriplet`. Not used if `triplet` is a
            `TreeTriplet`. Defaults to `None`.
        name: Name of the model.

    Call arguments:
        image: Images, as `segmenter` expects them.
        training: Whether to return the embedding too. Defaults to `False`.

    Returns:
        Float32 logits, `(B, H, W, V)` or `(B, H, W, L)`. In training with triplets, a dict:
        `{"logits": ..., "embedding": (B, h, w, C)}`, and the auxiliary logits of `segmenter` if it has
        any, whose losses are added as well. Only the embeddings of drawn pixels are projected.

    Raises:
        TypeError: If `segmenter` is not a functional model.
        ValueError: If there is no tree; if `loss` or `beta_schedule` is unknown; if the classifier of
            `segmenter` is not found; if `features` or `embedding` is not the name of a layer; if `beta` is
            negative; if `segmenter` has auxiliary logits of another kind than `loss` needs; if `loss` and
            `triplet` have different `ignore_class`, or trees of another structure than `tree`; or, from
            `fit`, if the length of the data is unknown, `total_steps` is `None` and `beta_schedule` is
            `"cosine"`.

    Example:

    >>> tree = hs.ClassTree.load("street_blocks")
    >>> network = hs.models.DeepLabV3Plus(tree, backbone="resnet18_small", filters=16)
    >>> model = hs.models.HSSN(network)
    >>> model.compile("sgd", metrics=[hs.metrics.LevelMeanIoU(tree)])
    >>> model.count_params() > model.inference_model.count_params()
    True

    Reference:
        [Li et al., Deep Hierarchical Semantic Segmentation, CVPR 2022](
        https://arxiv.org/abs/2203.14335), section 3. The loss in evaluation is that of the logits
        only. Each step draws its triplets from the seed and the number of the step. The embedding is the
        encoder's map, as in the paper: the backbone's last one. The paper leaves open over what `beta` is
        annealed (here the planned updates).
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
        scale_loss_for(self, segmenter)
        if tree is None and getattr(segmenter, "tree", None) is None:
            raise ValueError("`HSSN` expects a `tree`, because `segmenter` has none. Received: tree=None.")
        if not hasattr(loss, "scores") and loss not in tuple(objectives()):
            raise ValueError(
                f"`HSSN` expects `loss` to be one of {tuple(objectives())}, or a loss of `hierseg_keras.losses`. "
                f"Received: loss={loss!r}."
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
        keeps_classifier = features is None and _has_scores(segmenter, tree, scores)
        self.inference_model = segmenter if keeps_classifier else TreeSegmenter(segmenter, tree, scores, features)
        self.auxiliary_weights = dict(getattr(segmenter, "auxiliary_weights", {}))
        self.flat_auxiliary = tuple(getattr(segmenter, "flat_auxiliary", ()))
        if self.auxiliary_weights and features is not None:
            raise ValueError(
                "`HSSN` expects no `features` for a network with auxiliary logits, whose classifier it keeps. "
                f"Received: features={features!r}. Leave it out."
            )
        if self.auxiliary_weights and not keeps_classifier:
            raise ValueError(
                f"`HSSN` expects a network with auxiliary logits to be made for `tree`, with `scores={scores!r}`, "
                f"because loss={loss!r} trains these logits too. Received: {segmenter.name!r} with "
                f"scores={segmenter.scores!r}. Make the network again, for this tree and these scores."
            )
        if triplet:
            self.triplet = TreeTriplet(tree, ignore_class=ignore_class, seed=seed) if triplet is True else triplet
            # An attribute of the model too, because Keras tracks the state of the model's attributes.
            self.seed_generator = self.triplet.seed_generator
            compared = embedding_of(segmenter, features, embedding)
            self.beta = CosineWeight(beta, beta_schedule, total_steps, name="beta")
            answers = {LOGITS: self.inference_model.output, "embedding": compared}
            if self.auxiliary_weights:
                answers |= segmenter.training_model.output
            self.training_model = keras.Model(self.inference_model.input, answers, name="training_model")
            self.projection = _projection(projection_filters, compared)
            names = {LOGITS: _name(loss), "tree_triplet": "tree_triplet", "beta": "beta"}
            self.trackers = {key: keras.metrics.Mean(name) for key, name in names.items()}
        self.built = True
        self.tree = tree
        self.scores = self.inference_model.scores
        self.logits_loss = loss
        self.ignore_class = ignore_class
        self.has_triplets = bool(triplet)
        if self.has_triplets:
            check_structure(self, self.triplet)
        # Before training: `compile` checks the loss that it uses.
        check_loss(self, loss, self.further_ignore_class)

    def call(self, image: Tensor, training: bool = False) -> Tensor | dict[str, Tensor]:
        if not (training and self.has_triplets):
            return self.inference_model(image, training=training)
        return self.training_model(image, training=True)

    # === Train ===

    @property
    def further_ignore_class(self) -> int | None:
        return self.triplet.ignore_class if self.has_triplets else None

    def compile(
        self,
        optimizer: str | keras.optimizers.Optimizer = "rmsprop",
        loss: str | keras.losses.Loss | None = None,
        **kwargs,
    ) -> None:
        """Configures the model for training, as `keras.Model.compile` does.

        Args:
            optimizer: As in `keras.Model.compile`.
            loss: Loss on the logits. Defaults to the loss named in the constructor.
            **kwargs: Passed on to `keras.Model.compile`.
        """
        if self.has_triplets:
            self.trackers[LOGITS].name = _name(self.logits_loss if loss is None else loss)
        if loss is None:
            loss = self.logits_loss
            loss = objectives()[loss](self.tree, ignore_class=self.ignore_class) if isinstance(loss, str) else loss
        super().compile(optimizer, loss=loss, **kwargs)

    def fit(self, *args, **kwargs) -> keras.callbacks.History:
        """Trains the model, as `keras.Model.fit` does, but does not accept `class_weight`."""
        options = _FIT.bind(self, *args, **kwargs).arguments
        del options["self"]
        if self.has_triplets:
            given = options.get("callbacks")
            if isinstance(given, keras.callbacks.CallbackList):
                raise ValueError(
                    "`HSSN.fit` expects a list of callbacks. Received: a CallbackList. Pass its attribute `callbacks`."
                )
            given = [given] if isinstance(given, keras.callbacks.Callback) else list(given or [])
            # First in the list, because a later callback may restore an interrupted run, counts included.
            options["callbacks"] = [_PlanUpdates(options.get("initial_epoch", 0)), *given]
        return super().fit(**options)

    def replan(self, num_batches: int) -> None:
        """Sets the number of batches of the whole training, over which `beta` grows, including those trained so far."""
        if self.has_triplets:
            self.beta.replan(num_batches // _accumulation_steps(self.optimizer))

    def further_losses(
        self, y: Tensor, y_pred: dict[str, Tensor], sample_weight: Tensor | None
    ) -> dict[str, tuple[Tensor, Tensor]]:
        if not self.has_triplets:
            return {}
        if not self.beta.is_planned:
            raise ValueError(
                "`HSSN` expects a known number of planned updates, over which the weight of the triplet loss grows. "
                'Received: training outside of `fit`. Pass `total_steps` or `beta_schedule="constant"` to `HSSN`.'
            )
        # A step has the same triplets in an interrupted and resumed run.
        self.triplet.go_to_step(self.beta.num_batches)
        beta = self.beta.next(_accumulation_steps(self.optimizer))
        self.trackers["beta"].update_state(beta)
        triplet = self.triplet(y, y_pred["embedding"], sample_weight, projection=self.projection)
        return {"tree_triplet": (triplet, beta)}


class _PlanUpdates(keras.callbacks.Callback):
    """Sets the number of planned updates for the weight of the triplet loss, when training begins."""

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
                    "`HSSN` expects data of known length, because the weight of the triplet loss grows over the "
                    "planned updates. Received: data of unknown length. Pass `steps_per_epoch` to `fit`, or pass "
                    '`total_steps` or `beta_schedule="constant"` to `HSSN`.'
                )
            steps = 0
        batches = (self.params["epochs"] - self.initial_epoch) * steps
        beta.plan(done, batches // accumulation_steps, accumulation_steps)


def _accumulation_steps(optimizer):
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    return getattr(optimizer, "accumulation_steps", None) or optimizer.gradient_accumulation_steps or 1


def _name(loss):
    return loss if isinstance(loss, str) else getattr(loss, "name", LOGITS)


def _has_scores(segmenter, tree, scores):
    """Returns whether a network returns logits of this kind for the tree."""
    is_for_tree = getattr(segmenter, "tree", None) == tree and getattr(segmenter, "scores", None) == scores
    return is_for_tree and getattr(segmenter, "from_logits", True)


def _projection(filters, embedding):
    layers = [
        keras.layers.Conv2D(filters, 1, activation="relu", name="projection_1"),
        keras.layers.Conv2D(filters, 1, dtype="float32", name="projection_2"),
    ]
    return keras.Sequential([keras.Input(embedding.shape[1:]), *layers], name="projection")
