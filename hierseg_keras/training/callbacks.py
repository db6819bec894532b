"""What is done after each epoch of a run: weights saved, predictions drawn, training stopped."""

import os

import keras

from hierseg_keras.decoding import best_path
from hierseg_keras.training.failing_pictures import OneWarning
from hierseg_keras.visualization import draw_levels

# What early stopping looks at, of `metrics.LevelMeanIoU`.
MONITOR = "val_miou_mean"


class SaveWeights(keras.callbacks.Callback):
    """Saves the weights after an epoch: written beside, then renamed.

    A run that is killed while saving keeps the weights of the epoch before, which a write in
    place would lose.

    Args:
        path: File ending in `.weights.h5`.
        monitor: Optional name of a figure in the logs, the larger the better. Where it is given,
            only an epoch that betters it is saved, the first one apart.
    """

    def __init__(self, path, monitor=None):
        super().__init__()
        self.path, self.monitor = path, monitor
        self.best = None

    def on_epoch_end(self, epoch, logs=None):
        if self.monitor is not None:
            if self.best is not None and not logs[self.monitor] > self.best:
                return
            self.best = logs[self.monitor]
        beside = self.path.with_name("saving." + self.path.name)
        self.model.save_weights(beside)
        os.replace(beside, self.path)


class AverageReplicas(keras.callbacks.Callback):
    """Gives every replica the mean of all replicas' moving averages before each validation.

    Under `MirroredStrategy` batch normalisation that is not synchronised keeps moving averages of
    its own on each replica, and Keras (3.15) reads and saves the first replica's only. Without
    this, validation would be of other networks than the one that is saved. On one replica it does
    nothing.
    """

    def on_test_begin(self, logs=None):
        strategy = self.model.distribute_strategy
        if strategy.num_replicas_in_sync == 1:
            return
        for variable in self.model.non_trainable_variables:
            # The states of random generators are integers.
            if keras.backend.is_float_dtype(variable.dtype):
                values = strategy.experimental_local_results(variable.value)
                variable.assign(keras.ops.mean(keras.ops.stack(values), axis=0))


class DrawPredictions(keras.callbacks.Callback):
    """Draws validation images with truth and prediction at every level, as training goes on.

    No picture ends a run: the first one that cannot be drawn or written gives a warning, and others
    are still tried.

    Args:
        tree: `ClassTree`.
        examples: List of pairs `(image, label)`, `(H, W, 3)` and `(H, W)` arrays.
        write: Function of a figure, the number of its example from 0 and of the epoch from 1,
            which puts the picture where it belongs.
        every: Epochs between pictures; the last epoch is drawn too.
    """

    def __init__(self, tree, examples, write, every=5):
        super().__init__()
        self.tree, self.examples, self.write, self.every = tree, examples, write, every
        self._only_warning = OneWarning("A picture of predictions")

    def on_epoch_end(self, epoch, logs=None):
        number = epoch + 1
        if number % self.every and number != self.params["epochs"] and not self.model.stop_training:
            return
        for index in range(len(self.examples)):
            with self._only_warning:
                self._draw(index, number)

    def _draw(self, index, number):
        image, label = self.examples[index]
        # Called as it is: compiling a graph for one image takes longer than all the pictures.
        leaf, _ = best_path(self.tree, self.model(image[None], training=False))
        maps = {"truth": label, f"epoch {number}": leaf[0]}
        self.write(draw_levels(self.tree, image, maps), index, number)


def png_writer(folder):
    """Writes pictures as `epoch_001.png` and so on, for `DrawPredictions` of one example."""

    def write(figure, index, epoch):
        figure.savefig(folder / f"epoch_{epoch:03d}.png")

    return write


def stop_early(patience):
    """Stops training where validation mIoU no longer grows, and goes back to the best epoch.

    Args:
        patience: Epochs to wait for a better one.

    Returns:
        `keras.callbacks.EarlyStopping`.
    """
    return keras.callbacks.EarlyStopping(MONITOR, mode="max", patience=patience, restore_best_weights=True)
