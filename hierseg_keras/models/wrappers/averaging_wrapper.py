"""What wrappers share that average or calibrate a network's predictions."""

import keras

from hierseg_keras.models.configuration.check_keywords import check_keywords
from hierseg_keras.models.configuration.saved_config import config_of, model_from_config, remember_arguments
from hierseg_keras.models.graph.model_scores import scores_of
from hierseg_keras.models.layers.image_input import check_channels_last


class AveragingWrapper(keras.Model):
    """Base class of models that change a network's probabilities and return them as the network does.

    They call the network in inference mode, so that they can be compiled and evaluated, but not trained.

    Args:
        model, tree, scores, from_logits, name: As in `MultiScale`.
        arguments: Dict of the subclass's further arguments, which become attributes and the configuration.
    """

    def __new__(cls, *args, **kwargs):
        # Before anything is built.
        check_keywords(AveragingWrapper, cls, kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, model, tree, scores, from_logits, arguments, name=None, **kwargs):
        check_channels_last(type(self).__name__)
        super().__init__(name=name, **kwargs)
        self.model = getattr(model, "inference_model", model)
        self.meaning = scores_of(self.model, type(self).__name__, tree, scores, from_logits)
        self.tree, self.scores, self.from_logits = self.meaning.tree, self.meaning.kind, self.meaning.from_logits
        for argument, value in arguments.items():
            setattr(self, argument, value)
        read = {"tree": self.tree.to_text(), "scores": self.scores, "from_logits": self.from_logits}
        remember_arguments(self, {"model": self.model, **arguments, **read})
        self.built = True

    def check_accepted(self, argument, size, advice=None):
        """Checks that a network of fixed size gets images of this size.

        Args:
            argument: Name of the argument that decides about the size.
            size: Height and width; `None` is a length that changes.
            advice: What to do otherwise. Defaults to passing the network's size.

        Raises:
            ValueError: If the network accepts only images of another size.
        """
        expected = self.model.input_shape[1:3]
        shown = ["any" if length is None else length for length in expected]
        fitting = tuple(known or length for known, length in zip(expected, size))
        if any(known not in (None, length) for known, length in zip(expected, size)):
            raise ValueError(
                f"`{type(self).__name__}` expects `{argument}` to fit the images that the network accepts. Received: "
                f"{argument}={getattr(self, argument)}, for a network of images of {shown[0]} x {shown[1]} pixels. "
                f"{advice or f'Pass {argument}={fitting}'}."
            )

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        return self.model.input_shape

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        return self.model.output_shape

    def compute_output_shape(self, input_shape):
        return (*input_shape[:3], self.model.output_shape[-1])

    def fit(self, *args, **kwargs):
        raise self._not_trained("fit")

    def train_on_batch(self, *args, **kwargs):
        raise self._not_trained("train_on_batch")

    def _not_trained(self, method):
        # Batch normalization would keep its statistics, and dropout would drop nothing.
        return ValueError(
            f"`{type(self).__name__}` expects a trained network, which it calls in inference mode. Received: a call of "
            f"`{method}`. Train the network itself, then wrap it."
        )

    def export(self, filepath, format="tf_saved_model", verbose=None, input_signature=None, **kwargs):
        """Exports the model, as `keras.Model.export` does."""
        if input_signature is None:
            # Keras infers it from the graph of a functional model, or from the first call of another one.
            input_signature = [keras.InputSpec(dtype="float32", shape=self.input_shape)]
        super().export(filepath, format, verbose, input_signature, **kwargs)

    def get_config(self):
        return config_of(self)

    @classmethod
    def from_config(cls, config):
        return model_from_config(cls, config)
