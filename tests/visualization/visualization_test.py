import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from hierseg_keras.clustering import TradeOff
from hierseg_keras.tree import ClassTree
from hierseg_keras.visualization import (
    color_labels,
    draw_clusters,
    draw_confidence_curve,
    draw_contact_sheet,
    draw_curves,
    draw_embedding,
    draw_levels,
    draw_report,
    draw_trade_offs,
    draw_tree,
    node_colors,
)

NAMES = ["helen", "cityscapes", "mapillary_vistas_v2", "street_blocks"]


def drawn(figure):
    FigureCanvasAgg(figure).draw()
    return figure


def shown_axes(figure):
    """The axes that show images, in the order in which they were drawn."""
    return [axis for axis in figure.axes if axis.images]


def written(figure):
    return [text.get_text() for text in figure.page.texts]


class ColorLabelsTest:
    def test_whatever_is_no_node_is_white_where_black_is_a_class(self):
        tree = ClassTree.load("lip")
        painted = color_labels(tree, np.array([tree.index("background"), 255]))
        assert painted.tolist() == [[0, 0, 0], [255, 255, 255]]

    def test_whatever_is_no_node_is_black(self):
        tree = ClassTree.load("camvid")
        picture = color_labels(tree, [[0, 17], [255, -1]])
        np.testing.assert_array_equal(picture[0], node_colors(tree)[[0, 17]])
        assert not picture[1].any()


class DrawLevelsTest:
    @pytest.mark.parametrize("name", NAMES)
    def test_legend_is_within_the_picture(self, name):
        tree = ClassTree.load(name)
        labels = np.arange(12 * 16).reshape(12, 16) % tree.num_leaves
        figure = drawn(draw_levels(tree, np.zeros((12, 16, 3)), {"truth": labels}))
        boxes = [text.get_window_extent() for text in figure.page.texts]
        assert len(boxes) >= tree.num_nodes
        assert all(figure.bbox.contains(*box.min) and figure.bbox.contains(*box.max) for box in boxes)

    @pytest.mark.parametrize("name", ["helen", "camvid"])
    def test_draws_every_level(self, name, tmp_path):
        tree = ClassTree.load(name)
        labels = np.arange(12 * 16).reshape(12, 16) % tree.num_nodes
        figure = draw_levels(tree, np.zeros((12, 16, 3)), {"truth": labels, "prediction": labels}, tmp_path / "a.png")
        for level in range(1, tree.num_levels + 1):
            assert written(figure).count(f"level {level} ({len(tree.level_classes(level))} classes)") == 1
        assert {"image", "truth", "prediction"} <= set(written(figure))
        assert len(shown_axes(figure)) in (1 + 2 * tree.num_levels, 2 + 2 * tree.num_levels)
        assert Image.open(tmp_path / "a.png").size[0] > 300

    def test_legend_lists_the_classes_in_the_picture_and_no_others(self):
        tree = ClassTree.from_text("human\n\tperson\n\trider\nvehicle\n\tcar\nsky")
        figure = draw_levels(tree, np.zeros((1, 2, 3)), {"truth": np.array([[0, 3]])})
        titles = {"image", "truth", "level 1 (4 classes)", "level 2 (3 classes)"}
        assert [text for text in written(figure) if text not in titles] == ["human", "person", "sky"]
        figure = draw_levels(tree, np.zeros((1, 2, 3)), {"truth": np.array([[0, tree.index("vehicle")]])})
        listed = [text for text in written(figure) if text not in titles]
        assert listed == ["human", "person", "vehicle", "no label"]

    def test_coarse_labels_are_black_where_they_say_nothing(self):
        tree = ClassTree.from_text("human\n\tperson\nsky")
        figure = draw_levels(tree, np.zeros((1, 2, 3)), {"truth": np.array([[2, 1]])})
        level_1, level_2 = (axis.images[0].get_array() for axis in shown_axes(figure)[1:])
        assert not level_1[0, 0].any() and level_1[0, 1].any() and level_2[0, 0].any()

    def test_an_image_is_shown_once_if_the_legend_fills_the_room_below_it(self):
        tree = ClassTree.load("street_blocks")
        labels = np.arange(12 * 16).reshape(12, 16) % tree.num_leaves
        three = draw_levels(tree, np.zeros((12, 16, 3)), {"a": labels, "b": labels, "c": labels})
        assert len(shown_axes(three)) == 1 + 3 * tree.num_levels
        few = draw_levels(tree, np.zeros((12, 16, 3)), dict.fromkeys("abc", np.zeros((12, 16), int)))
        assert len(shown_axes(few)) == 3 + 3 * tree.num_levels


