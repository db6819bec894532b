"""The terms of a loss per depth, as in the curves of Muller & Smith's figures 4 and 5."""

import keras
from keras import ops

from hierseg_keras.metrics.named_metric import NamedMetric
from hierseg_keras.tree.labels import pixel_weights
from hierseg_keras.tree.not_converted import not_converted


@keras.saving.register_keras_serializable("hierseg_keras")
class DepthLoss(NamedMetric):
    """Computes the mean of a loss's term at each depth of the tree.

    For `HierarchicalCrossentropy`, the term at depth `d` is `-log p(c_d)`. For a loss on node scores,
    it is the sum of the binary terms of the nodes at that depth. The mean is over labeled pixels, or over
    those labeled at least `d` deep if the loss has `averaging="depth"`; without weights. Smaller is better.

    Args:
        loss: A loss of `hierseg_keras.losses`, or its serialized form.
        name, dtype: As in `keras.metrics.Metric`.

    Call arguments:
        y_true, y_pred: As in the call of `loss`.
        sample_weight: Accepted because Keras passes it; only its shape is checked.

    Returns:
        `result()` is a flat dict of scalars in nats, `{name}_1` (the coarsest depth) to
        `{name}_D`. They are 0 if no pixel was labeled (that deep), and NaN if any label was neither a node nor
        `ignore_class`.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> metric = hs.metrics.DepthLoss(hs.losses.HierarchicalCrossentropy(tree))
    >>> metric.update_state(np.array([[[0]]]), np.log([[[[0.5, 0.3, 0.2]]]]))
    >>> {name: round(float(value), 3) for name, value in metric.result().items()}
    {'depth_loss_1': 0.223, 'depth_loss_2': 0.693}

    Reference:
        [Muller & Smith, VISAPP 2020](https://doi.org/10.5220/0008946002600267), figures 4 and 5. The paper
        leaves open on which images the losses are computed; a run logs those of training and validation.
    """

    def __init__(self, loss: keras.losses.Loss | dict, name: str | None = "depth_loss", dtype: str | None = None):
        super().__init__(name=name, dtype=dtype)
        self.loss = keras.losses.deserialize(loss) if isinstance(loss, dict) else loss
        if not hasattr(self.loss, "per_depth"):
            raise TypeError(
                f"`DepthLoss` expects a loss of `hierseg_keras.losses`. Received: loss={loss!r}. "
                "For a flat loss on leaf logits, pass `HierarchicalCrossentropy(tree)`."
            )
        self._total = self.add_variable((self.loss.tree.num_levels,), "zeros", name="total")
        self._count = self.add_variable((self.loss.tree.num_levels,), "zeros", name="count")

    @not_converted
    def update_state(self, y_true, y_pred, sample_weight=None):
        self.check_names()
        terms, is_counted = self.loss.per_depth(y_true, y_pred)
        if sample_weight is not None:
            pixel_weights("DepthLoss", sample_weight, is_counted[..., 0], self.dtype)
        count = ops.sum(ops.cast(is_counted, self.dtype), axis=(0, 1, 2))
        self._total.assign(self._total + ops.sum(ops.cast(terms, self.dtype), axis=(0, 1, 2)))
        self._count.assign(self._count + count)

    def values(self):
        means = ops.divide_no_nan(self._total, self._count)
        return {str(depth + 1): means[depth] for depth in range(self.loss.tree.num_levels)}

    def get_config(self):
        return {**super().get_config(), "loss": keras.losses.serialize(self.loss)}
