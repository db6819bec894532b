"""Groups images of equal size into batches."""

import operator

# The number of images and pixels of a batch if no size is asked for. The scores of a batch with 40 classes then have
# 640 MB.
BATCH_SIZE, MAX_BATCH_PIXELS = 8, 1 << 22
# How many times as many images as in a batch may wait for others of their size, and how many pixels.
_WAITING_BATCHES, _MAX_WAITING_PIXELS = 4, 1 << 26


def batches_of_equal_size(images, batch_size=None, num_pixels=operator.mul):
    """Groups images of equal size into batches, in nearly the order in which they come.

    A batch begins with the oldest image. Images of other sizes wait for their batch to be full, until too many wait:
    then the batch of the oldest image is not filled any further.

    Args:
        images: Iterable of pairs of any object and an array `(H, W, C)`.
        batch_size: Number of images in a batch. Defaults to 8, or fewer if these have more than 4 megapixels.
        num_pixels: Function from the height and width of an image to the number of pixels that count for this limit.
            Defaults to their product.

    Yields:
        Lists of pairs, with arrays of equal shape.
    """
    most = batch_size or BATCH_SIZE
    groups, count, pixels = {}, 0, 0
    for pair in images:
        height, width = pair[1].shape[:2]
        group = groups.setdefault((height, width), [])
        group.append(pair)
        count, pixels = count + 1, pixels + height * width
        is_large = batch_size is None and (len(group) + 1) * num_pixels(height, width) > MAX_BATCH_PIXELS
        is_full = len(group) == most or is_large
        too_many = count > _WAITING_BATCHES * most or pixels > _MAX_WAITING_PIXELS
        if is_full or too_many:
            size = (height, width) if is_full else next(iter(groups))
            batch = groups.pop(size)
            count, pixels = count - len(batch), pixels - len(batch) * size[0] * size[1]
            yield batch
    yield from groups.values()
