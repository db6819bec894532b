import re

import numpy as np
import pytest
from PIL import Image

import hierseg_keras as hs
from hierseg_keras.decoding.confident_labels import coherent_probabilities
from hierseg_keras.tree import ClassTree
from hierseg_keras.visualization import ReportedRun, node_colors, report_page
from hierseg_keras.visualization.page.image_files import MOST_BYTES
from hierseg_keras.visualization.page.report_page import static_files
from hierseg_keras.visualization.page.seed_spread import comparisons, groups_of
from tests.visualization.small_page import (
    HOSTILE,
    HOSTILE_TREE,
    IGNORED,
    SIZES,
    TREE,
    content,
    one_by_one,
    prediction,
    predictions,
    reported,
    truth,
    write_log,
)


def numpy(tensor):
    return np.asarray(tensor)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A page of one run, by the kind of its scores."""
    folder = tmp_path_factory.mktemp("pages")
    return {kind: report_page([reported(kind=kind)], folder / kind) for kind in ("leaves", "nodes")}


@pytest.fixture(params=["leaves", "nodes"])
def kind(request):
    return request.param


def counted(kind):
    report = hs.metrics.TreeReport(TREE, scores=kind, ignore_class=IGNORED)
    for _, label, scores in one_by_one(predictions(kind)):
        report.update_state(label, scores)
    return report


class ReportPageTest:
    def test_pixels_are_those_of_the_best_path(self, pages, kind):
        for place, (_, label, scores) in enumerate(predictions(kind)):
            leaf, path, following = prediction(pages[kind], place)
            np.testing.assert_array_equal(leaf, numpy(hs.decoding.best_path(TREE, scores, kind)[0]))
            of_node = np.round(255 * numpy(coherent_probabilities(TREE, scores, kind)))
            for depth in range(TREE.num_levels):
                nodes = TREE.depth_table[depth][leaf]
                np.testing.assert_array_equal(path[depth], np.take_along_axis(of_node, nodes[..., None], -1)[..., 0])
            np.testing.assert_array_equal(truth(pages[kind], place), np.where(label == IGNORED, TREE.num_nodes, label))

    def test_next_leaves_are_those_of_the_next_best_paths(self, pages, kind):
        for place, (_, _, scores) in enumerate(predictions(kind)):
            leaf, _, following = prediction(pages[kind], place)
            if kind == "nodes":
                # Every path sums D probabilities: a leaf above depth D counts once for each depth below it.
                scores = (1 / (1 + np.exp(-scores)))[..., TREE.depth_table[:, : TREE.num_leaves]].sum(axis=-2)
            order = np.argsort(-scores, axis=-1)
            np.testing.assert_array_equal(leaf, order[..., 0])
            for rank, (node, _) in enumerate(following, start=1):
                np.testing.assert_array_equal(node, order[..., rank])

    def test_values_are_those_of_the_metric(self, pages, kind):
        (run,) = content(pages[kind])["runs"]
        report = counted(kind)
        assert run["values"] == {name: float(value) for name, value in report.result().items()}
        rows = {(row["level"], row["class"]): row for row in report.rows()}
        for node, path in enumerate(TREE.paths):
            level = 1 if TREE.is_leaf(node) else TREE.num_levels - TREE.depths[node] + 1
            for key in ("iou", "precision", "recall", "support"):
                value = rows[level, path][key]
                assert run["nodes"][key][node] == (None if value != value else value)
        counts = np.zeros((TREE.num_nodes, TREE.num_leaves), int)
        cells = np.reshape(run["confusion"], (-1, 3))
        counts[cells[:, 0], cells[:, 1]] = cells[:, 2]
        np.testing.assert_array_equal(counts, report.confusion.exact_counts())

    def test_values_of_an_image_are_those_of_the_metric_on_it_alone(self, pages, kind):
        for place, (_, label, scores) in enumerate(predictions(kind)):
            (found,) = content(pages[kind])["images"][place]["runs"]
            report = hs.metrics.TreeReport(TREE, scores=kind, ignore_class=IGNORED)
            report.update_state(label[None], scores[None])
            values = report.result()
            assert found["severity"] == pytest.approx(float(values["mistake_severity"]), abs=1e-4)
            accuracies = [float(values[f"accuracy_{level}"]) for level in range(1, TREE.num_levels + 1)]
            np.testing.assert_allclose(found["wrong"], np.subtract(1, accuracies), atol=1e-4)
            for row in report.rows():
                if row["level"] == 1:
                    iou = found["iou"].get(str(TREE.index(row["class"])), np.nan)
                    np.testing.assert_allclose(iou, row["iou"], atol=1e-4)

    def test_images_without_labels_or_with_nan_have_no_values(self, tmp_path):
        triples = predictions()
        triples[1][1][:] = IGNORED
        triples[2][2][:9] = np.nan
        report = hs.metrics.TreeReport(TREE, scores="leaves", ignore_class=IGNORED)
        page = content(report_page([ReportedRun("first", report, one_by_one(triples))], tmp_path / "page"))
        for image in page["images"][1:3]:
            assert image["runs"] == [{"severity": None, "wrong": [None] * TREE.num_levels, "iou": {}}]
        assert page["images"][3]["runs"][0]["severity"] is not None

    def test_padding_of_a_batch_is_no_part_of_an_image(self, tmp_path):
        triples = predictions()
        height, width = np.max(SIZES, axis=0)
        fill = (127.5, IGNORED, 0)

        def padded(array, value):
            sides = [(0, length - array.shape[axis]) for axis, length in enumerate((height, width))]
            return np.pad(array, sides + [(0, 0)] * (array.ndim - 2), constant_values=value)

        batch = [np.stack([padded(array, value) for array in arrays]) for arrays, value in zip(zip(*triples), fill)]
        report = hs.metrics.TreeReport(TREE, scores="leaves", ignore_class=IGNORED)
        run = ReportedRun("first", report, [batch])
        found, alone = (
            content(report_page([run], tmp_path / "page")),
            content(report_page([reported()], tmp_path / "alone")),
        )
        assert [(each["height"], each["width"]) for each in found["images"]] == SIZES
        assert found == alone
        for place in range(len(SIZES)):
            np.testing.assert_array_equal(
                truth(tmp_path / "page/index.html", place), truth(tmp_path / "alone/x", place)
            )

    def test_large_images_are_sampled_and_every_pixel_is_counted(self, tmp_path):
        rng = np.random.default_rng(0)
        label = rng.integers(0, TREE.num_leaves, (1, 300, 600))
        scores = np.eye(TREE.num_leaves, dtype="float32")[label]
        report = hs.metrics.TreeReport(TREE, scores="leaves", from_logits=False)
        run = ReportedRun("first", report, [(np.zeros((1, 300, 600, 3)), label, scores)])
        page = report_page([run], tmp_path / "page")
        (image,) = content(page)["images"]
        assert (image["height"], image["width"]) == (128, 256)
        assert Image.open(page.parent / "data/0.jpg").size == (256, 128)
        rows, columns = (np.floor((np.arange(n) + 0.5) * size / n).astype(int) for n, size in ((128, 300), (256, 600)))
        np.testing.assert_array_equal(truth(page, 0), label[0][rows[:, None], columns])
        np.testing.assert_array_equal(prediction(page, 0)[0], label[0][rows[:, None], columns])
        assert sum(content(page)["runs"][0]["nodes"]["support"][: TREE.num_leaves]) == 300 * 600

    def test_noise_does_not_exceed_the_share_of_an_image(self, tmp_path):
        tree = ClassTree.load("mapillary_vistas_v2")
        assert tree.num_leaves == 124
        rng = np.random.default_rng(0)
        scores = rng.normal(scale=3, size=(1, 192, 256, tree.num_leaves)).astype("float32")
        image = rng.integers(0, 256, (1, 192, 256, 3))
        run = ReportedRun("noise", hs.metrics.TreeReport(tree), [(image, scores.argmax(-1), scores)])
        page = report_page([run], tmp_path / "page")
        sizes = [(page.parent / "data" / name).stat().st_size for name in ("0.js", "0.0.js", "0.jpg")]
        assert 0.7 * MOST_BYTES < sum(sizes) < MOST_BYTES + 200
        rest = [file for file in page.parent.rglob("*") if file.is_file() and not file.name.startswith("0.")]
        # An image has an entry such as `"147":0.1234,` per node in `report.js`.
        assert 500 * (MOST_BYTES + 13 * tree.num_nodes) + sum(file.stat().st_size for file in rest) < 150e6
        # What is shown is still that of the metrics.
        size = content(page)["images"][0]
        rows, columns = (
            np.floor((np.arange(n) + 0.5) * length / n).astype(int)
            for n, length in ((size["height"], 192), (size["width"], 256))
        )
        np.testing.assert_array_equal(prediction(page, 0, tree=tree)[0], scores[0].argmax(-1)[rows[:, None], columns])

    def test_trees_of_many_nodes_and_of_one_leaf(self, tmp_path):
        wide = ClassTree.from_paths([f"family {number % 7}/class {number}" for number in range(300)])
        single = ClassTree.from_text("all\n\tonly")
        for tree in (wide, single):
            page = report_page([reported(tree=tree, sizes=[(6, 8)])], tmp_path / str(tree.num_leaves))
            ((_, label, scores),) = predictions(tree=tree, sizes=[(6, 8)])
            leaf, _, following = prediction(page, 0, tree=tree)
            np.testing.assert_array_equal(leaf, scores.argmax(-1))
            np.testing.assert_array_equal(truth(page, 0, tree), np.where(label == IGNORED, tree.num_nodes, label))
            assert len(following) == min(3, tree.num_leaves - 1)

    def test_several_runs_share_images_and_labels(self, tmp_path):
        names = [f"street {number}.png" for number in range(len(SIZES))]
        runs = [reported("one", "leaves", image_names=names), reported("two", "nodes", seed=1, image_names=names)]
        page = report_page(iter(runs), tmp_path / "page")
        values = content(page)
        assert [run["name"] for run in values["runs"]] == ["one", "two"]
        assert [image["name"] for image in values["images"]] == names
        for place, (_, _, scores) in enumerate(predictions("nodes", seed=1)):
            np.testing.assert_array_equal(prediction(page, place, 1)[0], numpy(hs.decoding.best_path(TREE, scores)[0]))

    def test_runs_that_resize_images_differently_share_a_grid(self, tmp_path):
        def run(name, factor):
            label = np.arange(12).reshape(1, 3, 4) % TREE.num_leaves
            label = label.repeat(factor, axis=1).repeat(factor, axis=2)
            scores = 5 * np.eye(TREE.num_leaves, dtype="float32")[label]
            report = hs.metrics.TreeReport(TREE, scores="leaves")
            return ReportedRun(name, report, [(np.zeros((*label.shape, 3)), label, scores)])

        page = report_page([run("small", 1), run("large", 3)], tmp_path / "page")
        np.testing.assert_array_equal(prediction(page, 0, 0)[0], prediction(page, 0, 1)[0])

    def test_fewer_images_are_evenly_spread_and_all_are_counted(self, tmp_path):
        names = [f"{number}.png" for number in range(len(SIZES))]
        found = content(report_page([reported(image_names=names)], tmp_path / "page", max_images=2))
        assert [image["name"] for image in found["images"]] == ["1.png", "3.png"] and found["numImages"] == len(SIZES)
        assert found["runs"][0]["values"] == content(report_page([reported()], tmp_path / "all"))["runs"][0]["values"]
        # Without names their number is not known before.
        found = content(report_page([reported()], tmp_path / "first", max_images=2))
        assert [image["name"] for image in found["images"]] == ["image 1", "image 2"]

    def test_images_of_the_first_run_are_shown_of_all(self, tmp_path):
        names = [f"{number}.png" for number in range(len(SIZES))]
        runs = [reported(image_names=names), reported("second", seed=1)]
        page = report_page(runs, tmp_path / "page", max_images=2)
        assert [image["name"] for image in content(page)["images"]] == ["1.png", "3.png"]
        np.testing.assert_array_equal(
            prediction(page, 1, 1)[0], prediction(report_page([reported(seed=1)], tmp_path / "all"), 3, 0)[0]
        )

    def test_curves_are_those_of_the_log(self, tmp_path):
        log = write_log(tmp_path / "log.csv")
        (run,) = content(report_page([reported(log=log)], tmp_path / "page"))["runs"]
        assert run["curves"]["epochs"] == [1, 2, 3]
        assert [(each["name"], each["number"]) for each in run["curves"]["series"]] == [
            *(("miou", level) for level in (1, 2, 3)),
            *(("depth_loss", depth) for depth in (1, 2, 3)),
        ]
        assert all(each["validation"][1] is None and each["training"][1] > 0 for each in run["curves"]["series"])

    def test_names_are_data_and_never_code(self, tmp_path):
        run = reported(
            HOSTILE[0], tree=HOSTILE_TREE, image_names=HOSTILE, facts={HOSTILE[0]: HOSTILE[1]}, data_set=HOSTILE[4]
        )
        page = report_page([run], tmp_path / "page")
        values = content(page)
        assert values["tree"]["names"] == list(HOSTILE_TREE.names) and values["runs"][0]["name"] == HOSTILE[0]
        assert [image["name"] for image in values["images"]] == HOSTILE
        # The page's own text is the same for all pages, and the data are ASCII in JSON's notation.
        assert page.read_text("utf-8") == static_files()["index.html"]
        assert all(byte < 128 for byte in (page.parent / "data/report.js").read_bytes())
        assert {file.name for file in (page.parent / "data").iterdir()} == {
            "report.js",
            *(f"{place}.{end}" for place in range(len(SIZES)) for end in ("js", "0.js", "jpg")),
        }

    def test_page_loads_nothing_from_elsewhere(self):
        for name, text in static_files().items():
            addresses = re.findall(r"(?:https?:)?//[\w.-]+\.[a-z]{2,}[^\s\"']*", text)
            assert set(addresses) <= {"http://www.w3.org/2000/svg"}, name
            assert not re.search(r"\bfetch\(|\bimport\b|XMLHttpRequest|innerHTML|insertAdjacentHTML|\beval\(", text), (
                name
            )

    def test_colors_are_those_of_the_palette(self, tmp_path):
        found = content(report_page([reported()], tmp_path / "page", palette={"sky": "#00ffff"}))["tree"]["colors"]
        assert found == [f"#{bytes(color).hex()}" for color in node_colors(TREE, {"sky": "#00ffff"})]

    def test_folder_that_is_no_page_is_never_replaced(self, tmp_path):
        page = report_page([reported(sizes=SIZES[:1])], tmp_path / "page")
        before = page.stat().st_mtime_ns
        with pytest.raises(FileExistsError, match="Pass overwrite=True"):
            report_page([reported()], tmp_path / "page")
        assert page.stat().st_mtime_ns == before
        report_page([reported(sizes=SIZES[:2])], tmp_path / "page", overwrite=True)
        assert len(content(page)["images"]) == 2
        (tmp_path / "page" / "notes.txt").write_text("mine")
        with pytest.raises(FileExistsError, match=re.escape("'notes.txt'")):
            report_page([reported()], tmp_path / "page", overwrite=True)
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "index.html").write_text("mine")
        with pytest.raises(FileExistsError, match="only a page"):
            report_page([reported()], tmp_path / "other", overwrite=True)
        assert (tmp_path / "other" / "index.html").read_text() == "mine"

    def test_runs_that_cannot_be_compared_are_refused_and_leave_nothing(self, tmp_path):
        other = ClassTree.from_text("a\n\tb\n\tc\nd")
        wrong_labels = [(image, (label + 1) % TREE.num_nodes, scores) for image, label, scores in predictions()]
        report = hs.metrics.TreeReport(TREE, scores="leaves", ignore_class=IGNORED)
        wrong = ReportedRun("wrong", report, one_by_one(wrong_labels))
        for runs, message in (
            ([], "at least one run"),
            ([reported(), reported("second", tree=other)], "'first' and 'second', whose trees differ"),
            ([reported(data_set="a"), reported("second", data_set="b")], "one data set"),
            ([reported(), reported("second", sizes=SIZES[:3])], "5 of 'first', and 3 of 'second'"),
            ([reported(), wrong], "other labels of image 1 in run 2"),
            ([reported(image_names=["one"])], "as many images as names, 1"),
            ([reported(image_names="abcde"), reported("second", image_names="abced")], "whose `image_names` differ"),
            ([reported(sizes=[])], "at least one image"),
        ):
            with pytest.raises(ValueError, match=message):
                report_page(runs, tmp_path / "page")
            assert not list(tmp_path.iterdir())

    def test_invalid_arguments_raise(self, tmp_path):
        used = reported()
        report_page([used], tmp_path / "used")
        for run, options, kind, message in (
            (reported(), {"max_images": 0}, ValueError, "max_images=0"),
            (used, {}, ValueError, "Call its `reset_state`"),
            (ReportedRun("first", hs.metrics.MistakeSeverity(TREE), []), {}, TypeError, "metrics.TreeReport"),
        ):
            with pytest.raises(kind, match=message):
                report_page([run], tmp_path / "page", **options)
        assert not (tmp_path / "page").exists()


class SeedSpreadTest:
    def test_runs_of_one_configuration_are_a_group(self):
        assert groups_of(["a", None, "b", "a", None]) == [[0, 3], [1], [2], [4]]

    def test_hand_computed_interval(self):
        # Means 2 and 5, squared deviations 2 and 0.5, 3 degrees of freedom, s = sqrt(2.5 / 3). t is 3.18245.
        (pair,) = comparisons(np.array([[1.0], [2.0], [3.0], [4.5], [5.5]]), [[0, 1, 2], [3, 4]])
        assert (pair["first"], pair["second"]) == (0, 1)
        np.testing.assert_allclose(pair["difference"], [3.0])
        np.testing.assert_allclose(pair["half"], [3.18245 * np.sqrt(2.5 / 3) * np.sqrt(1 / 3 + 1 / 2)], rtol=1e-5)

    def test_one_group_of_seeds_is_enough(self):
        (pair,) = comparisons(np.array([[1.0], [3.0], [9.0]]), [[0, 1], [2]])
        # One degree of freedom, s = sqrt(2), t is 12.7062.
        np.testing.assert_allclose(pair["half"], [12.7062 * np.sqrt(2) * np.sqrt(1.5)], rtol=1e-5)

    def test_without_seeds_the_spread_is_unknown(self):
        pairs = comparisons(np.array([[1.0], [3.0], [9.0]]), [[0], [1], [2]])
        assert [(pair["first"], pair["second"]) for pair in pairs] == [(0, 1), (0, 2), (1, 2)]
        assert all(pair["half"] is None for pair in pairs)

    def test_missing_values_stay_missing(self):
        (pair,) = comparisons(np.array([[np.nan, 1.0], [1.0, 2.0], [2.0, 3.0]]), [[0, 1], [2]])
        assert np.isnan(pair["difference"][0]) and np.isnan(pair["half"][0]) and pair["difference"][1] == 1.5
