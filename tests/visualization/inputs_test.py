"""What is no image, label map or table is refused in a sentence, where it would make nonsense of a picture."""

import numpy as np
import pytest

from hierseg_keras.clustering import TradeOff
from hierseg_keras.tree import ClassTree
from hierseg_keras.visualization import (
    color_labels,
    draw_clusters,
    draw_contact_sheet,
    draw_embedding,
    draw_levels,
    draw_report,
    draw_trade_offs,
    node_colors,
)
from hierseg_keras.visualization.inputs import as_pixels

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")
RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (6, 8, 3))
LABELS = RNG.integers(0, 4, (6, 8))
DRAW = {
    "draw_levels": lambda image, labels: draw_levels(TREE, image, {"truth": labels}),
    "draw_contact_sheet": lambda image, labels: draw_contact_sheet(TREE, [(image, labels)]),
    "draw_clusters": lambda image, labels: draw_clusters(TREE, image, {"truth": labels}, {}),
}


# One pixel of value 1, after the image was made smaller by the mean of 2 x 2 pixels.
NEARLY_BLACK = np.zeros((20, 20, 3), "float32")
NEARLY_BLACK[3, 4] = 0.25


def message_of(function, *arguments):
    with pytest.raises(ValueError) as caught:
        function(*arguments)
    return str(caught.value)


@pytest.mark.parametrize("function", DRAW)
class ImageTest:
    @pytest.mark.parametrize(
        "image, expected",
        [
            (IMAGE[..., 0], "(H, W, 3). Received: shape (6, 8). Repeat the channel of a gray image"),
            (IMAGE[..., :1], "(H, W, 3). Received: shape (6, 8, 1). Repeat the channel of a gray image"),
            (IMAGE[..., :2], "(H, W, 3). Received: shape (6, 8, 2). Pass height, width and colors"),
            (IMAGE[None], "(H, W, 3). Received: shape (1, 6, 8, 3). Pass one image of the batch"),
            (IMAGE.transpose(2, 0, 1)[..., :2], "(H, W, 3). Received: shape (3, 6, 2)."),
            (IMAGE[:0], "(H, W, 3). Received: shape (0, 8, 3)."),
            (IMAGE / 255, "0 .. 255. Received: numbers in 0 .. 1. Multiply"),
            (IMAGE / 127.5 - 1, "0 .. 255. Received: numbers in -"),
            ((IMAGE - 120) / 58.0, "0 .. 255. Received: numbers in -2"),
            (IMAGE * 257, "0 .. 255. Received: numbers in "),
            (np.where(IMAGE > 9, IMAGE, np.nan), "finite numbers in 0 .. 255. Received: dtype float64, with NaN"),
            (IMAGE > 9, "finite numbers in 0 .. 255. Received: dtype bool"),
            (IMAGE.astype(str), "finite numbers in 0 .. 255. Received: dtype <U"),
        ],
    )
    def test_what_is_no_image_raises(self, function, image, expected):
        message = message_of(DRAW[function], image, LABELS)
        assert message.startswith(f"`{function}` expects an image of ") and expected in message

    @pytest.mark.parametrize(
        "image",
        [
            NEARLY_BLACK,
            IMAGE.astype("uint8"),
            IMAGE.astype("float16"),
            IMAGE * 1.1 - 10,
            np.zeros((6, 8, 3)),
            np.ones((6, 8, 4)),
        ],
    )
    def test_images_of_colors_are_drawn(self, function, image):
        DRAW[function](image, np.zeros(image.shape[:2], int))


