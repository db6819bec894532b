"""Callbacks of a run, which save weights, write metrics, draw predictions and stop training."""

import csv
import io
import math

import keras
import numpy as np

from hierseg_keras.decoding import best_path
from hierseg_keras.distribution.own_network import call_alone
from hierseg_keras.distribution.processes import alone, is_first
from hierseg_keras.distribution.replicas import copies_of
from hierseg_keras.files import write_whole, written_beside
from hierseg_keras.models.graph.model_scores import scores_of
from hierseg_keras.models.weights.finite_weights import check_finite_weights
from hierseg_keras.training.failing_pictures import OneWarning
from hierseg_keras.training.saved_weights import weights_as_bytes
from hierseg_keras.visualization import draw_levels

# The metric that early stopping monitors: the mean over levels of `metrics.LevelMeanIoU`.
MONITOR = "val_miou_mean"


class SaveWeights(keras.callbacks.Callback):
    """Saves the weights after each epoch if the loss and the weights are finite.

    The file is replaced atomically: if the process is killed while it saves, or the disk is full, the
    file keeps the weights of an earlier epoch.

    If the loss, the validation loss, `monitor` or a weight is NaN or infinite, nothing is saved and
    training ends with an error. Its message says which epoch's weights are kept.

    Args:
        path: `pathlib.Path` ending in `.weights.h5`.
        monitor: Optional name of a metric in the logs for which larger is better. If it is given, only the first
            epoch that has the metric and epochs that improve it are saved.
        announce: Optional function `announce(content, epoch)`, called before the file is replaced, with the
            file's content as bytes and the number of the epoch, starting from 1.

    Raises:
        FloatingPointError: At the end of an epoch, if the loss, the validation loss, `monitor` or a weight is NaN or
            infinite.
    """

    def __init__(self, path, monitor=None, announce=None):
        super().__init__()
        self.path, self.monitor, self.announce = path, monitor, announce
        self.best = self.saved_epoch = None

    def on_epoch_end(self, epoch, logs=None):
        number, logs = epoch + 1, logs or {}
        self._check_finite(number, logs)
        if self.monitor is not None:
            found = logs.get(self.monitor)
            if found is None or self.best is not None and not found > self.best:
                return
            self.best = found
        self.saved_epoch = number
        if not is_first():
            return
        with alone():
            content = weights_as_bytes(self.model)
        with written_beside(self.path) as new:
            new.write_bytes(content)
            if self.announce is not None:
                self.announce(content, number)

    def _check_finite(self, number, logs):
        for name in ("loss", "val_loss", *([self.monitor] if self.monitor else [])):
            if name in logs and not math.isfinite(logs[name]):
                raise FloatingPointError(f"`{name}` became {logs[name]} in epoch {number}. {self._advice()}")
        try:
            check_finite_weights(self.model, f"saving epoch {number}")
        except FloatingPointError as error:
            raise FloatingPointError(f"{error} {self._kept()}") from None

    def _advice(self):
        cause = "Lower the learning rate, and check that every label is a node of the tree or `ignore_class`."
        tree, own = getattr(self.model, "tree", None), getattr(getattr(self.model, "loss", None), "tree", None)
        if tree is not None and own is not None and own.num_nodes < tree.num_nodes:
            cause += (
                " A flat crossentropy has no value for a label at an internal node: for such labels, choose "
                "HierarchicalCrossentropy."
            )
        return f"{self._kept()} {cause}"

    def _kept(self):
        if self.saved_epoch is None:
            return "No weights were saved."
        return f"{self.path} keeps the weights of epoch {self.saved_epoch}."


