"""Signals that ask a training to stop."""

import contextlib
import os
import signal
import sys
import threading

from hierseg_keras.distribution.processes import largest

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class TrainingInterrupted(KeyboardInterrupt):
    """Says that a training stopped because of a signal, after it saved its state.

    It is a `KeyboardInterrupt`, so that `except Exception` does not catch it. `train(config, folder, resume=True)`
    resumes the run.

    Attributes:
        signal: Number of the signal.
    """

    def __init__(self, message: str, signal: int):
        super().__init__(message)
        self.signal = signal


class StopRequest:
    """Remembers the first signal that asks the process to stop.

    Attributes:
        signal: Number of the signal, or `None`.
    """

    def __init__(self):
        self.signal = None

    def agree(self, flag=False):
        """Shares the request, and a flag, with the other processes of the training. All of them must call it.

        Args:
            flag: Boolean. Defaults to `False`.

        Returns:
            A pair of Booleans: whether any process has received a signal, and whether the flag of any process is set.
        """
        signal, flag = largest(self.signal or 0, flag)
        self.signal = signal or None
        return self.signal is not None, bool(flag)


@contextlib.contextmanager
def catching_signals():
    """Turns the first SIGTERM or SIGINT (Ctrl-C) during the block into a request. A second one acts at once.

    Only the main thread of a program receives signals. In another thread, signals act as usual. So do signals that the
    process ignores, such as Ctrl-C for a job in the background.

    Yields:
        `StopRequest`.

    Raises:
        TrainingInterrupted: At the end of the block, if there was a request that it did not notice.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    before = {number: handler for number, handler in handlers.items() if handler != signal.SIG_IGN}

    def restore():
        for number, handler in before.items():
            # `None` is a handler that was not set by Python.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def handle(number, frame):
        request.signal = number
        restore()
        _announce(number)

    for number in before:
        signal.signal(number, handle)
    try:
        yield request
    finally:
        restore()
    if request.agree()[0]:
        name = signal.Signals(request.signal).name
        raise TrainingInterrupted(f"{name}: the training has reached its end, and is saved.", request.signal)


def _announce(number):
    """Says that the signal was noticed. `print` would fail if the signal interrupts another `print`."""
    name = signal.Signals(number).name
    line = f"\n{name}: the training saves its state after this batch. A second one ends it at once.\n"
    # In notebooks, stderr is no file.
    with contextlib.suppress(OSError, AttributeError):
        os.write(sys.stderr.fileno(), line.encode())
