"""Colors of nodes: official palettes, that of PASCAL VOC, and a user's own."""

import inspect
import re

import numpy as np
import pytest

from hierseg_keras import visualization
from hierseg_keras.data import ClassMap
from hierseg_keras.tree import ClassTree, TreeError
from hierseg_keras.visualization import (
    color_labels,
    draw_contact_sheet,
    draw_levels,
    draw_report,
    draw_tree,
    node_colors,
)
from hierseg_keras.visualization.oklab import lab_of
from hierseg_keras.visualization.palettes import voc_color

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")
OFFICIAL = {
    "camvid": {"sky/Sky": (128, 128, 128), "vehicle/Car": (64, 0, 128), "human/Bicyclist": (0, 128, 192)},
    "camvid_groups": {"ceiling/Sky": (128, 128, 128), "moving-objects/Car": (64, 0, 128)},
    "camvid_original": {"ceiling/Sky": (128, 128, 128), "moving-objects/Truck_Bus": (192, 128, 192)},
    "cityscapes": {"flat/road": (128, 64, 128), "sky/sky": (70, 130, 180), "human/person": (220, 20, 60)},
    "lip": {"background": (0, 0, 0), "full-body/upper-body/hat": (128, 0, 0)},
    "mapillary_vistas_v1_2": {"animal/bird": (165, 42, 42), "construction/flat/road": (128, 64, 128)},
    "mapillary_vistas_v2": {"nature/nature/nature--sky": (70, 130, 180)},
    "mapillary_vistas_v2_official": {"nature/sky": (70, 130, 180)},
}


class OfficialPaletteTest:
    @pytest.mark.parametrize("name", OFFICIAL)
    def test_a_shipped_tree_has_the_colors_of_its_data_set(self, name):
        tree = ClassTree.load(name)
        colors = node_colors(tree)
        assert {path: tuple(colors[tree.index(path)].tolist()) for path in OFFICIAL[name]} == OFFICIAL[name]
        assert not np.array_equal(colors, node_colors(tree, "generated"))

    def test_any_tree_with_the_same_leaves_has_them(self):
        tree = ClassTree.load("cityscapes")
        other_order = ClassTree(sorted(tree.paths[: tree.num_leaves]))
        assert other_order != tree
        for path in tree.paths:
            np.testing.assert_array_equal(
                node_colors(other_order)[other_order.index(path)], node_colors(tree)[tree.index(path)]
            )
        np.testing.assert_array_equal(node_colors(tree.to_text()), node_colors(tree))

    def test_a_tree_with_other_leaves_has_the_generated_palette(self):
        tree = ClassTree.load("cityscapes")
        fewer = ClassTree(tree.paths[: tree.num_leaves - 1])
        for tree in (fewer, TREE, ClassTree.load("street_blocks")):
            np.testing.assert_array_equal(node_colors(tree), node_colors(tree, "generated"))

    @pytest.mark.parametrize("name", ["camvid", "camvid_groups", "camvid_original", "cityscapes", "lip"])
    def test_a_parent_is_between_its_children(self, name):
        """Its lightness is their mean, and its hue is that of their mean."""
        tree, lab = ClassTree.load(name), lab_of(node_colors(ClassTree.load(name)))
        for node in range(tree.num_leaves, tree.num_nodes):
            mean = lab[tree.children(node)].mean(axis=0)
            assert abs(lab[node, 0] - mean[0]) < 0.01
            cosine = lab[node, 1:] @ mean[1:] / max(np.prod(np.linalg.norm([lab[node, 1:], mean[1:]], axis=1)), 1e-9)
            assert cosine > 0.98 or np.linalg.norm(mean[1:]) < 0.01

    @pytest.mark.parametrize("name", ["camvid", "cityscapes", "lip", "mapillary_vistas_v1_2", "mapillary_vistas_v2"])
    def test_top_classes_differ(self, name):
        tree = ClassTree.load(name)
        lab = lab_of(node_colors(tree)[tree.children()])
        distances = np.linalg.norm(lab[:, None] - lab, axis=-1)
        assert distances[~np.eye(len(lab), dtype=bool)].min() > 0.07


class VocPaletteTest:
    def test_colors_are_those_of_voc(self):
        """Of its label maps: background, aeroplane, bicycle, bird, boat, the 20th class tvmonitor, and void."""
        known = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128)]
        assert [voc_color(number) for number in range(5)] == known
        assert (voc_color(20), voc_color(255)) == ((0, 64, 128), (224, 224, 192))

    def test_the_background_is_class_0(self):
        person_part = ClassTree.load("pascal_person_part")
        assert [node_colors(person_part, "voc")[i].tolist() for i in (0, 1)] == [[0, 0, 0], [128, 0, 0]]
        assert node_colors(TREE, "voc")[:2].tolist() == [[128, 0, 0], [0, 128, 0]]


