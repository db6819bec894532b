"""Prints the progress of a command that works on many files, in a line that is updated in a terminal."""

import sys
import time

# In seconds. The terminal is not updated more often.
_INTERVAL = 0.2
# Moves to the beginning of the line, and clears it.
_CLEAR = "\r\x1b[K"


class FileProgress:
    """Prints messages in lines of their own, and below them, in a terminal, how many images are done.

    Args:
        stream: Text stream. Defaults to stderr.
    """

    def __init__(self, stream=None):
        self._stream = stream or sys.stderr
        self._is_terminal = self._stream.isatty()
        self._line, self._shown_at = "", -_INTERVAL
        self._start = self._first = None

    def update(self, num_done, num_images):
        """Shows the number of images that are done, if the stream is a terminal."""
        now = time.monotonic()
        if self._start is None:
            # The first batch takes longer, because the network is prepared for it.
            self._start, self._first = now, num_done
        if not self._is_terminal or (now - self._shown_at < _INTERVAL and num_done < num_images):
            return
        self._line, self._shown_at = f"{num_done}/{num_images} images{self._speed(now, num_done, num_images)}", now
        self._print(_CLEAR + self._line)

    def message(self, text):
        """Prints a line of text above the progress."""
        self._print(f"{_CLEAR if self._line else ''}{text}\n{self._line}")

    def end(self):
        """Ends the line of progress."""
        if self._line:
            self._print("\n")
            self._line = ""

    def _speed(self, now, num_done, num_images):
        speed = (num_done - self._first) / max(now - self._start, 1e-3)
        if not speed:
            return ""
        left = round((num_images - num_done) / speed)
        return f" - {speed:.1f} images/s - {left // 3600}:{left // 60 % 60:02}:{left % 60:02} left"

    def _print(self, text):
        self._stream.write(text)
        self._stream.flush()
