"""A Keras callback that makes training batches depend on the number of the epoch."""

import typing

import keras

if typing.TYPE_CHECKING:
    import tensorflow as tf


class SetEpoch(keras.callbacks.Callback):
    """Makes the batches of an epoch depend only on the number of the epoch.

    Each pass over a training data set of `data.load` has a number. Its order, crops and horizontal flips depend on this
    number and the seed. Without this callback, every new pass gets the next number, even if the last pass was not part
    of `fit`. With it, epoch `n` of `fit` always sees pass `n`. A run that was killed and is resumed in a new process
    with `fit(..., initial_epoch=n)` therefore sees the same batches as an uninterrupted run.

    Pass a finite data set to `fit`, without `steps_per_epoch`: with it, Keras would spread one pass over several
    epochs. To shorten an epoch, use `train.take(steps)`.

    Args:
        dataset: The `tf.data.Dataset` that `data.load(training=True)` returned. `fit` may get a data set derived from
            it, with `take` or `map` for example.

    Raises:
        TypeError: If `dataset` was not returned by `data.load(training=True)`.

    Example:

    >>> train = hs.data.load("street_blocks", "train", training=True, crop_size=(96, 128))
    >>> model.fit(train, epochs=20, initial_epoch=12, callbacks=[hs.data.SetEpoch(train)])  # doctest: +SKIP
    """

    def __init__(self, dataset: "tf.data.Dataset"):
        super().__init__()
        if not hasattr(dataset, "set_epoch"):
            raise TypeError(
                "`SetEpoch` expects the data set that `data.load(training=True)` returned. Received: "
                f"dataset={dataset!r}. Pass it as it was before `take`, `map` or other methods."
            )
        self.dataset = dataset

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.dataset.set_epoch(epoch)
