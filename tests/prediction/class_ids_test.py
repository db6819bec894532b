import numpy as np
import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.data import ClassMap  # noqa: E402
from hierseg_keras.prediction.class_ids import check_ids, data_set_ids, ids_of_nodes  # noqa: E402
from hierseg_keras.tree import ClassTree, TreeError  # noqa: E402

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")
CITYSCAPES = ClassTree.load("cityscapes")


class IdsOfNodesTest:
    def test_default_is_node_indices(self):
        assert ids_of_nodes(TREE, None).tolist() == [0, 1, 2, 3]

    def test_class_map_is_inverted(self, tmp_path):
        table = ClassMap([(7, "Sky", "sky"), (300, "pedestrian", "person"), (0, "void", "ignore"), (5, "x", "")])
        table.to_file(tmp_path / "classes.csv")
        for ids in (table, tmp_path / "classes.csv", str(tmp_path / "classes.csv")):
            assert ids_of_nodes(TREE, ids).tolist() == [300, -1, 7, -1]

    def test_first_of_several_ids_is_used_and_it_is_said(self):
        table = ClassMap([(9, "", "sky"), (7, "", "sky"), (8, "", "sky"), (1, "", "human")], source="table.csv")
        with pytest.warns(UserWarning, match=r"table\.csv has several ids .* 9 for 'sky', not 7, 8\."):
            assert ids_of_nodes(TREE, table).tolist() == [-1, -1, 9, 1]

    def test_label_ids_are_those_of_cityscapes(self):
        # Cityscapes' ids in the order of its train ids, from its `labels.py`.
        expected = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]
        assert ids_of_nodes(CITYSCAPES, "labelIds").tolist() == expected + [-1] * 7

    def test_train_ids_are_leaf_indices(self):
        assert ids_of_nodes(CITYSCAPES, "trainIds").tolist() == [*range(19)] + [-1] * 7

    def test_label_ids_of_another_tree_are_an_error(self):
        with pytest.raises(ValueError, match="only for a tree with Cityscapes' classes"):
            ids_of_nodes(TREE, "labelIds")

    def test_colors_are_an_error(self):
        with pytest.raises(ValueError, match="whose ids are colors"):
            ids_of_nodes(TREE, ClassMap([("#800000", "", "sky")]))

    def test_class_that_is_not_in_the_tree_is_an_error(self):
        with pytest.raises(TreeError, match="tree"):
            ids_of_nodes(TREE, ClassMap([(1, "", "tree")]))

    def test_ids_of_a_data_set_are_those_that_it_stores(self):
        table = data_set_ids(CITYSCAPES, "cityscapes_tree")
        assert len(table.rows) == 34
        np.testing.assert_array_equal(ids_of_nodes(CITYSCAPES, table), ids_of_nodes(CITYSCAPES, "labelIds"))


class CheckIdsTest:
    def test_node_without_an_id_is_named(self):
        numbers = np.array([4, 5, 6, -1])
        check_ids(TREE, numbers, [0, 1, 2], "classes.csv")
        with pytest.raises(ValueError, match=r"Received: classes\.csv, without an id for 'human'\."):
            check_ids(TREE, numbers, [2, 3], "classes.csv")
