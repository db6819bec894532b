"""The node of each class that masks declare."""

import pytest

from hierseg_keras.data import ClassMap
from hierseg_keras.data.mask_classes import mask_classes
from hierseg_keras.tree import ClassTree, TreeError
from tfds_builders.reading.masks import FoundMasks

TREE = ClassTree(["sky", "car"])


def found(*classes):
    return FoundMasks("coco_panoptic", {}, classes)


class MaskClassesTest:
    def test_classes_of_one_name_are_told_apart_by_their_ids(self):
        rows = mask_classes(found((5, "other"), (6, "other")), {5: "sky", 6: "car"}, TREE, "masks")
        assert rows == ((5, "other", "sky"), (6, "other", "car"))

    def test_a_table_of_names_has_the_declared_ids(self):
        table = ClassMap([(0, "road", "sky"), (1, "bus", "car")])
        assert mask_classes(found((5, "road"), (6, "bus")), table, TREE, "masks") == (
            (5, "road", "sky"),
            (6, "bus", "car"),
        )

    def test_a_row_that_contradicts_the_masks_is_refused(self):
        table = ClassMap([(5, "car", "car"), (6, "sky", "sky")])
        with pytest.raises(TreeError, match="such as 5,sky. Received: 5,car. Correct the row"):
            mask_classes(found((5, "sky"), (6, "car")), table, TREE, "masks")
