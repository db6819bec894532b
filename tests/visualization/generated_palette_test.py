"""The generated palette: siblings differ, families look alike, and skies are blue. Distances are in OKLab.

Colors that people just tell apart are about 0.02 apart, and red and green of full brightness 0.5.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from skimage.color import deltaE_ciede2000, rgb2lab

from hierseg_keras.tree import ClassTree
from hierseg_keras.visualization import node_colors
from hierseg_keras.visualization.oklab import color_of, deuteranopic_lab_of, lab_from_hue, lab_of
from tests.random_trees import class_trees, random_leaf_paths

RED, YELLOW, GREEN, BLUE = (255, 0, 0), (255, 255, 0), (0, 255, 0), (0, 0, 255)
# The smallest distance between siblings: in OKLab, in OKLab without green-sensitive cones, and by CIEDE2000.
SIBLINGS = {
    "camvid": (0.10, 0.08, 15),
    "camvid_original": (0.07, 0.04, 6),
    "cityscapes": (0.10, 0.06, 10),
    "helen": (0.10, 0.07, 12),
    "mapillary_vistas_v2": (0.03, 0.02, 3),
    "nyu_depth_v2": (0.05, 0.03, 5),
    "street_blocks": (0.10, 0.09, 12),
}


def palette(tree):
    return node_colors(tree, "generated")


def hue(colors):
    lab = lab_of(colors)
    return np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) % 360


def hue_distance(first, second):
    distance = abs(hue(first) - hue(second))
    return np.minimum(distance, 360 - distance)


def closest(lab):
    distances = np.linalg.norm(lab[:, None] - lab, axis=-1)
    return distances[~np.eye(len(lab), dtype=bool)].min()


def families(tree):
    return [family for node in [None, *range(tree.num_nodes)] if len(family := tree.children(node)) > 1]


def closest_siblings(tree, lab_of=lab_of):
    colors = palette(tree)
    return min([closest(lab_of(colors[family])) for family in families(tree)], default=1.0)


def closest_of_a_level(tree):
    levels = [tree.level_classes(level) for level in range(1, tree.num_levels + 1)]
    return min([closest(lab_of(palette(tree)[classes])) for classes in levels if len(classes) > 1], default=1.0)


class OkLabTest:
    def test_known_colors(self):
        """Published coordinates of white and of the primaries."""
        known = [(1, 0, 0), (0.62796, 0.22486, 0.12585), (0.86644, -0.23389, 0.17950), (0.45201, -0.03246, -0.31153)]
        np.testing.assert_allclose(lab_of([(255, 255, 255), RED, GREEN, BLUE]), known, atol=1e-4)

    def test_conversions_undo_each_other(self):
        colors = np.random.default_rng(0).integers(0, 256, (500, 3))
        restored, is_displayable = color_of(lab_of(colors))
        np.testing.assert_array_equal(restored, colors)
        assert is_displayable.all() and not color_of(lab_from_hue(0.6, 0.35, 200.0))[1]

    def test_gray_is_seen_alike_and_red_and_green_become_similar(self):
        np.testing.assert_allclose(deuteranopic_lab_of([90, 90, 90]), lab_of([90, 90, 90]), atol=1e-3)
        pair = np.array([(200, 90, 70), (130, 130, 60)])
        assert closest(deuteranopic_lab_of(pair)) < 0.5 * closest(lab_of(pair))


class GeneratedPaletteTest:
    @pytest.mark.parametrize("name", SIBLINGS)
    def test_siblings_of_shipped_trees_differ(self, name):
        tree = ClassTree.load(name)
        distance, deuteranopic, ciede2000 = SIBLINGS[name]
        assert closest_siblings(tree) > distance
        assert closest_siblings(tree, deuteranopic_lab_of) > deuteranopic
        for family in families(tree):
            lab = rgb2lab(palette(tree)[family] / 255.0)
            differences = deltaE_ciede2000(lab[:, None], lab[None])
            assert differences[~np.eye(len(lab), dtype=bool)].min() > ciede2000

    @given(class_trees(max_leaves=10))
    @settings(max_examples=30)
    def test_siblings_of_small_trees_differ(self, trees):
        assert closest_siblings(trees[0]) > 0.05

    def test_siblings_and_classes_of_a_level_of_larger_trees_differ(self):
        rng = np.random.default_rng(0)
        for size, siblings, level in ((20, 0.04, 0.03), (40, 0.02, 0.015)):
            for _ in range(5):
                tree = ClassTree(random_leaf_paths(rng, min_leaves=size, max_leaves=size, max_depth=5))
                assert closest_siblings(tree) > siblings and closest_of_a_level(tree) > level

    @pytest.mark.parametrize("size, distance", [(3, 0.25), (12, 0.13), (40, 0.07), (124, 0.03)])
    def test_classes_without_families_differ(self, size, distance):
        assert closest_siblings(ClassTree([f"class {i}" for i in range(size)])) > distance

    @given(class_trees(max_leaves=10))
    @settings(max_examples=30)
    def test_a_parent_has_a_hue_of_its_children(self, trees):
        """Some child is close in hue to it, an only child has its color, and no color is black or white."""
        tree = trees[0]
        colors = palette(tree)
        for node in range(tree.num_leaves, tree.num_nodes):
            children = tree.children(node)
            assert hue_distance(colors[node], colors[children]).min() < 45
            if len(children) == 1:
                np.testing.assert_array_equal(colors[children[0]], colors[node])
        assert 0.3 < lab_of(colors)[:, 0].min() and lab_of(colors)[:, 0].max() < 0.9

    @pytest.mark.parametrize("name", SIBLINGS)
    def test_small_families_have_similar_hues(self, name):
        tree, colors = ClassTree.load(name), palette(ClassTree.load(name))
        for top in tree.children():
            family = [int(top), *tree.descendants(top)]
            assert hue_distance(colors[family], colors[top]).max() < 35 + 10 * len(tree.leaves(top))

    @pytest.mark.parametrize("names", [["sky", "road", "person", "tree"], ["Sky_clear", "a", "b", "People", "grass"]])
    def test_words_have_their_customary_hues(self, names):
        colors = dict(zip(names, palette(ClassTree(names))))
        for name, color in colors.items():
            nearest = min((RED, YELLOW, GREEN, BLUE), key=lambda primary: hue_distance(color, np.array(primary)))
            expected = {"sky": BLUE, "Sky_clear": BLUE, "person": RED, "People": RED, "tree": GREEN, "grass": GREEN}
            assert nearest == expected.get(name, nearest)

    @pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 11])
    def test_only_people_are_red(self, size):
        colors = palette(ClassTree([f"class {i}" for i in range(size)]))
        assert hue_distance(colors, np.array(RED)).min() > 10

    def test_a_tree_has_the_same_colors_in_every_process(self):
        """Of a tree that is equal, and not only the same object."""
        texts = [ClassTree.load("helen").to_text()] * 2
        np.testing.assert_array_equal(*(palette(ClassTree.from_text(text)) for text in texts))