class OwnPaletteTest:
    def test_array(self):
        colors = np.arange(3 * TREE.num_nodes).reshape(-1, 3)
        np.testing.assert_array_equal(node_colors(TREE, colors), colors)
        leaves = node_colors(TREE, [[10, 20, 30], [10, 20, 30], [9, 9, 9]])
        assert leaves.tolist() == [[10, 20, 30], [10, 20, 30], [9, 9, 9], [10, 20, 30]] and leaves.dtype == np.uint8

    def test_dict_changes_what_it_names(self):
        colors = node_colors(TREE, {"sky": "#00FFFF", ("human", "rider"): (1, 2, 3), 3: "#040506"})
        assert colors[1:].tolist() == [[1, 2, 3], [0, 255, 255], [4, 5, 6]]
        assert colors[0].tolist() == node_colors(TREE)[0].tolist()

    def test_the_palette_given_is_not_changed(self):
        node_colors(TREE)[:] = 0
        assert node_colors(TREE).any()

    def test_class_table(self, tmp_path):
        table = tmp_path / "classes.csv"
        table.write_text(
            "id,class,node,color\n0,Man,human/person,#010203\n1,,sky,#0a0b0c\n2,void,ignore,#ffffff\n3,,,#111111\n"
        )
        assert node_colors(TREE, table)[[0, 2]].tolist() == [[1, 2, 3], [10, 11, 12]]
        assert node_colors(TREE, str(table))[0].tolist() == [1, 2, 3]
        table.write_text("node,color\nsky,#0a0b0c\nsky,#ffffff\n")
        assert node_colors(TREE, table)[2].tolist() == [10, 11, 12]
        table.write_text("node , color\nsky,#0a0b0c\n")
        assert node_colors(TREE, table)[2].tolist() == [10, 11, 12]

    def test_class_map_of_colors(self, tmp_path):
        class_map = ClassMap.from_dict({(1, 2, 3): "person", "#0a0b0c": "sky", (9, 9, 9): "ignore"})
        class_map.to_file(tmp_path / "map.csv")
        for palette in (class_map, tmp_path / "map.csv"):
            assert node_colors(TREE, palette)[[0, 2]].tolist() == [[1, 2, 3], [10, 11, 12]]
        numbers = ClassMap.from_dict({0: "person"})
        np.testing.assert_array_equal(node_colors(TREE, numbers), node_colors(TREE))

    @pytest.mark.parametrize(
        "palette, error, expected",
        [
            (
                np.zeros((2, 3), int),
                ValueError,
                r"one color per node, (4, 3), or per leaf, (3, 3). Received: an array ",
            ),
            (np.zeros((4, 3)), ValueError, "shape (4, 3) and dtype float64"),
            (np.full((4, 3), 256), ValueError, "in 256 .. 256"),
            (
                {"sky": "blue"},
                ValueError,
                "palette: expected a color such as '#800000' or (128, 0, 0). Received: 'blue'",
            ),
            ({"sea": "#000000"}, TreeError, "'sea' is not a node of the tree."),
            (
                "vok",
                FileNotFoundError,
                "`palette` expects 'generated', 'voc' or the path of a CSV file. Received: 'vok'",
            ),
        ],
    )
    def test_what_is_no_palette_raises(self, palette, error, expected):
        with pytest.raises(error, match=re.escape(expected)):
            node_colors(TREE, palette)

    @pytest.mark.parametrize("text", ["", "class,color\nsky,#000000\n", "node\nsky\n"])
    def test_what_is_no_table_of_colors_raises(self, text, tmp_path):
        (tmp_path / "a.csv").write_text(text)
        with pytest.raises(
            TreeError, match="a.csv:1: expected a CSV table with the columns node and color. Received: "
        ):
            node_colors(TREE, tmp_path / "a.csv")
        (tmp_path / "a.csv").write_bytes(b"node,color\nsk\xff,#000000")
        with pytest.raises(TreeError, match="expected UTF-8 text"):
            node_colors(TREE, tmp_path / "a.csv")


class PaletteOfPicturesTest:
    def test_every_function_that_colors_nodes_takes_a_palette(self):
        functions = [getattr(visualization, name) for name in visualization.__all__]
        of_trees = [function for function in functions if "tree" in inspect.signature(function).parameters]
        assert len(of_trees) == 8
        assert all(inspect.signature(function).parameters["palette"].default is None for function in of_trees)

    def test_pictures_have_its_colors(self):
        palette, labels = {"sky": "#010203"}, np.full((2, 3), 2)
        assert (color_labels(TREE, labels, palette) == [1, 2, 3]).all()
        for figure in (
            draw_levels(TREE, np.zeros((2, 3, 3)), {"a": labels}, palette=palette),
            draw_contact_sheet(TREE, [(np.zeros((2, 3, 3)), labels)], palette=palette),
        ):
            maps = [axis.images[0].get_array() for axis in figure.axes if axis.images]
            assert (np.array(maps[1:]) == [1, 2, 3]).all()
        dots = [line for line in draw_tree(TREE, palette=palette).page.lines if line.get_marker() == "o"]
        np.testing.assert_allclose(dots[-1].get_color(), np.divide([1, 2, 3], 255))
        report = draw_report(TREE, [{"level": 1, "class": "sky", "iou": 0.5}], palette=palette)
        np.testing.assert_allclose(report.axes[0].patches[0].get_facecolor()[:3], np.divide([1, 2, 3], 255))