class DrawContactSheetTest:
    def test_a_row_an_image_and_a_column_a_level(self, tmp_path):
        tree = ClassTree.from_text("human\n\tperson\nsky")
        wide = np.full((2, 3, 3), 300.0), np.array([[0, 1, 2], [2, 255, -1]])
        high = np.zeros((4, 2, 3)), np.ones((4, 2), int)
        figure = draw_contact_sheet(tree, [wide, high], tmp_path / "sheet.png")
        axes = shown_axes(figure)
        assert written(figure)[:3] == ["image", "level 1 (2 classes)", "level 2 (2 classes)"]
        shapes = [axis.images[0].get_array().shape[:2] for axis in axes]
        assert shapes == [(2, 3)] * 3 + [(4, 2)] * 3
        person, sky, human = node_colors(tree)
        np.testing.assert_array_equal(axes[1].images[0].get_array(), [[person, sky, [0] * 3], [[0] * 3] * 3])
        np.testing.assert_array_equal(axes[2].images[0].get_array(), [[human, sky, human], [human, [0] * 3, [0] * 3]])
        assert Image.open(tmp_path / "sheet.png").size[0] > 800

    def test_none_raises(self):
        with pytest.raises(ValueError, match="at least one image"):
            draw_contact_sheet(ClassTree.load("camvid"), [])


class DrawCurvesTest:
    def test_draws_what_the_log_holds(self, tmp_path):
        log = tmp_path / "log.csv"
        log.write_text("epoch,miou_1,val_miou_1,depth_loss_1,depth_loss_2\n0,0.1,0.1,2,3\n1,0.2,0.3,1,2\n")
        figure = draw_curves(log, tmp_path / "curves.png")
        labels = [line.get_label() for axis in figure.axes for line in axis.lines]
        assert labels == ["training level 1", "validation level 1", "training depth 1", "training depth 2"]
        assert (tmp_path / "curves.png").stat().st_size > 1000

    def test_a_level_has_one_color_in_both_panels(self, tmp_path):
        log = tmp_path / "log.csv"
        names = [f"{prefix}{name}_{i}" for prefix in ("", "val_") for name in ("miou", "depth_loss") for i in (1, 2, 3)]
        log.write_text(f"epoch,{','.join(names)}\n" + "".join(f"{i}{',0.5' * len(names)}\n" for i in range(3)))
        figure = draw_curves(log)
        lines = {line.get_label(): line for axis in figure.axes for line in axis.lines}
        for level in (1, 2, 3):
            same = [
                f"{part} {unit}"
                for part in ("training", "validation")
                for unit in (f"level {level}", f"depth {4 - level}")
            ]
            assert len({lines[label].get_color() for label in same}) == 1
            assert [lines[label].get_linestyle() for label in same] == ["--", "--", "-", "-"]
        assert len({lines[f"training level {level}"].get_color() for level in (1, 2, 3)}) == 3
        [legend] = figure.legends
        parts = ["level 1 (depth 3)", "level 2 (depth 2)", "level 3 (depth 1)", "training", "validation"]
        assert [text.get_text() for text in legend.texts] == parts

    def test_several_runs_are_overlaid(self, tmp_path):
        """Muller & Smith's figures 4 and 5: two runs of other lengths, one of which was never validated."""
        (tmp_path / "flat.csv").write_text("epoch,miou_1,val_miou_1,depth_loss_1\n0,0.1,0.2,2\n1,0.2,0.3,1\n")
        (tmp_path / "tree.csv").write_text("epoch,miou_1,depth_loss_1,depth_loss_2\n0,0.3,1,2\n")
        figure = draw_curves({"U-Net": tmp_path / "flat.csv", "U-Net+HL": str(tmp_path / "tree.csv")})
        lines = {line.get_label(): line for axis in figure.axes for line in axis.lines}
        expected = {"U-Net level 1": [0.2, 0.3], "U-Net+HL level 1": [0.3], "U-Net depth 1": [2, 1]}
        expected |= {"U-Net+HL depth 1": [1], "U-Net+HL depth 2": [2]}
        assert {label: line.get_ydata().tolist() for label, line in lines.items()} == expected
        assert {line.get_linestyle() for label, line in lines.items() if "HL" in label} == {"--"}
        assert lines["U-Net level 1"].get_linestyle() == "-"
        # Level 1 is depth 1 of a tree with one level, and depth 2 of one with two.
        same = ["U-Net level 1", "U-Net+HL level 1", "U-Net depth 1", "U-Net+HL depth 2"]
        assert {lines[label].get_color() for label in same} == {"C0"} != {lines["U-Net+HL depth 1"].get_color()}
        assert [text.get_text() for text in figure.legends[0].texts][:2] == ["level 1", "level 2"]
        assert [text.get_text() for text in figure.legends[0].texts][-2:] == ["U-Net", "U-Net+HL"]
        with pytest.raises(ValueError, match="at least one log. Received: log={}"):
            draw_curves({})
        with pytest.raises(ValueError, match="at most 7 logs, whose lines can be told apart. Received: 8"):
            draw_curves({str(i): tmp_path / "tree.csv" for i in range(8)})
        draw_curves({str(i): tmp_path / "tree.csv" for i in range(7)}, tmp_path / "seven.png")

    def test_lines_pass_over_epochs_without_validation(self, tmp_path):
        rows = [f"{epoch},0.1,{0.1 * epoch if epoch % 2 else 'NA'}\n" for epoch in range(6)]
        (tmp_path / "log.csv").write_text("epoch,miou_1,val_miou_1\n" + "".join(rows))
        lines = {line.get_label(): line for axis in draw_curves(tmp_path / "log.csv").axes for line in axis.lines}
        validated = lines["validation level 1"]
        assert (validated.get_xdata().tolist(), validated.get_linestyle()) == ([2, 4, 6], "-")
        np.testing.assert_allclose(validated.get_ydata(), [0.1, 0.3, 0.5])

    def test_long_names_of_runs_stay_in_the_picture(self, tmp_path):
        (tmp_path / "log.csv").write_text("epoch,miou_1\n0,0.1\n1,0.2\n")
        names = [f"_{'deeplab_v3_plus_' * 5}{i}" for i in range(3)]
        figure = draw_curves(dict.fromkeys(names, tmp_path / "log.csv"), tmp_path / "curves.png")
        [legend] = figure.legends
        box = legend.get_window_extent().transformed(figure.transFigure.inverted())
        assert 0 <= box.x0 and box.x1 <= 1
        assert [text.get_text().replace("\n", "") for text in legend.texts][-3:] == names

    def test_a_run_is_its_log(self, tmp_path):
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "log.csv").write_text("epoch,miou_1\n0,0.1\n1,0.2\n")
        [line] = [line for axis in draw_curves(str(tmp_path / "run")).axes for line in axis.lines]
        assert line.get_ydata().tolist() == [0.1, 0.2]

    def test_empty_log_raises(self, tmp_path):
        (tmp_path / "log.csv").write_text("epoch\n")
        with pytest.raises(ValueError, match="at least one epoch"):
            draw_curves(tmp_path / "log.csv")


