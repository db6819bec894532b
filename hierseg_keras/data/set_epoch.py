"""A Keras callback that has every epoch of `fit` see the batches of its number."""

import typing

import keras

if typing.TYPE_CHECKING:
    import tensorflow as tf


class SetEpoch(keras.callbacks.Callback):
    """Makes the batches of every epoch follow from the number of the epoch alone.

    Each pass over a training data set of `data.load` has a number, and its order, crops and mirror images are
    functions of that number and the seed. Without this callback a pass takes the number after the last one's,
    whoever made that pass. With it, epoch `n` of `fit` sees pass `n`: a run that was killed and is continued by
    `fit(..., initial_epoch=n)` in a new process sees exactly the batches that it would have seen.

    Pass `fit` a data set that ends, and no `steps_per_epoch`: Keras would carry one pass over several epochs.
    `train.take(steps)` shortens an epoch.

    Args:
        dataset: The data set that `data.load(training=True)` returned. What is passed to `fit` may be made from
            it, by `take`, `map` or the like.

    Raises:
        TypeError: If `dataset` is another data set.

    Example:

    >>> train = hs.data.load("street_blocks", "train", training=True, crop_size=(96, 128))
    >>> model.fit(train, epochs=20, initial_epoch=12, callbacks=[hs.data.SetEpoch(train)])  # doctest: +SKIP
    """

    def __init__(self, dataset: "tf.data.Dataset"):
        super().__init__()
        if not hasattr(dataset, "set_epoch"):
            raise TypeError(
                "`SetEpoch` expects the data set that `data.load(training=True)` returned, before `take`, `map` or the "
                f"like. Received: dataset={dataset!r}."
            )
        self.dataset = dataset

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.dataset.set_epoch(epoch)
