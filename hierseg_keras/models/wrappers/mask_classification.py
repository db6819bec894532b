"""MaskFormer's own objective: mask classification with bipartite matching."""

import keras
from keras import ops

from hierseg_keras.distribution.replicas import num_replicas
from hierseg_keras.losses.mask_classification import mask_classification
from hierseg_keras.losses.objectives import leaf_crossentropy
from hierseg_keras.models.compiled_loss import LOGITS, check_weights, one_of_list
from hierseg_keras.models.configuration.dtype_policies import scale_loss_for
from hierseg_keras.models.configuration.saved_config import remember_arguments
from hierseg_keras.models.wrappers.mask_classifier import MaskClassifier, maskformer
from hierseg_keras.models.wrappers.training_wrapper import TrainingWrapper
from hierseg_keras.tree import check_ignore_class
from hierseg_keras.tree.tensor import Tensor


@keras.saving.register_keras_serializable("hierseg_keras")
class MaskClassification(TrainingWrapper):
    """Trains MaskFormer with its own objective, which is flat: mask classification.

    Each query predicts one mask, and a leaf of the tree or "no object" as its class. In every image, the leaves that
    occur are matched one to one with queries, at the least total cost. A matched query learns the class and the mask of
    its leaf, and all other queries learn "no object":

    ```
    L = sum over queries q of -w_q log p_q(class of q)
        + 1/n sum over matched pairs of (focal_weight * focal + dice_weight * dice)
    cost of a pair = -p_q(class) + focal_weight * focal + dice_weight * dice
    ```

    The weights `w_q` are 1 for matched queries and `no_object_weight` for others, divided by their sum. `n` is the
    number of matched pairs. Both means are taken on each replica, then over replicas. The same loss after each earlier
    layer of the query decoder is added, weighted by `auxiliary_weight` of the network.

    `compile` needs no loss. A loss passed to `compile` is computed in evaluation only, on the probabilities of leaves.
    `fit`, `evaluate`, `predict` and `save` work as in Keras. The attribute `inference_model` is a `MaskClassifier`, and
    `export` writes it.

    The matching runs on the host. TensorFlow's XLA cannot compile it.

    Args:
        segmenter: `MaskFormer`, whose layers are reused with their weights, except for those of its logits.
        no_object_weight: Weight of queries without a match. Defaults to the paper's 0.1.
        focal_weight: Weight of the focal loss of masks. Defaults to the paper's 20.
        dice_weight: Weight of the dice loss of masks. Defaults to the paper's 1.
        ignore_class: Integer label of pixels to exclude. Defaults to 255.
        name: Name of the model.

    Call arguments:
        image: Images, as `segmenter` expects them.
        training: Whether to return the logits of queries too. Defaults to `False`.

    Returns:
        Float32 probabilities of leaves, `(B, H, W, L)`. In training, a dict: `{"logits": (B, H, W, L), "classes_0":
        (B, Q, L + 1), "masks_0": (B, h, w, Q), ...}`. `"logits"` are the probabilities, and the others are logits of
        the queries after each decoder layer.

    Raises:
        TypeError: If `segmenter` is not a `MaskFormer`.
        ValueError: If a weight is negative; if `ignore_class` is a node index; from `compile`, if `jit_compile` is
            `True` on the TensorFlow backend; or from `fit`, if there are sample weights.

    Example:

    >>> tree = hs.ClassTree.load("street_blocks")
    >>> network = hs.models.MaskFormer(tree, backbone="swin_nano", filters=32, num_queries=20, num_layers=2)
    >>> model = hs.models.MaskClassification(network)
    >>> model.compile("adamw", metrics=[hs.metrics.LevelMeanIoU(tree, scores="leaves", from_logits=False)])
    >>> sorted(model(np.zeros((1, 64, 64, 3)), training=True))
    ['classes_0', 'classes_1', 'logits', 'masks_0', 'masks_1']

    Reference:
        [Cheng et al., Per-Pixel Classification is Not All You Need for Semantic Segmentation, NeurIPS 2021](
        https://arxiv.org/abs/2107.06278), section 3. Masks are compared at their own resolution, stride 4, with the
        numbers of labeled pixels in each cell. Ignored pixels contribute to no mask. Pixels labeled with an internal
        node are excluded from the masks of the leaves below it, and are outside of all others. In an image with such
        labels, queries without a match have weight 0, because their leaves may occur.
    """

    from_logits = False
    required_scores = "leaves"
    compiles_with_xla = False

    def __init__(
        self,
        segmenter: keras.Model,
        no_object_weight: float = 0.1,
        focal_weight: float = 20.0,
        dice_weight: float = 1.0,
        ignore_class: int = 255,
        name: str | None = None,
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.inference_model = MaskClassifier(maskformer("MaskClassification", segmenter))
        scale_loss_for(self, segmenter)
        weights = {"no_object_weight": no_object_weight, "focal_weight": focal_weight, "dice_weight": dice_weight}
        check_weights("MaskClassification", **weights)
        remember_arguments(self, {"segmenter": segmenter, **weights, "ignore_class": ignore_class})
        self.tree, self.scores = segmenter.tree, "leaves"
        self.ignore_class = check_ignore_class("MaskClassification", self.tree, ignore_class)
        self.no_object_weight, self.focal_weight, self.dice_weight = weights.values()
        self.layer_weight = segmenter.auxiliary_weight
        answers = {LOGITS: self.inference_model.output, **self.inference_model.answers}
        self.training_model = keras.Model(self.inference_model.input, answers, name="training_model")
        self.trackers = {key: keras.metrics.Mean(key) for key in ("classification", "focal", "dice")}
        self.built = True
        if keras.backend.backend() == "tensorflow":
            # With `jit_compile="auto"`, Keras then does not use XLA.
            self.supports_jit = False

    def call(self, image: Tensor, training: bool = False) -> Tensor | dict[str, Tensor]:
        return (self.training_model if training else self.inference_model)(image, training=training)

    # === Train ===

    @property
    def further_ignore_class(self) -> int:
        return self.ignore_class

    def compile(
        self,
        optimizer: str | keras.optimizers.Optimizer = "rmsprop",
        loss: str | keras.losses.Loss | None = None,
        jit_compile: bool | str = "auto",
        **kwargs,
    ) -> None:
        """Configures the model for training, as `keras.Model.compile` does.

        Args:
            optimizer: As in `keras.Model.compile`.
            loss: Loss on the probabilities of leaves in evaluation. Defaults to the crossentropy of the pixels that
                are labeled with a leaf.
            jit_compile: As in `keras.Model.compile`, but `True` is an error on the TensorFlow backend.
            **kwargs: Passed on to `keras.Model.compile`.
        """
        if jit_compile is True and not self.supports_jit:
            raise ValueError(
                '`MaskClassification` expects `jit_compile` to be False or "auto", because XLA cannot compile the '
                "matching, which runs on the host. Received: jit_compile=True."
            )
        if loss is None:
            loss = leaf_crossentropy(self.tree, from_logits=False, ignore_class=self.ignore_class)
        super().compile(optimizer, loss=loss, jit_compile=jit_compile, **kwargs)

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Tensor | dict[str, Tensor] = None,
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Tensor:
        if not isinstance(y_pred, dict):
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        if one_of_list(sample_weight) is not None:
            raise ValueError(
                "`MaskClassification.fit` expects no `sample_weight`, because its losses are over queries and masks, "
                "not over pixels. Received: sample_weight. Label the pixels to exclude `ignore_class`."
            )
        num_layers = sum(name.startswith("classes_") for name in y_pred)
        *earlier, last = mask_classification(
            self.tree,
            one_of_list(y),
            [(y_pred[f"classes_{i}"], y_pred[f"masks_{i}"]) for i in range(num_layers)],
            y_pred[LOGITS],
            self.no_object_weight,
            self.focal_weight,
            self.dice_weight,
            self.ignore_class,
        )
        # A loss that is a scalar is not divided by the number of replicas, whose gradients are summed.
        share = 1.0 / num_replicas()
        for name, loss in last.items():
            self.track(name, loss * share)
        total = self._weighted(last) + self.layer_weight * sum(self._weighted(losses) for losses in earlier)
        regularization = sum(ops.sum(ops.cast(loss, total.dtype)) for loss in self.losses)
        return (total + regularization) * share

    def _weighted(self, losses):
        masks = self.focal_weight * losses["focal"] + self.dice_weight * losses["dice"]
        return losses["classification"] + masks
