import signal
import threading

import pytest

from hierseg_keras.training.checkpoints.stop_request import TrainingInterrupted, catching_signals


@pytest.mark.usefixtures("interruptible")
class CatchingSignalsTest:
    def test_the_first_signal_is_a_request_and_the_second_acts_at_once(self, capfd):
        before = signal.getsignal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt) as caught, catching_signals() as request:
            signal.raise_signal(signal.SIGINT)
            assert request.signal == signal.SIGINT
            assert "SIGINT: the training saves its state after this batch." in capfd.readouterr().err
            signal.raise_signal(signal.SIGINT)
            signal.pause()
        assert not isinstance(caught.value, TrainingInterrupted) and signal.getsignal(signal.SIGINT) is before

    def test_a_request_that_nobody_noticed_acts_at_the_end(self):
        with pytest.raises(TrainingInterrupted, match="SIGTERM: the training has reached its end") as caught:
            with catching_signals():
                signal.raise_signal(signal.SIGTERM)
        assert caught.value.signal == signal.SIGTERM

    def test_ignored_signals_stay_ignored(self):
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            with catching_signals() as request:
                signal.raise_signal(signal.SIGINT)
                assert request.signal is None
            assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
        finally:
            signal.signal(signal.SIGINT, before)

    def test_other_threads_leave_signals_alone(self):
        before, seen = signal.getsignal(signal.SIGTERM), []

        def run():
            with catching_signals() as request:
                seen.append((request.signal, signal.getsignal(signal.SIGTERM)))

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        assert seen == [(None, before)]
