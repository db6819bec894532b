"""How far a run is, in one line that fits 100 columns."""

import sys

import keras

# As `log.csv` names them.
SHOWN = ("loss", "miou_mean", "val_miou_mean")
_BAR_COLUMNS = 10
_TERMINAL, _PIPE, _SILENT = 1, 2, 0


def progress_of(verbose):
    """Returns what `verbose` of a run means to Keras: the `verbose` of `fit` or `evaluate`, and a list of callbacks."""
    return (0, [ProgressLine()]) if verbose == "auto" else (verbose, [])


class ProgressLine(keras.callbacks.Callback):
    """Prints loss and mIoU as training goes on.

    Keras's own progress bar prints every metric, and a tree has many. In a terminal or a notebook the line is
    Keras's bar. Elsewhere, as in a pipe, it is printed once per epoch. An evaluation outside of `fit`, whose metrics
    are returned, has no line there.

    Pass it with `verbose=0`.
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
        # Keras has averaged the values.
        self._bar = keras.utils.Progbar(self.params["steps"], _BAR_COLUMNS, verbose, stateless_metrics=())
        self._seen = 0

    def _update(self, batch, logs):
        self._seen = batch + 1
        self._bar.update(self._seen, _shown(logs), finalize=False)

    def _end(self, logs):
        # Unknown in the first epoch of data without a length.
        self._bar.target = self._bar.target or self._seen
        self._bar.update(self._bar.target, _shown(logs), finalize=True)


def _shown(logs):
    return [(name, logs[name]) for name in SHOWN if name in (logs or {})]
