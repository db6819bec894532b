"""Mean intersection over union in which small instances have the same weight as large ones."""

import keras
import numpy as np
from keras import ops

from hierseg_keras.decoding.best_path import best_leaf
from hierseg_keras.metrics.path_metric import PathMetric
from hierseg_keras.tree import ClassTree
from hierseg_keras.tree.labels import integer_map
from hierseg_keras.tree.not_converted import not_converted

# Mean number of pixels per instance in Cityscapes' training images of 1024 x 2048, from its benchmark.
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
    """Computes Cityscapes' iIoU, in which each pixel is weighted by the size of its instance.

    ```
    iIoU_c = iTP / (iTP + FP + iFN)
    ```

    iTP and iFN count the found and the missed pixels of a class. Each pixel has the weight `m / s`, where
    `m` is the mean size of the class's instances and `s` is the size of the pixel's instance, so that a
    distant pedestrian has the same weight as a near one. FP is unweighted, because wrongly predicted
    pixels belong to no instance. Labeled pixels outside of any instance, such as a group that annotators
    could not divide, are in neither iTP nor iFN of their class; if they are predicted as another class,
    they are in FP of that class.

    At a coarser level, a class has an iIoU if all its leaves have instances, such as Cityscapes'
    categories human and vehicle. A pixel is found if its predicted leaf belongs to the class. The mean
    is over the classes whose denominator has a pixel. Larger is better.

    Args:
        tree: `ClassTree`, or its text.
        sizes: Dict from each leaf with instances to their mean size in pixels. Defaults to
            `metrics.CITYSCAPES_INSTANCE_SIZES`, which is for images of 1024 x 2048.
        scores, ignore_class, name, dtype: As in `LevelMeanIoU`.

    Call arguments:
        y_true, y_pred: As in `LevelMeanIoU`.
        instances: Integer `(B, H, W)` or `(B, H, W, 1)`: a number from 1 to 65535 per instance of an
            image, and 0 for pixels outside of any instance. For Cityscapes' `instanceIds` files, replace
            values below 1000 by 0.

    Keras's `compile` and `fit` do not pass instances, so update this metric yourself:

        for image, label, instances in data:
            metric.update_state(label, model.predict_on_batch(image), instances)

    Returns:
        `result()` is a flat dict of scalars in [0, 1]: `{name}_1` (finest) to `{name}_D`, without levels that
        have no class with instances, and `{name}_mean`. NaN as in `LevelMeanIoU`, and also if any instance
        number was outside of [0, 65535].

    Raises:
        ValueError: If `sizes` is empty, a size is not above 0, or a class is not a leaf. From
            `update_state`: as in `LevelMeanIoU`, and if `instances` does not have one integer per pixel.
        TreeError: If a class of `sizes` is not a node of the tree.

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
            raise ValueError(
                f"`InstanceMeanIoU` expects `sizes` of at least one class, all above 0. Received: {self.sizes}."
            )
        nodes = [self.tree.index(node) for node in self.sizes]
        if max(nodes) >= self.tree.num_leaves or len(set(nodes)) < len(nodes):
            raise ValueError(
                f"`InstanceMeanIoU` expects different leaves as classes of `sizes`. Received: {list(self.sizes)}."
            )
        # By path, because JSON has no keys but strings.
        self.sizes = {self.tree.paths[node]: float(size) for node, size in zip(nodes, self.sizes.values())}
        self._mean_size = np.zeros(self.tree.num_nodes, "float32")
        self._mean_size[nodes] = list(self.sizes.values())
        shape = (self.tree.num_nodes, self.tree.num_leaves)
        self._weighted = self.add_variable(shape, "zeros", dtype="float32", name="weighted_pixels")

    @not_converted
    def update_state(self, y_true, y_pred, instances):
        y_pred = ops.convert_to_tensor(y_pred)
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
        """Returns whether all leaves of a class have instances, for each class of a level."""
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
    """Returns the instance numbers, int32 `(B, H, W)`, invalid numbers replaced by 0; and whether each is valid."""
    number, is_whole = integer_map("InstanceMeanIoU", "instances", "instance number", instances, y_pred)
    is_number = ops.logical_and(ops.logical_and(number >= 0, number < _MAX_INSTANCES), is_whole)
    return ops.where(is_number, number, 0), is_number


def _instance_sizes(number):
    """Returns the number of pixels of each pixel's instance, float32 `(B, H, W)`; infinite outside of instances."""
    images = ops.shape(number)[0]
    number_in_batch = ops.reshape(ops.arange(images), (-1, 1, 1)) * _MAX_INSTANCES + number
    ones = ops.reshape(ops.ones_like(number_in_batch), (-1,))
    sizes = ops.segment_sum(ones, ops.reshape(number_in_batch, (-1,)), num_segments=images * _MAX_INSTANCES)
    return ops.where(number > 0, ops.cast(ops.take(sizes, number_in_batch), "float32"), float("inf"))
