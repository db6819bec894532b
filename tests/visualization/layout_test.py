"""The layout of pictures: little is white, images keep their shape, and no text covers another."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from hierseg_keras.tree import ClassTree
from hierseg_keras.visualization import draw_clusters, draw_contact_sheet, draw_embedding, draw_levels, draw_report

TREES = {
    "street_blocks": ClassTree.load("street_blocks"),
    "cityscapes": ClassTree.load("cityscapes"),
    "flat": ClassTree(["cat", "dog", "background"]),
    "deep": ClassTree([f"living/{i % 2}/kind {i % 4}/kind {i % 8}/species {i}" for i in range(16)] + ["sky"]),
}
RNG = np.random.default_rng(0)


def example(tree, shape, num_classes=12):
    """An image and a label map of large areas, with some classes of the tree."""
    classes = RNG.permutation(tree.num_leaves)[:num_classes]
    rows, columns = np.indices(shape)
    labels = classes[(rows * 4 // shape[0] * 5 + columns * 5 // shape[1]) % len(classes)]
    return RNG.integers(0, 200, (*shape, 3)), labels


def report(tree):
    return [
        {"level": level, "class": tree.paths[node], "iou": float(RNG.random())}
        for level in range(1, tree.num_levels + 1)
        for node in tree.level_classes(level)
    ]


def draw(name, tree, shape=(48, 64)):
    image, labels = example(tree, shape)
    if name == "levels":
        return draw_levels(tree, image, {"prediction": labels})
    if name == "three maps":
        return draw_levels(tree, image, {"truth": labels, "flat": labels, "tree": labels})
    if name == "sheet":
        return draw_contact_sheet(tree, [example(tree, shape) for _ in range(3)])
    return draw_report(tree, report(tree))


def rendered(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def white_share(figure):
    """The share of the picture's pixels that are white and outside of all axes."""
    pixels = rendered(figure)
    is_outside = np.ones(pixels.shape[:2], bool)
    for axis in figure.axes:
        if axis is not vars(figure).get("page"):
            (left, bottom), (right, top) = axis.bbox.min, axis.bbox.max
            is_outside[int(len(pixels) - top) : int(len(pixels) - bottom) + 1, int(left) : int(right) + 1] = False
    return (is_outside & (pixels > 250).all(-1)).mean()


def shown_axes(figure):
    return [axis for axis in figure.axes if axis.images]


def check_texts(figure):
    """Checks that texts are within the picture, and cover neither each other nor an image."""
    rendered(figure)
    boxes = [text.get_window_extent() for text in figure.page.texts if text.get_text()]
    assert all(figure.bbox.contains(*box.min) and figure.bbox.contains(*box.max) for box in boxes)
    for number, box in enumerate(boxes):
        others = [*boxes[:number], *(axis.bbox for axis in shown_axes(figure))]
        assert not any(box.overlaps(other) for other in others)


class WhiteTest:
    @pytest.mark.parametrize("tree", ["street_blocks", "cityscapes", "flat"])
    @pytest.mark.parametrize("name", ["levels", "sheet"])
    def test_less_than_a_third_is_white(self, name, tree):
        assert white_share(draw(name, TREES[tree])) <= 1 / 3

    def test_with_several_maps(self):
        assert white_share(draw("three maps", TREES["street_blocks"])) <= 1 / 3

    @pytest.mark.parametrize("tree", ["street_blocks", "cityscapes", "deep"])
    def test_less_than_a_third_of_a_report_is_white(self, tree):
        assert white_share(draw("report", TREES[tree])) <= 1 / 3

    @pytest.mark.parametrize("shape", [(64, 36), (128, 256)])
    def test_whatever_the_shape_of_the_image(self, shape):
        assert white_share(draw("levels", TREES["street_blocks"], shape)) <= 1 / 3


class ShapeTest:
    @pytest.mark.parametrize("shape", [(1, 1), (640, 360), (1024, 2048), (100, 1000), (1000, 100)])
    def test_images_keep_their_shape_and_pictures_a_size_to_look_at(self, shape):
        figure = draw("levels", TREES["street_blocks"], shape)
        for axis in shown_axes(figure):
            assert axis.bbox.width / axis.bbox.height == pytest.approx(shape[1] / shape[0], rel=0.01)
        width, height = figure.get_size_inches()
        assert width < 22 and height < 9
        check_texts(figure)


class TextTest:
    @pytest.mark.parametrize("name, tree", [("levels", "cityscapes"), ("three maps", "deep"), ("sheet", "flat")])
    def test_no_text_covers_another(self, name, tree):
        check_texts(draw(name, TREES[tree]))

    def test_with_many_classes(self):
        tree = ClassTree.load("mapillary_vistas_v2")
        image, labels = np.zeros((40, 50, 3)), np.arange(2000).reshape(40, 50) % tree.num_leaves
        check_texts(draw_levels(tree, image, {"a title that is much too long for the height of its row": labels}))

    def test_of_clusters_and_embeddings(self):
        tree = TREES["street_blocks"]
        image, labels = example(tree, (48, 64))
        clusters = {"stage": np.arange(tree.num_leaves) % 5}
        check_texts(draw_clusters(tree, image, {"stage": labels % 5, "final": labels}, clusters))
        tree = ClassTree.load("mapillary_vistas_v2")
        labels = np.arange(500) % tree.num_leaves
        check_texts(draw_embedding(tree, RNG.normal(size=(500, 4)), labels, title="a title"))

    def test_of_reports(self):
        figure = draw("report", TREES["deep"])
        rendered(figure)
        boxes = [text.get_window_extent() for axis in figure.axes for text in axis.get_yticklabels()]
        assert not any(box.overlaps(axis.bbox) for box in boxes for axis in figure.axes)
        assert all(figure.bbox.contains(*box.min) for box in boxes)
