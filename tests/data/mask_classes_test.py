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

    def test_a_dict_may_name_what_is_not_annotated(self):
        masks = found((1, "road"), (2, "bus"), (3, "kerb"))
        classes = {"road": "sky", "bus": "car", "_background_": "ignore"}
        rows = mask_classes(masks, {**classes, "kerb": "sky"}, TREE, "masks")
        assert rows == ((1, "road", "sky"), (2, "bus", "car"), (4, "_background_", None), (3, "kerb", "sky"))
        # A class that was forgotten does not get the number of another one.
        assert (3, "_background_", None) not in mask_classes(masks, classes, TREE, "masks")

    def test_a_table_that_only_numbers_its_rows_means_names(self):
        table = ClassMap([(0, "bus", "car"), (1, "road", "sky")])
        assert mask_classes(found((1, "bus"), (2, "road")), table, TREE, "masks") == (
            (1, "bus", "car"),
            (2, "road", "sky"),
        )

    def test_a_table_without_ids_means_names(self, tmp_path):
        (tmp_path / "a.csv").write_text("id,class,node\n,bus,car\n,road,sky\n")
        table = ClassMap.from_file(tmp_path / "a.csv")
        # The first row is not the class 0 of the masks.
        rows = mask_classes(found((0, "road"), (1, "kerb")), table, TREE, "masks")
        assert rows == ((None, "bus", "car"), (0, "road", "sky"))

    def test_a_row_that_contradicts_the_masks_is_refused(self):
        table = ClassMap([(5, "car", "car"), (6, "sky", "sky")])
        with pytest.raises(TreeError, match="such as 5,sky. Received: 5,car. Correct the row"):
            mask_classes(found((5, "sky"), (6, "car")), table, TREE, "masks")

    def test_a_class_of_two_nodes_is_refused(self):
        masks = FoundMasks("labelme", {}, (("car", "car"),))
        with pytest.raises(
            TreeError, match="table: expected one node per class. Received: sky and car for car. Remove"
        ):
            mask_classes(masks, ClassMap([(0, "car", "sky"), (1, "car", "car")], "table"), TREE, "masks")
        with pytest.raises(TreeError, match="Received: ignore and car for 5"):
            mask_classes(found((5, "bus")), ClassMap([(0, "bus", "ignore"), (1, "bus", "car")]), TREE, "masks")
        twice = ClassMap([(0, "car", "car"), (1, "car", "car")])
        assert mask_classes(masks, twice, TREE, "masks") == (("car", "car", "car"),) * 2

    def test_ids_of_the_other_kind_are_refused_unless_names_say_which_classes_are_meant(self):
        table = ClassMap([("#000001", "", "sky"), ("#000002", "", "car")])
        with pytest.raises(TreeError, match="expected numbers in the column `id`"):
            mask_classes(found((5, "sky")), table, TREE, "masks")
        named = ClassMap([("#000001", "sky", "sky"), ("#000002", "car", "car")])
        assert mask_classes(found((5, "sky"), (6, "car")), named, TREE, "masks") == (
            (5, "sky", "sky"),
            (6, "car", "car"),
        )

    def test_pixels_that_were_not_annotated_are_no_internal_node(self):
        masks = FoundMasks("binary", {}, (("sky", "sky"),))
        for text, node in (("sky\nbackground", "background"), ("background\n\tsky\n\tsea", None), ("sky", None)):
            tree = ClassTree.from_text(text)
            assert mask_classes(masks, None, tree, "masks")[1] == (None, "_background_", node)
