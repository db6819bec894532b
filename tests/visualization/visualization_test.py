import colorsys

import numpy as np
import pytest
from PIL import Image

from hierseg_keras.tree import ClassTree
from hierseg_keras.visualization import colour_labels, draw_curves, draw_levels, node_colours

NAMES = ["helen", "cityscapes", "mapillary_vistas_v2", "street_blocks"]


def hue(colour):
    return colorsys.rgb_to_hls(*np.asarray(colour) / 255.0)[0]


class NodeColoursTest:
    @pytest.mark.parametrize("name", NAMES)
    def test_a_child_is_a_shade_of_its_parent(self, name):
        tree = ClassTree.load(name)
        colours = node_colours(tree)
        gap = 1 / len(tree.children())
        for node in range(tree.num_nodes):
            top = tree.path(node)[0]
            distance = abs(hue(colours[node]) - hue(colours[top]))
            assert min(distance, 1 - distance) < 0.75 * gap

    def test_classes_of_one_level_differ(self):
        tree = ClassTree.load("street_blocks")
        for level in range(1, tree.num_levels + 1):
            colours = node_colours(tree)[tree.level_classes(level)]
            assert len({tuple(colour) for colour in colours}) == len(colours)


class ColourLabelsTest:
    def test_whatever_is_no_node_is_black(self):
        tree = ClassTree.load("camvid")
        picture = colour_labels(tree, [[0, 17], [255, -1]])
        np.testing.assert_array_equal(picture[0], node_colours(tree)[[0, 17]])
        assert not picture[1].any()


class DrawLevelsTest:
    @pytest.mark.parametrize("name", ["helen", "camvid"])
    def test_draws_every_level(self, name, tmp_path):
        tree = ClassTree.load(name)
        labels = np.arange(12 * 16).reshape(12, 16) % tree.num_nodes
        figure = draw_levels(tree, np.zeros((12, 16, 3)), {"truth": labels, "prediction": labels}, tmp_path / "a.png")
        titles = [axis.get_title() for sub in figure.subfigs for axis in sub.axes]
        for level in range(1, tree.num_levels + 1):
            classes = len(tree.level_classes(level))
            assert f"prediction, level {level} ({classes} classes)" in titles
        legend = [text.get_text().strip() for sub in figure.subfigs for legend in sub.legends for text in legend.texts]
        assert sorted(legend) == sorted([*tree.names, "no label"])
        assert Image.open(tmp_path / "a.png").size[0] > 300

    def test_coarse_labels_are_black_where_they_say_nothing(self):
        tree = ClassTree.from_text("human\n\tperson\nsky")
        figure = draw_levels(tree, np.zeros((1, 2, 3)), {"truth": np.array([[2, 1]])})
        level_1, level_2 = (axis.images[0].get_array() for axis in figure.subfigs[0].axes[1:])
        assert not level_1[0, 0].any() and level_1[0, 1].any() and level_2[0, 0].any()


class DrawCurvesTest:
    def test_draws_what_the_log_holds(self, tmp_path):
        log = tmp_path / "log.csv"
        log.write_text("epoch,miou_1,val_miou_1,depth_loss_1,depth_loss_2\n0,0.1,0.1,2,3\n1,0.2,0.3,1,2\n")
        figure = draw_curves(log, tmp_path / "curves.png")
        labels = [line.get_label() for axis in figure.axes for line in axis.lines]
        assert labels == ["training level 1", "validation level 1", "training depth 1", "training depth 2"]
        assert (tmp_path / "curves.png").stat().st_size > 1000

    def test_empty_log_raises(self, tmp_path):
        (tmp_path / "log.csv").write_text("epoch\n")
        with pytest.raises(ValueError, match="at least one epoch"):
            draw_curves(tmp_path / "log.csv")
