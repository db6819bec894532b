"""Excludes the blank images of the last evaluation batch from the loss."""

import keras


class ExcludeBlankImages(keras.callbacks.Callback):
    """Weighs the last batch of each evaluation by its number of images without blank ones, on the JAX backend.

    Keras's mean loss weighs every batch by its number of images. Blank images have no labeled pixels, so that metrics
    and the loss of their batch do not depend on them, but the weight of their batch would.

    Args:
        num_batches: Integer, batches per evaluation.
        batch_size: Integer, images per whole batch.
        num_blank: Integer, blank images in the last batch.
    """

    def __init__(self, num_batches, batch_size, num_blank):
        super().__init__()
        self._last, self._batch_size, self._share = num_batches - 1, batch_size, 1 - num_blank / batch_size

    def on_test_batch_begin(self, batch, logs=None):
        if batch == self._last:
            loss = self._loss()
            self._before = [keras.ops.convert_to_numpy(sum_) for sum_ in (loss.total, loss.count)]

    def on_test_batch_end(self, batch, logs=None):
        if batch == self._last:
            loss = self._loss()
            for sum_, before in zip((loss.total, loss.count), self._before):
                sum_.assign(before + (keras.ops.convert_to_numpy(sum_) - before) * self._share)

    def _loss(self):
        # On the JAX backend, `self.model` writes the state of the evaluation into the variables.
        return next(metric for metric in self.model.metrics if metric.name == "loss")
