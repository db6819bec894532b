"""Prints the progress of a run in a line of at most 100 columns."""

import sys

import keras

# Metrics in the line, by their names in `log.csv`.
SHOWN = ("loss", "miou_mean", "val_miou_mean")
_BAR_COLUMNS = 10
_TERMINAL, _PIPE, _SILENT = 1, 2, 0


def progress_of(verbose):
    """Converts the `verbose` of a run to a pair for `fit` or `evaluate`: Keras's `verbose`, and a list of callbacks."""
    return (0, [ProgressLine()]) if verbose == "auto" else (verbose, [])


class ProgressLine(keras.callbacks.Callback):
    """Prints the loss and the mean IoU during training.

    Keras's own progress bar prints every metric, which is too long for a tree. In a terminal or a notebook, this
    callback shows Keras's bar with few metrics. Otherwise, such as in a pipe, it prints one line per epoch of `fit`,
    and nothing for `evaluate`.

    Use it with `verbose=0`.
    """

    def __init__(self):
        super().__init__()
        self._is_terminal = sys.stdout.isatty() or "ipykernel" in sys.modules
        self._is_in_fit, self._bar, self._seen = False, None, 0

    def on_train_begin(self, logs=None):
        self._is_in_fit = True

    def on_train_end(self, logs=None):
        self._is_in_fit = False

    def on_epoch_begin(self, epoch, logs=None):
        if self._is_terminal:
            print(self._epoch(epoch))
        self._begin(_TERMINAL if self._is_terminal else _PIPE)

    def on_train_batch_end(self, batch, logs=None):
        self._update(batch, logs)

    def on_epoch_end(self, epoch, logs=None):
        if not self._is_terminal:
            print(self._epoch(epoch), end=" - ")
        self._end(logs)

    def on_test_begin(self, logs=None):
        if not self._is_in_fit:
            self._begin(_TERMINAL if self._is_terminal else _SILENT)

    def on_test_batch_end(self, batch, logs=None):
        if not self._is_in_fit:
            self._update(batch, logs)

    def on_test_end(self, logs=None):
        if not self._is_in_fit:
            self._end(logs)

    def _epoch(self, epoch):
        return f"Epoch {epoch + 1}/{self.params['epochs']}"

    def _begin(self, verbose):
        # Keras has already averaged the values over batches.
        self._bar = keras.utils.Progbar(self.params["steps"], _BAR_COLUMNS, verbose, stateless_metrics=())
        self._seen = 0

    def _update(self, batch, logs):
        self._seen = batch + 1
        self._bar.update(self._seen, _shown(logs), finalize=False)

    def _end(self, logs):
        # The number of batches is unknown in the first epoch if the data have no length.
        self._bar.target = self._bar.target or self._seen
        self._bar.update(self._bar.target, _shown(logs), finalize=True)


def _shown(logs):
    return [(name, logs[name]) for name in SHOWN if name in (logs or {})]
