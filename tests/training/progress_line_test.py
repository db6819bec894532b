import re

import pytest

from hierseg_keras.training.progress_line import ProgressLine, progress_of

LOGS = {"loss": 12.34567, "miou_mean": 0.98765, "miou_1": 0.5, "depth_loss_1": 3.0}
VALIDATION = {"val_loss": 12.34567, "val_miou_mean": 0.98765, "val_miou_1": 0.5, "val_mistake_severity": 2.0}


def fit(callback, epochs=2, steps=12345):
    """Calls the hooks as `fit` does, with a validation in each epoch."""
    callback.set_params({"epochs": epochs, "steps": steps, "verbose": 0})
    callback.on_train_begin()
    for epoch in range(epochs):
        callback.on_epoch_begin(epoch)
        for batch in (0, (steps or 7) - 1):
            callback.on_train_batch_end(batch, LOGS)
        evaluate(callback)
        callback.on_epoch_end(epoch, {**LOGS, **VALIDATION})
    callback.on_train_end()


def evaluate(callback):
    callback.on_test_begin()
    callback.on_test_batch_end(0, LOGS)
    callback.on_test_end(LOGS)


def seen(printed):
    """The lines that a terminal shows in the end."""
    plain = re.sub(r"\x1b\[\d+m|\x08", "", printed)
    return [line.rsplit("\r", 1)[-1].rstrip() for line in plain.rstrip("\n").split("\n")]


class ProgressLineTest:
    def test_a_pipe_gets_a_line_per_epoch(self, capsys):
        fit(ProgressLine())
        printed = capsys.readouterr().out
        first, second = printed.splitlines()
        values = "loss: 12.3457 - miou_mean: 0.9877 - val_miou_mean: 0.9877"
        assert re.fullmatch(rf"Epoch 1/2 - 12345/12345 - \d+s - \d+[um]s/step - {values}", first)
        assert second.startswith("Epoch 2/2") and len(first) <= 100
        assert not set(printed) & set("\r\x1b\x08")

    def test_a_terminal_shows_a_bar_that_fits(self, capsys, monkeypatch):
        monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
        fit(ProgressLine())
        lines = seen(capsys.readouterr().out)
        assert lines[0] == "Epoch 1/2" and lines[2] == "Epoch 2/2" and len(lines) == 4
        assert "━" * 10 in lines[1] and lines[1].endswith("miou_mean: 0.9877 - val_miou_mean: 0.9877")
        # As many digits as a long epoch has.
        assert len(lines[1]) + len("12345s") - len("0s") <= 100

    def test_data_without_a_length_is_counted(self, capsys):
        fit(ProgressLine(), epochs=1, steps=None)
        assert capsys.readouterr().out.startswith("Epoch 1/1 - 7/7 - ")

    @pytest.mark.parametrize("is_terminal", [True, False])
    def test_an_evaluation_has_a_bar_in_a_terminal_alone(self, is_terminal, capsys, monkeypatch):
        monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal, raising=False)
        callback = ProgressLine()
        callback.set_params({"epochs": 1, "steps": 1, "verbose": 0})
        evaluate(callback)
        printed = capsys.readouterr().out
        assert ("loss: 12.3457 - miou_mean: 0.9877" in printed) is is_terminal and bool(printed) is is_terminal

    def test_a_verbosity_of_the_user_is_keras_s(self):
        assert [progress_of(verbose) for verbose in (0, 1, 2)] == [(0, []), (1, []), (2, [])]
        verbose, [callback] = progress_of("auto")
        assert verbose == 0 and isinstance(callback, ProgressLine)