class ReportTest:
    def test_a_bar_for_every_class_that_occurs(self, tmp_path):
        from hierseg_keras.metrics import TreeReport

        tree = ClassTree.from_text("human\n\tperson\n\trider\nsky\nroad")
        report = TreeReport(tree)
        report.update_state(np.array([[[0, 0, 1, 2]]]), np.eye(4)[[[[0, 1, 1, 0]]]])
        figure = draw_report(tree, report.rows(), tmp_path / "report.png")
        assert (tmp_path / "report.png").stat().st_size > 5000
        levels = [[patch.get_width() for patch in axis.patches] for axis in figure.axes]
        assert [len(bars) for bars in levels] == [4, 3] and max(levels[1]) == pytest.approx(0.75)
        assert "absent" in {text.get_text() for text in figure.axes[0].texts}
        assert figure.axes[1].get_title(loc="left") == "level 2: mIoU 0.375"


class ConfidenceCurveTest:
    def test_draws_three_curves(self, tmp_path):
        thresholds = np.array([0.2, 0.5, 0.8])
        curve = {"threshold": thresholds, "accuracy": thresholds, "answered": 1 - thresholds, "depth": thresholds}
        figure = draw_confidence_curve(curve, tmp_path / "curve.png")
        assert [len(axis.lines) for axis in figure.axes] == [3, 1] and (tmp_path / "curve.png").is_file()