class WriteLog(keras.callbacks.Callback):
    """Writes the metrics of every epoch to a CSV file, one row per epoch, with columns sorted by name.

    The file is complete after each epoch, even if the process is killed. If training resumes from an
    earlier epoch, the rows of that epoch and of later epochs are replaced.

    Args:
        path: `pathlib.Path` of the file. Epochs count from 0, as in `keras.callbacks.CSVLogger`.

    Raises:
        ValueError: At the start of the training, if the file exists and is no such log.
    """

    def __init__(self, path):
        super().__init__()
        self.path = path

    def on_train_begin(self, logs=None):
        # Before the first epoch, not after it, an error costs no time.
        self._rows()

    def on_epoch_end(self, epoch, logs=None):
        if not is_first():
            return
        rows = [row for row in self._rows() if int(row["epoch"]) < epoch]
        rows.append({"epoch": epoch, **{name: float(logs[name]) for name in sorted(logs or {})}})
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, dict.fromkeys(name for row in rows for name in row), restval="NA")
        writer.writeheader()
        writer.writerows(rows)
        write_whole(self.path, text.getvalue())

    def _rows(self):
        if not self.path.is_file():
            return []
        with self.path.open(newline="", encoding="utf-8", errors="replace") as file:
            rows = list(csv.DictReader(file))
        for number, row in enumerate(rows, start=1):
            if not (row.get("epoch") or "").isdecimal():
                raise ValueError(
                    f"{self.path}: expected the log as training wrote it, with commas and whole numbers in the column "
                    f"`epoch`. Received: epoch={row.get('epoch')!r} in row {number}. Restore the file, or delete it to "
                    "go on without the metrics of earlier epochs."
                )
        return rows


class SeedEpochs(keras.callbacks.Callback):
    """Seeds the random generators of layers, such as dropout, at the start of each epoch.

    Keras does not save the states of random generators. A network that is loaded to continue its training
    would therefore draw other numbers than in an uninterrupted training. This callback sets each state from
    the seed, the number of the epoch and the replica, so that earlier epochs have no influence.

    Args:
        seed: Integer.
    """

    def __init__(self, seed):
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch, logs=None):
        # States are numbered by their position in the network, because their names differ between processes.
        states = [variable for variable in self.model.variables if variable.name == "seed_generator_state"]
        for position, state in enumerate(states):
            for replica, copy in enumerate(copies_of(self.model, state)):
                copy.assign(_first_state(self.seed, epoch, position, replica))


def _first_state(*numbers):
    """Derives the state of a random generator, two integers, from numbers."""
    return [int(np.random.SeedSequence(numbers).generate_state(1)[0]) >> 1, 0]


class DrawPredictions(keras.callbacks.Callback):
    """Draws validation images with ground truth and prediction at every level during training.

    A picture that cannot be drawn or written does not end the run. The first failure gives a warning,
    and later pictures are still attempted.

    Args:
        tree: `ClassTree`.
        examples: List of pairs `(image, label)`, `(H, W, 3)` and `(H, W)` arrays.
        write: Function `write(figure, index, epoch)` that saves a figure. `index` is the number of the
            example, starting from 0, and `epoch` starts from 1.
        every: Number of epochs between pictures. The last epoch is always drawn.
        palette: Colors of the nodes, as in `visualization.node_colors`.
    """

    def __init__(self, tree, examples, write, every=5, palette=None):
        super().__init__()
        self.tree, self.examples, self.write, self.every = tree, examples, write, every
        # Private, so that a resumed run may have another palette.
        self._palette = palette
        self._only_warning = OneWarning("A picture of predictions")

    def on_epoch_end(self, epoch, logs=None):
        number = epoch + 1
        if not is_first():
            return
        if number % self.every and number != self.params["epochs"] and not self.model.stop_training:
            return
        for index in range(len(self.examples)):
            with self._only_warning:
                self._draw(index, number)

    def _draw(self, index, number):
        image, label = self.examples[index]
        # Called eagerly, because compiling a graph for one image takes longer than drawing all pictures.
        scores = scores_of(self.model, "DrawPredictions", self.tree)
        leaf, _ = best_path(self.tree, call_alone(self.model, image[None]), scores.kind, scores.from_logits)
        maps = {"truth": label, f"epoch {number}": leaf[0]}
        self.write(draw_levels(self.tree, image, maps, palette=self._palette), index, number)


def png_writer(folder):
    """Returns the `write` of `DrawPredictions` that saves the pictures of one example as `epoch_001.png` and so on."""

    def write(figure, index, epoch):
        with written_beside(folder / f"epoch_{epoch:03d}.png") as new:
            figure.savefig(new)

    return write


class StopEarly(keras.callbacks.EarlyStopping):
    """Stops training when validation mIoU stops improving, and restores the best weights.

    Args:
        patience: Number of validations to wait for an improvement. Epochs without validation do not count.
    """

    def __init__(self, patience):
        super().__init__(MONITOR, mode="max", patience=patience, restore_best_weights=True)

    def on_epoch_end(self, epoch, logs=None):
        if self.monitor in (logs or {}):
            super().on_epoch_end(epoch, logs)
