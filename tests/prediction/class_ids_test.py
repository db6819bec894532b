import numpy as np
import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.data import ClassMap  # noqa: E402
from hierseg_keras.prediction.class_ids import WrittenIds, check_ids, written_ids  # noqa: E402
from hierseg_keras.tree import ClassTree, TreeError  # noqa: E402
from hierseg_keras.visualization import node_colors  # noqa: E402

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")
CITYSCAPES = ClassTree.load("cityscapes")


class WrittenIdsTest:
    def test_default_is_node_indices(self):
        assert written_ids(TREE, None).numbers.tolist() == [0, 1, 2, 3]

    def test_class_map_is_inverted(self, tmp_path):
        table = ClassMap([(7, "Sky", "sky"), (300, "pedestrian", "person"), (0, "void", "ignore"), (5, "x", "")])
        table.to_file(tmp_path / "classes.csv")
        for ids in (table, tmp_path / "classes.csv", str(tmp_path / "classes.csv")):
            assert written_ids(TREE, ids).numbers.tolist() == [300, -1, 7, -1]

    def test_first_of_several_ids_is_used_and_it_is_said(self):
        table = ClassMap([(9, "", "sky"), (7, "", "sky"), (8, "", "sky"), (1, "", "human")], source="table.csv")
        with pytest.warns(UserWarning, match=r"table\.csv has several ids .* 9 for 'sky', not 7, 8\."):
            assert written_ids(TREE, table).numbers.tolist() == [-1, -1, 9, 1]

    def test_label_ids_are_those_of_cityscapes(self):
        # Cityscapes' ids in the order of its train ids, from its `labels.py`.
        expected = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]
        assert written_ids(CITYSCAPES, "labelIds").numbers.tolist() == expected + [-1] * 7

    def test_train_ids_are_leaf_indices(self):
        assert written_ids(CITYSCAPES, "trainIds").numbers.tolist() == [*range(19)] + [-1] * 7

    def test_label_ids_of_another_tree_are_an_error(self):
        with pytest.raises(ValueError, match="only for a tree with Cityscapes' classes"):
            written_ids(TREE, "labelIds")

    def test_colors_are_the_palette_of_node_indices(self):
        table = ClassMap([("#010203", "", "sky"), ("#000000", "", "person"), ("#800000", "", "rider")])
        written = written_ids(TREE, table)
        assert written.numbers.tolist() == [0, 1, 2, -1]
        assert written.palette(np.full((4, 3), 9))[:5].tolist() == [
            *([0, 0, 0], [128, 0, 0], [1, 2, 3]),
            *([255, 255, 255], [255, 255, 255]),
        ]

    @pytest.mark.parametrize(
        "rows, expected",
        [
            ([("#808080", "", "sky"), ("#e0e0c0", "void", "ignore")], (224, 224, 192)),
            ([("#808080", "", "sky")], (0, 0, 0)),
            ([("#000000", "", "sky")], (255, 255, 255)),
        ],
    )
    def test_color_without_class_is_that_of_no_class(self, rows, expected):
        written = written_ids(TREE, ClassMap(rows))
        assert tuple(written.color_without_class(node_colors(TREE))) == expected

    @pytest.mark.parametrize("name, expected", [("cityscapes", 0), ("lip", 255), ("mapillary_vistas_v2", 0)])
    def test_numbers_have_the_color_of_no_class_in_pictures(self, name, expected):
        """LIP has a black class, and Mapillary Vistas a black and a white one."""
        tree = ClassTree.load(name)
        assert written_ids(tree, None).palette(node_colors(tree))[255].tolist() == [expected] * 3

    def test_colors_of_more_than_255_nodes_are_an_error(self):
        tree = ClassTree.from_text("".join(f"class {number}\n" for number in range(256)))
        with pytest.raises(ValueError, match="whose ids are numbers for a tree of more than 255 nodes"):
            written_ids(tree, ClassMap([("#800000", "", "class 0")]))

    def test_second_color_of_a_class_is_said(self):
        table = ClassMap([("#800000", "", "sky"), ("#ffffff", "", "sky")])
        with pytest.warns(UserWarning, match="#800000 for 'sky', not #ffffff"):
            written_ids(TREE, table)

    def test_what_is_no_file_gets_the_nearest_name(self):
        with pytest.raises(ValueError, match="Received: labelids, which is no file. Did you mean 'labelIds'"):
            written_ids(TREE, "labelids")

    def test_class_that_is_not_in_the_tree_is_an_error(self):
        with pytest.raises(TreeError, match="tree"):
            written_ids(TREE, ClassMap([(1, "", "tree")]))


class CheckIdsTest:
    def test_node_without_an_id_is_named(self):
        written = WrittenIds(np.array([4, 5, 6, -1]), source="classes.csv")
        check_ids(TREE, written, [0, 1, 2], "Add it.")
        with pytest.raises(ValueError, match=r"Received: classes\.csv, without an id for 'human'\. Add it\.$"):
            check_ids(TREE, written, [2, 3], "Add it.")