@pytest.mark.parametrize("function", DRAW)
class LabelsTest:
    @pytest.mark.parametrize(
        "labels, expected",
        [
            (LABELS + 0.5, "expects an integer map of "),
            (LABELS.astype("float32"), "cast whole numbers: labels.astype(int)"),
            (LABELS > 0, "Received: dtype bool."),
            (LABELS.T, "in the shape of the image, (6, 8). Received: shape (8, 6)."),
            (LABELS[:3], "in the shape of the image, (6, 8). Received: shape (3, 8)."),
            (LABELS[None], "in the shape of the image, (6, 8). Received: shape (1, 6, 8)."),
            (np.eye(4, dtype=int)[LABELS], "in the shape of the image, (6, 8). Received: shape (6, 8, 4)."),
            (LABELS + 20, "and at most one other number for pixels without a label. Received: [20, 21, 22, 23]."),
        ],
    )
    def test_what_is_no_label_map_raises(self, function, labels, expected):
        message = message_of(DRAW[function], IMAGE, labels)
        assert message.startswith(f"`{function}` expects ") and expected in message

    @pytest.mark.parametrize("none", [255, -1, 254])
    def test_pixels_without_a_label_are_drawn(self, function, none):
        DRAW[function](IMAGE, np.where(LABELS == 3, none, LABELS))
        DRAW[function](IMAGE, np.where(LABELS == 3, none, LABELS)[..., None].astype("int16"))


class TablesTest:
    def test_colors_of_floats_raise(self):
        assert "`color_labels` expects an integer map of node indices" in message_of(color_labels, TREE, [0.5])
        assert "Received: [4, 5]" in message_of(color_labels, TREE, [[4, 5]])
        np.testing.assert_array_equal(color_labels(TREE, np.uint8([3, 255])), [node_colors(TREE)[3], [0, 0, 0]])

    def test_dtype_of_the_labels_need_not_hold_the_number_of_nodes(self):
        tree = ClassTree([f"class {number}" for number in range(150)])
        np.testing.assert_array_equal(color_labels(tree, np.int8([-1]), "generated"), [[0, 0, 0]])

    def test_nothing_to_draw_raises(self):
        assert "`draw_levels` expects at least one map. Received: maps={}." in message_of(draw_levels, TREE, IMAGE, {})
        assert "expects at least one map" in message_of(draw_clusters, TREE, IMAGE, {}, {})
        assert "expects at least one stage" in message_of(draw_trade_offs, {})

    @pytest.mark.parametrize("assignment", [[0, 1], [0, 2, 0], [0.0, 1, 0], [-1, 0, 1], [[0, 1, 0]], []])
    def test_what_is_no_clustering_raises(self, assignment):
        message = message_of(draw_clusters, TREE, IMAGE, {"a": LABELS % 2}, {"a": assignment})
        assert (
            "expects one integer per leaf of `tree` (3), with clusters numbered from 0 without gaps. Received: "
            in message
        )

    @pytest.mark.parametrize(
        "embeddings, labels, expected",
        [
            (np.ones(3), [0, 1, 2], "finite embeddings, one per pixel, (N, C). Received: shape (3,)."),
            (np.full((2, 3), np.nan), [0, 1], "shape (2, 3), with NaN or infinity."),
            (np.ones((2, 3)), [0, 1, 2], "one label per embedding, (2,). Received: shape (3,)."),
            (np.ones((2, 3)), [0.5, 1], "expects an integer map of node indices"),
            (np.ones((2, 3)), [255, -1], "at least one pixel of a node"),
        ],
    )
    def test_what_is_no_embedding_raises(self, embeddings, labels, expected):
        assert expected in message_of(draw_embedding, TREE, embeddings, labels)

    def test_rows_without_a_key_raise(self):
        assert "`draw_report` expects the keys 'level', 'class', 'iou'. Received: 'level', 'class', without 'iou'" in (
            message_of(draw_report, TREE, [{"level": 1, "class": "sky"}])
        )

    def test_sizes_that_are_on_no_curve_raise(self):
        found = {"a": TradeOff({}, {4: 0.2, 2: 0.7}, 4, 0.6)}
        assert "expects a number of clusters among [2, 4]. Received: sizes['a']=3" in message_of(
            draw_trade_offs, found, {"a": 3}
        )
        assert "expects the keys 'a'. Received: 'b', without 'a'" in message_of(draw_trade_offs, found, {"b": 2})

    def test_colors_are_kept_and_overshoot_is_clipped(self):
        np.testing.assert_array_equal(as_pixels("f", IMAGE.astype("float32")), IMAGE)
        np.testing.assert_array_equal(as_pixels("f", [[[300.0, -5.0, 7.9, 1e9]]]), [[[255, 0, 7]]])
