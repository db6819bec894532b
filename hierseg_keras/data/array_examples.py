"""Examples in arrays, which are read by their position."""

import collections

import numpy as np
import tensorflow as tf

from hierseg_keras.data.example_problem import example_problem
from hierseg_keras.messages.capped_list import capped

MAX_PROBLEMS = 20
_SHOWN_POSITIONS = 5


class ArrayExamples:
    """Reads images and labels of arrays by their position.

    Args:
        images: Array `(N, H, W, C)`, or iterable of arrays `(H, W, C)`.
        labels: Array `(N, H, W)`, or iterable of arrays `(H, W)`.
        has_colors: Boolean, whether labels are colors, with a last axis of 3.

    Attributes:
        labels: List of arrays. Read them here, because the argument may be an iterator, which has only one pass.
        is_indexed: Whether examples are read with `at`, by their position, or in order, with `stream`.
        count: Integer, number of examples.
        num_bytes: Integer, size of the arrays.

    Raises:
        ValueError: If there are no images, not as many labels, or an array has another shape or dtype. The error lists
            these arrays.
    """

    is_indexed = True

    def __init__(self, images, labels, has_colors):
        self._images, self.labels = ([np.asarray(array) for array in arrays] for arrays in (images, labels))
        self._has_colors = has_colors
        self.count = len(self._images)
        if not self.count or self.count != len(self.labels):
            raise ValueError(
                f"`data.from_arrays` expects images, and as many labels. Received: {self.count} images and "
                f"{len(self.labels)} labels."
            )
        positions = collections.defaultdict(list)
        for position, pair in enumerate(zip(self._images, self.labels)):
            positions[example_problem(*pair, has_colors)].append(str(position))
        positions.pop(None, None)
        problems = [f"`data.from_arrays`: {_examples(where)}: {problem}" for problem, where in positions.items()]
        if problems:
            raise ValueError("\n".join(capped(problems, MAX_PROBLEMS)))
        self._label_dtype = np.result_type(*{label.dtype for label in self.labels})
        self.num_bytes = sum(array.nbytes for arrays in (self._images, self.labels) for array in arrays)

    def at(self, position):
        """Returns the image and the label at a position.

        Args:
            position: Int64 scalar tensor.

        Returns:
            A pair: uint8 tensor `(h, w, 3)`, and an integer tensor `(h, w)`, or `(h, w, 3)` of colors.
        """
        dtypes = (tf.uint8, tf.as_dtype(self._label_dtype))
        image, label = tf.numpy_function(self._at, [position], dtypes, stateful=False)
        label_shape = (None, None, 3) if self._has_colors else (None, None)
        return tf.ensure_shape(image, (None, None, 3)), tf.ensure_shape(label, label_shape)

    def _at(self, position):
        image, label = self._images[position], self.labels[position]
        image = image.reshape(*image.shape[:2], -1)
        image = np.broadcast_to(image, (*image.shape[:2], 3))
        label = label if self._has_colors else label.reshape(label.shape[:2])
        return np.ascontiguousarray(image), np.ascontiguousarray(label, self._label_dtype)


def _examples(positions):
    return f"example{'s' * (len(positions) > 1)} {', '.join(capped(positions, _SHOWN_POSITIONS))}"
