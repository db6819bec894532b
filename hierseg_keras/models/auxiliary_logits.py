"""Networks with logits besides those that they answer with, which are supervised in training."""

import keras

LOGITS = "logits"


class AuxiliaryLogits(keras.Model):
    """A functional network whose intermediate logits are trained too.

    In training a call answers with a dict, `{"logits": ..., name: ...}`, of maps of the image's
    size, and the loss that is compiled is summed over them:

    ```
    loss(y, logits) + sum over names of weight * loss(y, auxiliary logits)
    ```

    Otherwise, and so in `evaluate`, `predict` and exports, there are the logits alone. Metrics are
    of these.

    Args:
        inputs: As `keras.Model`'s.
        outputs: Symbolic logits.
        auxiliary: Dict from a name to a pair: symbolic logits of the image's size, and the weight
            of their loss.
        name: Name of the model.
    """

    def __init__(self, inputs, outputs, auxiliary, name=None, **kwargs):
        super().__init__(inputs=inputs, outputs=outputs, name=name, **kwargs)
        self.auxiliary_weights = {key: weight for key, (_, weight) in auxiliary.items()}
        answers = {LOGITS: outputs, **{key: logits for key, (logits, _) in auxiliary.items()}}
        self.training_model = keras.Model(inputs, answers, name="training_model")

    def call(self, inputs, training=False, mask=None):
        if training:
            return self.training_model(inputs, training=True)
        return super().call(inputs, training=training, mask=mask)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        if not isinstance(y_pred, dict):
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        loss = super().compute_loss(x, y, y_pred[LOGITS], sample_weight, training)
        return loss + auxiliary_loss(self, self.auxiliary_weights, y, y_pred, sample_weight)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        logits = y_pred[LOGITS] if isinstance(y_pred, dict) else y_pred
        return super().compute_metrics(x, y, logits, sample_weight)


def auxiliary_loss(model, weights, y, y_pred, sample_weight):
    """The weighted sum of a compiled model's loss over named predictions."""
    if weights and not isinstance(model.loss, keras.losses.Loss):
        raise ValueError(
            f"`{type(model).__name__}` expects to be compiled with a `keras.losses.Loss`, which its auxiliary logits "
            f"are trained with too. Received: loss={model.loss!r}."
        )
    return sum(weight * model.loss(y, y_pred[name], sample_weight) for name, weight in weights.items())


def check_weights(model, **weights):
    """Refuses weights of losses below 0, naming the model and the argument."""
    for argument, weight in weights.items():
        if not weight >= 0:
            raise ValueError(f"`{model}` expects `{argument}` >= 0. Received: {argument}={weight!r}.")
