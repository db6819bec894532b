"""Names are drawn as they are, whatever they hold, within the picture."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image

from hierseg_keras.clustering import TradeOff
from hierseg_keras.tree import ClassTree, TreeError
from hierseg_keras.visualization import (
    draw_clusters,
    draw_confidence_curve,
    draw_contact_sheet,
    draw_curves,
    draw_embedding,
    draw_levels,
    draw_report,
    draw_trade_offs,
    draw_tree,
)
from hierseg_keras.visualization.names import text_width, wrapped
from hierseg_keras.visualization.picture import Picture

LONG = "a name of many words, as somebody wrote it " * 6 + "for a class of their own, and then more words."
ODD = ("Ba$$in", "_hidden", "x_1^2", "\\alpha", "{braces}", "100% $x$", "$\\frac$", "道路", "😀 car", "__")
ODD += ("W" * 300, LONG)
TREE = ClassTree([("_top $", *ODD[:1]), *(("$ family", name) for name in ODD[1:6]), *((name,) for name in ODD[6:])])
IMAGE = np.zeros((6, 8, 3), "uint8")
LABELS = np.arange(48).reshape(6, 8) % TREE.num_nodes
TITLE = "_a $title$ of \\frac"


def whole_tree(tree=TREE):
    return draw_tree(tree)


def levels(tree=TREE):
    return draw_levels(tree, IMAGE, {TITLE: LABELS % tree.num_nodes})


def contact_sheet(tree=TREE):
    return draw_contact_sheet(tree, [(IMAGE, LABELS % tree.num_nodes)])


def clusters(tree=TREE):
    labels = LABELS % tree.num_leaves
    return draw_clusters(tree, IMAGE, {TITLE: labels, "$ all": labels}, {TITLE: np.arange(tree.num_leaves)})


def report(tree=TREE):
    rows = [
        {"level": level, "class": tree.paths[node], "iou": np.nan if node % 3 else 0.5, "support": 1}
        for level in range(1, tree.num_levels + 1)
        for node in tree.level_classes(level)
    ]
    return draw_report(tree, rows)


def embedding(tree=TREE):
    count = 3 * tree.num_nodes
    points = np.random.default_rng(0).normal(size=(count, 4))
    return draw_embedding(tree, points, np.arange(count) % tree.num_nodes, title=TITLE)


PICTURES = (whole_tree, levels, contact_sheet, clusters, report, embedding)


def drawn_texts(figure):
    """The texts of a figure, drawn, with the line breaks and indents of wide ones taken out."""
    FigureCanvasAgg(figure).draw()
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    assert not any(text.get_parse_math() or text.get_usetex() for text in texts)
    return texts


def without_breaks(text):
    return "".join(text.split())


class OddNamesTest:
    @pytest.mark.parametrize("draw", PICTURES)
    def test_every_name_is_drawn_as_it_is_within_the_picture(self, draw, tmp_path):
        figure = draw()
        boxes = {without_breaks(text.get_text()): text.get_window_extent() for text in drawn_texts(figure)}
        for name in map(without_breaks, TREE.names[: TREE.num_leaves]):
            assert figure.bbox.contains(*boxes[name].min) and figure.bbox.contains(*boxes[name].max)
        figure.savefig(tmp_path / "picture.svg", bbox_inches="tight")

    def test_dollars_are_no_mathematics(self):
        """The same pixels as of letters that mean nothing to Matplotlib, but for their shapes."""
        widths = []
        for name in ("a$x^2$b", "a_x^2_b"):
            [text] = [text for text in drawn_texts(draw_tree(ClassTree([name]))) if text.get_text() == name]
            widths.append(text.get_window_extent().width)
        assert widths[0] > 0.9 * widths[1]

    def test_trade_offs_name_every_stage(self):
        trade_off = TradeOff({}, {4: 0.2, 3: 0.25, 2: 0.7}, 4, 0.6)
        figure = draw_trade_offs(dict.fromkeys(ODD, trade_off))
        drawn_texts(figure)
        legend = figure.legends[0].get_texts()
        shown = [without_breaks(text.get_text()) for text in legend]
        assert shown[: len(ODD)] == [without_breaks(name) for name in ODD]
        boxes = [text.get_window_extent() for text in legend]
        assert all(figure.bbox.contains(*box.min) and figure.bbox.contains(*box.max) for box in boxes)

    def test_users_may_have_asked_for_tex(self, monkeypatch, tmp_path):
        import matplotlib

        monkeypatch.setitem(matplotlib.rcParams, "text.usetex", True)
        draw_tree(TREE, tmp_path / "tree.png")

    @given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40))
    @settings(max_examples=8)
    def test_any_name_is_drawn(self, name):
        try:
            tree = ClassTree([("top", name), ("other",)])
        except TreeError:
            return
        assert without_breaks(name) in {without_breaks(text.get_text()) for text in drawn_texts(levels(tree))}

    def test_many_classes_have_a_legend_within_the_picture(self):
        figure = embedding(ClassTree.load("mapillary_vistas_v2"))
        boxes = [text.get_window_extent() for text in drawn_texts(figure)]
        assert all(figure.bbox.contains(*box.min) and figure.bbox.contains(*box.max) for box in boxes)


class WrappedTest:
    def test_lines_are_no_wider_than_asked_for_and_lose_nothing(self):
        for text in (LONG, "W" * 300, "a--b--" * 40, "i" * 50 + "W" * 50):
            lines = wrapped(text, 8, 2.0, indent="  ").split("\n")
            assert len(lines) > 1 and all(text_width(line, 8) <= 2.01 for line in lines)
            assert without_breaks("".join(lines)) == without_breaks(text)

    def test_breaks_between_words(self):
        assert wrapped("one two three", 8, text_width("one two ", 8) + 0.01) == "one two\nthree"

    def test_what_fits_stays_as_it_is(self):
        assert wrapped("one  two", 8, 9.0) == "one  two" and wrapped("", 8, 1.0) == ""

    def test_a_letter_that_is_too_wide_has_a_line(self):
        assert wrapped("WW", 8, 0.01) == "W\nW"


class PictureTest:
    def test_huge_pictures_have_fewer_pixels(self):
        figure = Picture(2, 3000, layout=None)
        assert max(figure.bbox.size) < 2**16

    def test_a_notebook_shows_it_without_pyplot(self):
        with Image.open(io.BytesIO(Picture(2, 1)._repr_png_())) as image:
            assert (image.format, image.size) == ("PNG", (220, 110))

    def test_other_warnings_are_left(self):
        figure = Picture(2, 2)
        axis = figure.subplots()
        axis.set_xlabel("x" * 200, fontsize=200)
        axis.set_ylabel("x\n" * 100, fontsize=200)
        with pytest.warns(UserWarning, match="axes sizes collapsed to zero"):
            FigureCanvasAgg(figure).draw()


class CurvesTest:
    def test_cells_without_a_number_are_left_out(self, tmp_path):
        log = tmp_path / "log.csv"
        log.write_text("epoch,miou_1,val_miou_1\n0,0.1,NA\n1,0.2,0.3\n2,0.3,\n3,0.4")
        training, validation = draw_curves(log).axes[0].lines
        np.testing.assert_allclose(training.get_ydata(), [0.1, 0.2, 0.3, 0.4])
        np.testing.assert_allclose(validation.get_ydata(), [0.3])

    def test_a_log_of_something_else_raises(self, tmp_path):
        log = tmp_path / "log.csv"
        log.write_text("step,loss\n0,0.1\n")
        with pytest.raises(ValueError, match="expects the keys 'epoch'. Received: 'step', 'loss', without 'epoch'"):
            draw_curves(log)

    def test_confidence_curve_without_a_key_raises(self):
        with pytest.raises(ValueError, match="`draw_confidence_curve` expects the keys .* without 'depth'"):
            draw_confidence_curve({"threshold": [0.5], "accuracy": [0.5], "answered": [0.5]})
