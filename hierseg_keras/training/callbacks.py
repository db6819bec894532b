"""What is written into a run's folder while it trains."""

import os

import keras

from hierseg_keras.decoding import best_path
from hierseg_keras.visualization import draw_levels


class SaveWeights(keras.callbacks.Callback):
    """Saves the weights after every epoch: written beside, then renamed.

    A run that is killed while saving keeps the weights of the epoch before, which a write in
    place would lose.

    Args:
        path: File ending in `.weights.h5`.
    """

    def __init__(self, path):
        super().__init__()
        self.path = path

    def on_epoch_end(self, epoch, logs=None):
        beside = self.path.with_name("saving." + self.path.name)
        self.model.save_weights(beside)
        os.replace(beside, self.path)


class DrawPredictions(keras.callbacks.Callback):
    """Draws one validation image with truth and prediction at every level, as training goes on.

    Args:
        tree: `ClassTree`.
        image, label: `(H, W, 3)` and `(H, W)` arrays.
        folder: Where `epoch_001.png` and so on are written.
        every: Epochs between pictures; the last epoch is drawn too.
    """

    def __init__(self, tree, image, label, folder, every=5):
        super().__init__()
        self.tree, self.image, self.label, self.folder, self.every = tree, image, label, folder, every

    def on_epoch_end(self, epoch, logs=None):
        number = epoch + 1
        if number % self.every and number != self.params["epochs"]:
            return
        # Called as it is: compiling a graph for one image takes longer than all the pictures.
        leaf, _ = best_path(self.tree, self.model(self.image[None], training=False))
        maps = {"truth": self.label, f"epoch {number}": leaf[0]}
        draw_levels(self.tree, self.image, maps, self.folder / f"epoch_{number:03d}.png")
