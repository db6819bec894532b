"""Decodes image files in threads, ahead of the network."""

import collections
import concurrent.futures
import threading

# The number of decoded pixels that may wait, 192 MB as RGB. As many images as there are threads may exceed it.
MAX_WAITING_PIXELS = 1 << 26


def read_ahead(images, read, threads, count):
    """Decodes images in threads.

    Args:
        images: Iterable of `ImageFile`.
        read: Function from an `ImageFile` to an array `(H, W, 3)`. A `ValueError` says that the file cannot be used.
        threads: Number of threads.
        count: Number of images that may wait.

    Yields:
        Pairs of an `ImageFile` and its pixels, or the `ValueError`, in the order of `images`.
    """
    pool = concurrent.futures.ThreadPoolExecutor(threads, "read")
    queue = _Queue(iter(images), lambda image: pool.submit(read, image), threads, count)
    try:
        while (following := queue.pop()) is not None:
            image, future = following
            try:
                result = future.result()
            except ValueError as error:
                result = error
            # Freed before the next image is waited for.
            del following, future
            yield image, result
    finally:
        queue.close()
        pool.shutdown(cancel_futures=True)


class _Queue:
    """Images that are being decoded, or are decoded and wait.

    Each read begins the next one when it ends, because the size of an image is not known before. The network may be
    busy for seconds, so that nobody else could.
    """

    def __init__(self, images, begin, threads, count):
        self._images, self._begin, self._threads, self._count = images, begin, threads, count
        self._waiting, self._num_begun, self._lock = collections.deque(), 0, threading.RLock()

    def pop(self):
        """Returns the next image and the future of its pixels, or `None` after the last image."""
        with self._lock:
            self._fill()
            following = self._waiting.popleft() if self._waiting else None
            self._fill()
        return following

    def close(self):
        """Lets no further read begin."""
        with self._lock:
            self._images = iter(())
            self._waiting.clear()

    def _fill(self, ended=0):
        with self._lock:
            self._num_begun -= ended
            while self._has_room():
                image = next(self._images, None)
                if image is None:
                    return
                self._num_begun += 1
                future = self._begin(image)
                self._waiting.append((image, future))
                future.add_done_callback(lambda _: self._fill(ended=1))

    def _has_room(self):
        if not self._waiting:
            return True
        if self._num_begun >= self._threads or len(self._waiting) >= self._count:
            return False
        done = (future for _, future in self._waiting if future.done() and future.exception() is None)
        return sum(future.result().size // 3 for future in done) < MAX_WAITING_PIXELS
