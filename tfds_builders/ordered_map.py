"""Calls a function on several threads and returns the results in order."""

import collections
import concurrent.futures
import os

# Each worker holds a decoded image. An image of twenty megapixels needs about a hundred megabytes.
_MAX_WORKERS = 16
_WAITING = 2


def ordered_map(function, items, workers=None):
    """Computes `map(function, items)` on several threads with a bounded number of pending results.

    Pillow, zlib and TensorFlow release Python's lock while they decode and encode, so threads keep
    all cores busy. Unlike processes, they do not need a copy of TensorFlow each.

    Args:
        function: Function of one argument.
        items: Iterable of arguments.
        workers: Integer, number of threads. Defaults to the number of cores, at most 16.

    Yields:
        `function(item)` for each item, in order. At most two results per worker are computed ahead.
        If `function` raises an exception, it is raised at the position of its item.
    """
    workers = workers or min(os.cpu_count() or 1, _MAX_WORKERS)
    under_way = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                under_way.append(pool.submit(function, item))
                if len(under_way) > _WAITING * workers:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()
