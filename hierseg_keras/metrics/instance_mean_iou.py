"""Mean intersection over union in which small instances weigh as much as large ones."""

import keras
import numpy as np
from keras import ops

from hierseg_keras.decoding.best_path import best_leaf
from hierseg_keras.metrics.path_metric import PathMetric
from hierseg_keras.tree import ClassTree
from hierseg_keras.tree.labels import integer_map

# Mean pixels of an instance in Cityscapes' training images of 1024 x 2048, as its benchmark has them.
CITYSCAPES_INSTANCE_SIZES = {
    "person": 3462.4756337644,
    "rider": 3930.4788056518,
    "car": 12794.0202738185,
    "truck": 27855.1264367816,
    "bus": 35732.1511111111,
    "train": 67583.7075812274,
    "motorcycle": 6298.7200839748,
    "bicycle": 4672.3249222261,
}
# Instance numbers are 16-bit.
_MAX_INSTANCES = 1 << 16


@keras.saving.register_keras_serializable("hierseg_keras")
class InstanceMeanIoU(PathMetric):
    """Computes Cityscapes' iIoU, the IoU with each instance's pixels weighted by the instance's size.

    ```
    iIoU_c = iTP / (iTP + FP + iFN)
    ```

    iTP and iFN are a class's pixels that are found and missed, each weighted by the mean size of the
    class's instances over the size of its own instance, so that a far pedestrian counts as much as
    a near one; FP is unweighted, as predicted pixels belong to no instance. A labeled pixel of a class
    with instances that lies in none, as in a group that annotators could not divide, is in neither
    iTP nor iFN, and predicted elsewhere still FP.

    At a coarser level a class has an iIoU if all its leaves have instances (of Cityscapes' categories
    human and vehicle), and a pixel is found if it is predicted anywhere in it. The mean is over the
    classes with a pixel in the denominator.

    Args:
        tree: `ClassTree`, or its text.
        sizes: Dict from each leaf with instances to their mean size in pixels, such as
            `metrics.CITYSCAPES_INSTANCE_SIZES` (the default), which is of images of 1024 x 2048.
        scores, ignore_class, name, dtype: As in `LevelMeanIoU`.

    Call arguments:
        y_true, y_pred: As in `LevelMeanIoU`.
        instances: Integer `(B, H, W)` or `(B, H, W, 1)`: a number from 1 to 65535 for each instance of
            an image, and 0 for a pixel in none. In Cityscapes' `instanceIds` files set values below 1000
            to 0.

    As `compile` does not pass instances, update this metric by hand:

        for image, label, instances in data:
            metric.update_state(label, model.predict_on_batch(image), instances)

    Returns:
        `result()` is a flat dict of scalars in [0, 1]: `{name}_1` (finest) to `{name}_D`, and `{name}_mean`,
        of the levels that have a class with instances. NaN as in `LevelMeanIoU`, and once an instance number
        was outside of [0, 65535].

    Raises:
        ValueError: If `sizes` is empty, or has a size that is not above 0 or a node that is no leaf. From
            `update_state`: as in `LevelMeanIoU`, and if `instances` does not have one integer per pixel.
        TreeError: If a class of `sizes` is no node of the tree.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> metric = hs.metrics.InstanceMeanIoU(tree, sizes={"person": 2, "rider": 2})
    >>> label, instances = np.array([[[0, 0, 0, 0, 2]]]), np.array([[[1, 1, 1, 2, 0]]])
    >>> metric.update_state(label, np.eye(3)[[[[0, 0, 0, 2, 2]]]], instances)
    >>> {name: float(value) for name, value in metric.result().items()}
    {'iiou_1': 0.5, 'iiou_2': 0.5, 'iiou_mean': 0.5}

    Reference:
        [Cordts et al., Cityscapes, CVPR 2016](https://arxiv.org/abs/1604.01685), section 4.1.
    """

    def __init__(
        self,
        tree: ClassTree | str,
        sizes: dict[str, float] | None = None,
        scores: str | None = None,
        from_logits: bool | None = None,
        ignore_class: int = 255,
        name: str | None = "iiou",
        dtype: str | None = None,
    ):
        super().__init__(tree, scores, from_logits, ignore_class, name, dtype)
        self.sizes = dict(CITYSCAPES_INSTANCE_SIZES if sizes is None else sizes)
        if not self.sizes or not all(size > 0 for size in self.sizes.values()):
            raise ValueError(f"`InstanceMeanIoU` expects `sizes` of a class or more, above 0. Received: {self.sizes}.")
        self._mean_size = np.zeros(self.tree.num_nodes, "float32")
        for node, size in self.sizes.items():
            self._mean_size[self.tree.index(node)] = size
        if self._mean_size[self.tree.num_leaves :].any():
            raise ValueError(f"`InstanceMeanIoU` expects `sizes` of leaves. Received: {list(self.sizes)}.")
        shape = (self.tree.num_nodes, self.tree.num_leaves)
        self._weighted = self.add_variable(shape, "zeros", dtype="float32", name="weighted_pixels")

    def update_state(self, y_true, y_pred, instances):
        number, is_number = _instance_numbers(instances, y_pred)
        y_pred, label, is_counted = self.read(y_true, y_pred, is_valid=is_number)
        leaf = best_leaf(self.meaning(y_pred), y_pred)
        self.confusion.update(label, leaf, is_counted)
        num_nodes, num_leaves = self.tree.num_nodes, self.tree.num_leaves
        weight = ops.where(is_counted, ops.take(self._mean_size, label) / _instance_sizes(number), 0.0)
        cells = ops.reshape(label * num_leaves + leaf, (-1,))
        batch = ops.segment_sum(ops.reshape(weight, (-1,)), cells, num_segments=num_nodes * num_leaves)
        self._weighted.assign(self._weighted + ops.reshape(batch, (num_nodes, num_leaves)))

    def values(self):
        levels = [level for level in self.confusion.levels if self._with_instances(level).any()]
        values = {str(level): self._mean_iou(level) for level in levels}
        return {**values, "mean": sum(values.values()) / len(values)}

    def _with_instances(self, level):
        """Whether each class of a level has instances throughout."""
        classes = self.tree.level_classes(level)
        return np.array([all(self._mean_size[leaf] > 0 for leaf in self.tree.leaves(node)) for node in classes])

    def _mean_iou(self, level):
        right, _, predicted = self.confusion.level_counts(level)
        found, labeled, _ = self.confusion.level_sums(self._weighted, level)
        union = labeled + predicted - right
        counts = ops.logical_and(union > 0, self._with_instances(level))
        ious = ops.where(counts, ops.divide_no_nan(found, union), 0.0)
        return ops.divide_no_nan(ops.sum(ious), ops.sum(ops.cast(counts, ious.dtype)))

    def get_config(self):
        return {**super().get_config(), "sizes": self.sizes}


def _instance_numbers(instances, y_pred):
    """Instances as int32, `(B, H, W)`, 0 for what is none; and whether each is a number that an instance may have."""
    number, is_whole = integer_map("InstanceMeanIoU", "instances", "instance number", instances, y_pred)
    is_number = ops.logical_and(ops.logical_and(number >= 0, number < _MAX_INSTANCES), is_whole)
    return ops.where(is_number, number, 0), is_number


def _instance_sizes(number):
    """Each pixel's instance's pixels, `(B, H, W)` float32; infinite for a pixel in none."""
    images = ops.shape(number)[0]
    number_in_batch = ops.reshape(ops.arange(images), (-1, 1, 1)) * _MAX_INSTANCES + number
    ones = ops.reshape(ops.ones_like(number_in_batch), (-1,))
    sizes = ops.segment_sum(ones, ops.reshape(number_in_batch, (-1,)), num_segments=images * _MAX_INSTANCES)
    return ops.where(number > 0, ops.cast(ops.take(sizes, number_in_batch), "float32"), float("inf"))
