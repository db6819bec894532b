"""Signals that ask a training to stop."""

import contextlib
import signal
import threading

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class TrainingInterrupted(KeyboardInterrupt):
    """Says that a training stopped because of a signal, after it saved its state.

    Attributes:
        signal: Number of the signal.
    """

    def __init__(self, message, signal):
        super().__init__(message)
        self.signal = signal


class StopRequest:
    """Remembers the first signal that asks the process to stop.

    Attributes:
        signal: Number of the signal, or `None`.
    """

    def __init__(self):
        self.signal = None


@contextlib.contextmanager
def catching_signals():
    """Turns the first SIGTERM or SIGINT (Ctrl-C) during the block into a request. A second one acts at once.

    Only the main thread of a program receives signals. In another thread, signals act as usual.

    Yields:
        `StopRequest`.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def restore():
        for number, handler in before.items():
            # `None` is a handler that was not set by Python.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def handle(number, frame):
        request.signal = number
        restore()

    for number in _SIGNALS:
        signal.signal(number, handle)
    try:
        yield request
    finally:
        restore()