class TradeOffsTest:
    def test_draws_a_curve_a_stage_and_what_is_chosen(self, tmp_path):
        early = TradeOff({}, {4: 0.2, 3: 0.25, 2: 0.7}, 4, 0.6)
        late = TradeOff({}, {4: 0.5, 3: 0.6, 2: 0.8}, 4, 0.6)
        figure = draw_trade_offs({"early": early, "late": late}, {"early": 3, "late": 2}, tmp_path / "trade_offs.png")
        rings = [figure.axes[0].lines[i].get_xydata()[0].tolist() for i in (1, 3)]
        assert rings == [[3, 0.25], [2, 0.8]]
        figure = draw_trade_offs({"early": early, "late": late})
        lines = [line.get_xydata().tolist() for line in figure.axes[0].lines]
        assert lines[0] == [[2, 0.7], [3, 0.25], [4, 0.2]] and lines[2] == [[2, 0.8], [3, 0.6], [4, 0.5]]
        assert [lines[1], lines[3]] == [[[size, trade.mean_ious[size]]] for trade, size in ((early, 2), (late, 3))]
        assert lines[4] == [[0, 0], [4, 0.6]] and (tmp_path / "trade_offs.png").is_file()


class TreeTest:
    def test_draws_every_node_under_its_parent(self, tmp_path):
        tree = ClassTree.load("street_blocks")
        texts = draw_tree(tree, tmp_path / "tree.png").page.texts
        assert [text.get_text() for text in texts] == [tree.names[node] for node in tree.preorder]
        x = {text.get_text(): text.get_position()[0] for text in texts}
        assert x["vehicle"] < x["car"] < x["sedan"] and x["sedan"] == x["van"]
        assert (tmp_path / "tree.png").is_file()

    def test_a_long_tree_has_several_columns(self):
        tree = ClassTree.load("mapillary_vistas_v2")
        figure = drawn(draw_tree(tree))
        assert [text.get_text() for text in figure.page.texts] == [tree.names[node] for node in tree.preorder]
        width, height = figure.get_size_inches()
        assert height < 11 and width < 2 * height
        boxes = [text.get_window_extent() for text in figure.page.texts]
        assert not any(box.overlaps(other) for i, box in enumerate(boxes) for other in boxes[:i])


class ClustersTest:
    tree = ClassTree.from_text("human\n\tperson\n\trider\nsky")

    def test_a_cluster_has_the_mean_color_of_its_classes(self, tmp_path):
        image, clusters = np.full((2, 3, 3), 90.0), np.array([0, 1, 0])
        maps = {"stage": np.array([[0, 1, -1], [0, 1, 0]]), "truth": np.array([[0, 1, 2], [2, 1, 255]])}
        figure = draw_clusters(self.tree, image, maps, {"stage": clusters}, tmp_path / "clusters.png")
        _, stage, truth = (axis.images[0].get_array() for axis in shown_axes(figure))
        colors = node_colors(self.tree)[:3].astype(float)
        assert stage[0, 0].tolist() == colors[[0, 2]].mean(axis=0).astype(np.uint8).tolist() == stage[1, 2].tolist()
        np.testing.assert_array_equal(truth[0], colors)
        assert stage[0, 1].tolist() == truth[0, 1].tolist()
        assert not stage[0, 2].any() and not truth[1, 2].any()
        first = ["image", "stage (2 of 3 classes)", "person + sky", "rider", "no label"]
        assert written(figure) == [*first, "truth (3 of 3 classes)", "person", "rider", "sky", "no label"]
        assert (tmp_path / "clusters.png").is_file()

    def test_legend_lists_the_clusters_in_the_map(self):
        maps = {"stage": np.zeros((2, 3), int)}
        figure = draw_clusters(self.tree, np.zeros((2, 3, 3)), maps, {"stage": [0, 1, 0]})
        assert written(figure) == ["image", "stage (2 of 3 classes)", "person + sky"]


class EmbeddingTest:
    def test_draws_the_pixels_of_nodes(self, tmp_path):
        tree = ClassTree.from_text("human\n\tperson\n\trider\nsky")
        embeddings = np.random.default_rng(0).normal(size=(30, 5))
        labels = np.repeat([0, 1, 255], 10)
        figure = draw_embedding(tree, embeddings, labels, tmp_path / "embedding.png", "title")
        [points] = [collection for axis in figure.axes for collection in axis.collections]
        colors = np.round(255 * points.get_facecolors()[:, :3]).astype(int).tolist()
        assert [colors.count(color) for color in node_colors(tree)[:2].tolist()] == [10, 10]
        assert written(figure) == ["title", "person", "rider"] and (tmp_path / "embedding.png").is_file()
