"""A function over many items at once, its results in order."""

import collections
import concurrent.futures
import os

# Each holds an image decoded; twenty megapixels take some hundred megabytes on their way through.
_MAX_WORKERS = 16
_WAITING = 2


def ordered_map(function, items, workers=None):
    """`map(function, items)` on several threads, with a bounded number of results at a time.

    Pillow, zlib and TensorFlow let other threads run while they decode and encode, so threads
    keep all cores busy and, unlike processes, need no copy of TensorFlow each.

    Args:
        function: Of one argument.
        items: Iterable of arguments.
        workers: Number of threads. Defaults to the machine's cores, 16 at most.

    Yields:
        `function(item)` for each item in turn; at most two a worker are made or under way ahead
        of the one that is asked for. An exception of `function` is raised in its item's turn.
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
