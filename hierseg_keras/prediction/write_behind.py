"""Runs the writing of results in threads, behind the network."""

import collections
import concurrent.futures
import contextlib

# The number of pixels that may wait to be written. A single image may have more.
MAX_WAITING_PIXELS = 1 << 26


class WriteBehind:
    """Runs functions in threads. A limited number of them waits. The first error is raised by the next call.

    Args:
        pool: `concurrent.futures.ThreadPoolExecutor`.
        count: Number of functions that may wait.

    Attributes:
        num_done: Number of functions that have ended.
    """

    def __init__(self, pool, count):
        self._pool, self._count = pool, count
        self._waiting, self._num_pixels, self.num_done = collections.deque(), 0, 0

    def submit(self, num_pixels, function, *arguments):
        """Runs a function in a thread, after waiting until few enough are left.

        Args:
            num_pixels: Number of pixels of the image that the function writes.
            function, *arguments: Function and its arguments.
        """
        while self._waiting and (self._is_full(num_pixels) or self._waiting[0][1].done()):
            self._finish_oldest()
        self._waiting.append((num_pixels, self._pool.submit(function, *arguments)))
        self._num_pixels += num_pixels

    def finish(self):
        """Waits until all functions have ended."""
        while self._waiting:
            self._finish_oldest()

    def _is_full(self, num_pixels):
        return len(self._waiting) >= self._count or self._num_pixels + num_pixels > MAX_WAITING_PIXELS

    def _finish_oldest(self):
        num_pixels, future = self._waiting.popleft()
        future.result()
        self._num_pixels -= num_pixels
        self.num_done += 1


@contextlib.contextmanager
def writing_behind(threads, count):
    """Makes a `WriteBehind` for the block. If the block ends with an error, functions that wait are not run."""
    pool = concurrent.futures.ThreadPoolExecutor(threads, "write")
    try:
        behind = WriteBehind(pool, count)
        yield behind
        behind.finish()
    finally:
        pool.shutdown(cancel_futures=True)
