"""Examples of a `tf.data.Dataset`, which are read in order."""

import numpy as np
import tensorflow as tf

from hierseg_keras.data.example_problem import example_problem

# Number of examples whose mean size, times their number, is the size of the data set.
_SAMPLE = 8


class DatasetExamples:
    """Reads the images and labels of a `tf.data.Dataset` in order.

    Args:
        dataset: Finite `tf.data.Dataset` of pairs `(image, label)`, without batches. If it does not know its number
            of examples, they are counted in a first pass.
        has_colors: Boolean, whether labels are colors, with a last axis of 3.

    Attributes:
        is_indexed, count, num_bytes: As in `ArrayExamples`. `num_bytes` is an estimate.
        first_labels: List of arrays, the labels of the first examples.

    Raises:
        TypeError: If `dataset` is not a `tf.data.Dataset`.
        ValueError: If it is infinite or empty, or its elements have another shape or dtype.
    """

    is_indexed = False

    def __init__(self, dataset, has_colors):
        if not isinstance(dataset, tf.data.Dataset):
            raise TypeError(
                "`data.from_dataset` expects a `tf.data.Dataset`. Received: a value of type "
                f"{type(dataset).__name__}. Make one with `tf.data.Dataset.from_generator`, or pass arrays to "
                "`data.from_arrays`."
            )
        _check_elements(dataset.element_spec, has_colors)
        self._dataset, self._has_colors = dataset, has_colors
        self.count = _count(dataset)
        first = list(dataset.take(_SAMPLE).as_numpy_iterator())
        self.first_labels = [label for _, label in first]
        self.num_bytes = int(np.mean([image.nbytes + label.nbytes for image, label in first]) * self.count)

    def stream(self):
        """Returns a `tf.data.Dataset` of pairs: image `(h, w, C)`, and label `(h, w)`, or `(h, w, 3)` of colors."""
        return self._dataset.map(self._plain)

    def _plain(self, image, label):
        image = image if image.shape.rank == 3 else image[..., None]
        return image, label if self._has_colors or label.shape.rank == 2 else tf.squeeze(label, -1)


def _check_elements(spec, has_colors):
    is_pair = isinstance(spec, tuple) and len(spec) == 2 and all(isinstance(part, tf.TensorSpec) for part in spec)
    problem = "expected a pair (image, label). Received: another structure" if not is_pair else None
    if is_pair and any(part.shape.rank is None for part in spec):
        problem = "expected a known number of axes. Received: an unknown shape. Call `tf.ensure_shape` in `map`"
    problem = problem or example_problem(*spec, has_colors)
    if problem:
        raise ValueError(f"`data.from_dataset`: {problem}. The elements are {spec}.")


def _count(dataset):
    count = int(dataset.cardinality())
    if count == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            "`data.from_dataset` expects a finite data set. Received: an infinite one. Pass it without `repeat`, or "
            "`dataset.take(...)`."
        )
    if count == tf.data.UNKNOWN_CARDINALITY:
        count = int(dataset.reduce(np.int64(0), lambda total, *_: total + 1))
    if not count:
        raise ValueError("`data.from_dataset` expects at least one example. Received: an empty data set.")
    return count
