"""Runs the writing of results in threads, behind the network."""

import collections
import concurrent.futures
import contextlib


class WriteBehind:
    """Runs functions in threads. A limited number of them waits. The first error is raised by the next call.

    Args:
        pool: `concurrent.futures.ThreadPoolExecutor`.
        count: Number of functions that may wait.
    """

    def __init__(self, pool, count):
        self._pool, self._count = pool, count
        self._waiting, self.num_done = collections.deque(), 0

    def submit(self, function, *arguments):
        """Runs a function in a thread, after waiting until few enough are left."""
        while self._waiting and (len(self._waiting) >= self._count or self._waiting[0].done()):
            self._finish_oldest()
        self._waiting.append(self._pool.submit(function, *arguments))

    def finish(self):
        """Waits until all functions have ended."""
        while self._waiting:
            self._finish_oldest()

    def _finish_oldest(self):
        self._waiting.popleft().result()
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
