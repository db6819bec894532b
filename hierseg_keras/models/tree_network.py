"""The base of our networks: a class tree, the meaning of scores, auxiliary logits and configuration."""

import keras

from hierseg_keras.models.compiled_loss import LOGITS, auxiliary_loss, check_fit, one_of_list
from hierseg_keras.models.configuration.check_keywords import check_keywords
from hierseg_keras.models.configuration.saved_config import config_of, model_from_config, remember_arguments
from hierseg_keras.tree import as_class_tree


class TreeNetwork(keras.Model):
    """A functional network from images to float32 logits of a class tree.

    A subclass builds its graph and passes it on, with its own arguments:

        class Small(TreeNetwork):
            def __init__(self, tree, scores="nodes", filters=8, name=None, **kwargs):
                image = image_input("Small", (None, None, 3))
                logits = logits_head(layers.Conv2D(filters, 3)(image), tree, scores)
                super().__init__(image, logits, tree, scores, {"filters": filters}, name=name, **kwargs)

    Intermediate logits are trained too. In training a call returns a dict, `{"logits": ..., name:
    ...}`, of maps of the image's size, and the compiled loss is summed over them:

    ```
    loss(y, logits) + sum over names of weight * loss(y, auxiliary logits)
    ```

    Otherwise, and so in `evaluate`, `predict` and exports, a call returns the logits alone. Metrics
    are computed on these.

    Frozen layers stay frozen when a network is saved and loaded.

    Args:
        inputs: Symbolic image.
        outputs: Symbolic logits.
        tree: `ClassTree`, or its text.
        scores: `"nodes"` or `"leaves"`: what the logits belong to.
        arguments: Dict of the subclass's further arguments. They become the configuration, and
            attributes, but for networks.
        auxiliary: Dict from a name to a pair: symbolic logits of the image's size, and the weight
            of their loss.
        name: Name of the model.

    Raises:
        TypeError: If a keyword argument is unknown.
    """

    from_logits = True
    # Names of the layers that `HS3` supervises in a run, where the network's paper or HS3's has some.
    supervised_stages = None

    def __new__(cls, *args, **kwargs):
        # Before anything is built.
        check_keywords(cls, kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, inputs, outputs, tree, scores, arguments, auxiliary=None, name=None, **kwargs):
        super().__init__(inputs=inputs, outputs=outputs, name=name, **kwargs)
        self.tree = as_class_tree(tree)
        self.scores = scores
        auxiliary = auxiliary or {}
        self.auxiliary_weights = {key: weight for key, (_, weight) in auxiliary.items()}
        if auxiliary:
            answers = {LOGITS: outputs, **{key: logits for key, (logits, _) in auxiliary.items()}}
            self.training_model = keras.Model(inputs, answers, name="training_model")
        for argument, value in arguments.items():
            # `weights` and `input_shape` are Keras's own; a network in an attribute would be tracked as a layer.
            if not hasattr(type(self), argument) and not isinstance(value, keras.Layer):
                setattr(self, argument, value)
        remember_arguments(self, {"tree": self.tree.to_text(), "scores": scores, **arguments})

    def call(self, inputs, training=False, mask=None):
        if training and self.auxiliary_weights:
            return self.training_model(inputs, training=True)
        # Keras's `Resizing` (3.15) takes `training` for true where it is not given, and so do then
        # all layers behind it: SegFormer would be exported with batch statistics of its own.
        return super().call(inputs, training=training, mask=mask)

    def fit(self, *args, **kwargs):
        """As `keras.Model.fit`."""
        check_fit(self, kwargs)
        return super().fit(*args, **kwargs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        y, sample_weight = one_of_list(y), one_of_list(sample_weight)
        if not isinstance(y_pred, dict):
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        loss = super().compute_loss(x, y, y_pred[LOGITS], sample_weight, training)
        return loss + auxiliary_loss(self, self.auxiliary_weights, y, y_pred, sample_weight)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        logits = y_pred[LOGITS] if isinstance(y_pred, dict) else y_pred
        return super().compute_metrics(x, one_of_list(y), logits, one_of_list(sample_weight))

    def get_config(self):
        return config_of(self)

    @classmethod
    def from_config(cls, config):
        return model_from_config(cls, config)
