"""The base class of networks that take a class tree."""

import collections
from typing import Any, Self

import keras

from hierseg_keras.models.compiled_loss import LOGITS, auxiliary_loss, check_fit, check_loss, compile_from, one_of_list
from hierseg_keras.models.configuration.check_keywords import check_keywords
from hierseg_keras.models.configuration.dtype_policies import scale_loss_for
from hierseg_keras.models.configuration.saved_config import config_of, model_from_config, remember_arguments
from hierseg_keras.models.optimizer_variables import create_optimizer_variables
from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.tree.tensor import Tensor


class TreeNetwork(keras.Model):
    """Holds what all networks share: the tree, auxiliary logits, saving, and frozen layers.

    A network is a functional model from images to float32 logits of the same height and width. A subclass has
    the arguments `tree`, `scores`, `input_shape` and `name` in addition to its own. It builds its graph, and passes it
    to this constructor together with these arguments, as in the example below.

    A network may have auxiliary logits. In training it then returns a dict, `{"logits": ..., name: ...}`,
    of logits of the image's size, and the compiled loss is summed over them:

    ```
    loss(y, logits) + sum over names of weight * loss(y, auxiliary logits)
    ```

    In `evaluate`, `predict` and exports it returns only the logits. Metrics are computed on the logits.

    Frozen layers stay frozen when a network is saved and loaded.

    Args:
        inputs: Symbolic image, `(B, H, W, C)`.
        outputs: Symbolic logits, `(B, H, W, V)` or `(B, H, W, L)`.
        tree: `ClassTree`, or its text.
        scores: `"nodes"` or `"leaves"`, the kind of the logits.
        arguments: Dict of the subclass's other constructor arguments. They are saved in the
            configuration and set as attributes. Arguments that are layers or models are not set as
            attributes, because Keras would track them as sub-layers.
        auxiliary: Dict from a name to a pair of symbolic auxiliary logits, of the image's size, and
            the weight of their loss. Defaults to no auxiliary logits.
        flat_auxiliary: Names of auxiliary logits that are leaf logits, `(B, H, W, L)`, and have the flat
            crossentropy instead of the compiled loss. Labels at internal nodes do not contribute to it.
            Defaults to none.
        name: Name of the model.

    Raises:
        TypeError: If a keyword argument is unknown.

    Example:

    >>> @keras.saving.register_keras_serializable("my_package")
    ... class Small(hs.models.TreeNetwork):
    ...     def __init__(
    ...         self,
    ...         tree: hs.ClassTree | str,
    ...         scores: str = "nodes",
    ...         filters: int = 8,
    ...         input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    ...         name: str | None = None,
    ...         **kwargs,
    ...     ):
    ...         tree = hs.tree.as_class_tree(tree)
    ...         image = keras.Input(input_shape)
    ...         x = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(image)
    ...         x = keras.layers.Conv2D(filters, 3, padding="same", activation="relu", name="embedding")(x)
    ...         num_channels = tree.num_nodes if scores == "nodes" else tree.num_leaves
    ...         logits = keras.layers.Conv2D(num_channels, 1, dtype="float32")(x)
    ...         arguments = {"filters": filters, "input_shape": input_shape}
    ...         super().__init__(image, logits, tree, scores, arguments, name=name, **kwargs)
    >>> model = Small("human\\n\\tperson\\n\\trider\\nsky", filters=4)
    >>> tuple(model(np.zeros((1, 6, 8, 3))).shape)
    (1, 6, 8, 4)
    """

    from_logits = True
    # Names of the layers that `HS3` supervises by default in a run, from the paper of the network or of HS3, or a
    # function from the network's arguments to the names.
    supervised_stages = None

    def __new__(cls, *args, **kwargs):
        # Checked before the model is built, which may take long.
        check_keywords(TreeNetwork, cls, kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(
        self,
        inputs: keras.KerasTensor,
        outputs: keras.KerasTensor,
        tree: ClassTree | str,
        scores: str,
        arguments: dict[str, Any],
        auxiliary: dict[str, tuple[keras.KerasTensor, float]] | None = None,
        name: str | None = None,
        flat_auxiliary: tuple[str, ...] = (),
        **kwargs,
    ):
        super().__init__(inputs=inputs, outputs=outputs, name=name, **kwargs)
        scale_loss_for(self, self)
        self.tree = as_class_tree(tree)
        self.scores = scores
        auxiliary = auxiliary or {}
        self.auxiliary_weights = {key: weight for key, (_, weight) in auxiliary.items()}
        self.flat_auxiliary = tuple(flat_auxiliary)
        if auxiliary:
            answers = {LOGITS: outputs, **{key: logits for key, (logits, _) in auxiliary.items()}}
            # In the graph of another model, Keras takes the first value for the output, and would sort a dict.
            answers = collections.OrderedDict(answers)
            self.training_model = keras.Model(inputs, answers, name="training_model")
        for argument, value in arguments.items():
            # `weights` and `input_shape` are properties of `keras.Model`, and cannot be set.
            if not hasattr(type(self), argument) and not isinstance(value, keras.Layer):
                setattr(self, argument, value)
        remember_arguments(self, {"tree": self.tree.to_text(), "scores": scores, **arguments})

    def call(self, inputs: Tensor, training: bool = False, mask: Tensor = None) -> Tensor | dict[str, Tensor]:
        if training and self.auxiliary_weights:
            return self.training_model(inputs, training=True)
        # `training` is passed explicitly. Without it, Keras's `Resizing` (3.15) and all layers after it assume training
        # mode, and SegFormer would be exported with batch normalization in training mode.
        return super().call(inputs, training=training, mask=mask)

    def compile(
        self,
        optimizer: str | keras.optimizers.Optimizer = "rmsprop",
        loss: str | keras.losses.Loss | None = None,
        *args,
        **kwargs,
    ) -> None:
        """Configures the model for training, as `keras.Model.compile` does.

        Args:
            optimizer: As in `keras.Model.compile`.
            loss: As in `keras.Model.compile`. A loss of `hs.losses` must be one on the model's kind of scores, and
                its tree must have the structure of the model's.
            *args, **kwargs: Passed on to `keras.Model.compile`.
        """
        check_loss(self, loss)
        super().compile(optimizer, loss, *args, **kwargs)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        compile_from(self, config)

    def fit(self, *args, **kwargs) -> keras.callbacks.History:
        """Trains the model, as `keras.Model.fit` does, but does not accept `class_weight`."""
        check_fit(self, kwargs)
        create_optimizer_variables(self)
        return super().fit(*args, **kwargs)

    def train_on_batch(self, *args, **kwargs) -> float | list[float] | dict[str, float]:
        """Trains the model on a batch, as `keras.Model.train_on_batch` does, but does not accept `class_weight`."""
        check_fit(self, kwargs, "train_on_batch")
        return super().train_on_batch(*args, **kwargs)

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Tensor | dict[str, Tensor] = None,
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Tensor:
        y, sample_weight = one_of_list(y), one_of_list(sample_weight)
        if not isinstance(y_pred, dict):
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        loss = super().compute_loss(x, y, y_pred[LOGITS], sample_weight, training)
        return loss + auxiliary_loss(self, self.auxiliary_weights, y, y_pred, sample_weight)

    def compute_metrics(
        self, x: Tensor, y: Tensor, y_pred: Tensor | dict[str, Tensor], sample_weight: Tensor = None
    ) -> dict[str, Tensor]:
        logits = y_pred[LOGITS] if isinstance(y_pred, dict) else y_pred
        return super().compute_metrics(x, one_of_list(y), logits, one_of_list(sample_weight))

    def get_config(self) -> dict[str, Any]:
        return config_of(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return model_from_config(cls, config)
