"""Decodes image files in threads, ahead of the network."""

import collections
import concurrent.futures
import itertools

# The number of decoded pixels that may wait, 192 MB as RGB. A single image may have more.
MAX_WAITING_PIXELS = 1 << 26


def read_ahead(images, read, threads, count):
    """Decodes images in threads.

    Args:
        images: List of `ImageFile`.
        read: Function from a path to an array `(H, W, 3)`. A `ValueError` says that the file cannot be used.
        threads: Number of threads.
        count: Number of images that may wait.

    Yields:
        Pairs of an `ImageFile` and its pixels, or the `ValueError`, in the order of `images`.
    """
    images, waiting = iter(images), collections.deque()
    pool = concurrent.futures.ThreadPoolExecutor(threads, "read")
    try:
        while True:
            while len(waiting) < count and (not waiting or _pixels(waiting) < MAX_WAITING_PIXELS):
                following = list(itertools.islice(images, 1))
                if not following:
                    break
                waiting.append((following[0], pool.submit(read, following[0].path)))
            if not waiting:
                return
            image, future = waiting.popleft()
            try:
                result = future.result()
            except ValueError as error:
                result = error
            yield image, result
            # Freed before the next image is waited for.
            del future, result
    finally:
        pool.shutdown(cancel_futures=True)


def _pixels(waiting):
    """Counts the pixels of the images that are decoded."""
    done = (future for _, future in waiting if future.done() and future.exception() is None)
    return sum(future.result().size // 3 for future in done)
