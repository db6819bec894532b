import csv
import pathlib
import runpy
import shutil

import numpy as np
import pytest

import hierseg_keras as hs
from hierseg_keras.visualization import node_colors, report_page
from tests.visualization.browser import opened_browser, opened_page, until_loaded
from tests.visualization.small_page import (
    HOSTILE,
    HOSTILE_TREE,
    IGNORED,
    SIZES,
    TREE,
    content,
    prediction,
    predictions,
    reported,
    truth,
    write_log,
)

pytestmark = pytest.mark.large
LEVELS = range(1, TREE.num_levels + 1)
NODE = {name: TREE.index(name) for name in TREE.names}
NAMES = [f"street {number}.png" for number in range(len(SIZES))]
# Painted in the canvas of an element, as rows of red, green, blue and opacity.
PAINTED = """canvas => {
  const {width, height} = canvas;
  return [height, width, [...canvas.getContext('2d').getImageData(0, 0, width, height).data]];
}"""
# Texts whose contrast is too low: the text, its color and the color behind it.
LOW_CONTRAST = """() => {
  const canvas = Object.assign(document.createElement('canvas'), {width: 1, height: 1});
  const context = canvas.getContext('2d', {willReadFrequently: true});
  const rgba = color => {
    context.clearRect(0, 0, 1, 1); context.fillStyle = color; context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map(i => top[3] * top[i] + (1 - top[3]) * below[i]);
  const behind = element => {
    const chain = []; for (let each = element; each; each = each.parentElement) chain.unshift(each);
    return chain.reduce((color, each) => over(rgba(getComputedStyle(each).backgroundColor), color), [255, 255, 255]);
  };
  const luminance = color => color.map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const hasText = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (!hasText || element.closest('[disabled], .hidden, [hidden], option, noscript, .skip')) continue;
    const style = getComputedStyle(element), back = behind(element);
    const text = over(rgba(element instanceof SVGElement ? style.fill : style.color), back);
    const [low, high] = [luminance(text), luminance(back)].sort((a, b) => a - b);
    if ((high + 0.05) / (low + 0.05) < 4.5) found.push([element.textContent, element.className, text, back]);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def browser():
    with opened_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def pair(folder):
    """A page of a run with leaf scores and one with node scores."""
    log = write_log(folder / "log.csv")
    runs = [
        reported("leaves", "leaves", image_names=NAMES, log=log),
        reported("nodes", "nodes", seed=1, image_names=NAMES),
    ]
    return report_page(runs, folder / "pair")


@pytest.fixture
def page(browser, pair):
    with opened_page(browser, pair) as page:
        yield page


def painted(page, panel):
    height, width, values = page.locator(".stage canvas").nth(panel).evaluate(PAINTED)
    return np.reshape(values, (height, width, 4))


def expected_nodes(index, image, run, level, threshold):
    """The node that each pixel of a prediction shows; -1 where none is probable enough."""
    leaf, path, _ = prediction(index, image, run)
    shown = np.full(leaf.shape, -1)
    for depth in range(1, TREE.num_levels - level + 2):
        shown = np.where(path[depth - 1] / 255 >= threshold, TREE.depth_table[depth - 1][leaf], shown)
    return shown


def expected_truth(index, image, level):
    label = truth(index, image)
    return np.where(label == TREE.num_nodes, -1, TREE.depth_table[TREE.num_levels - level][label % TREE.num_nodes])


def expected_mistakes(index, image, shown):
    label = truth(index, image)
    related = TREE.ancestor_matrix | TREE.ancestor_matrix.T
    return (label < TREE.num_nodes) & (shown >= 0) & ~related[label % TREE.num_nodes, shown]


def assert_paints(page, panel, nodes):
    colors = node_colors(TREE)[nodes]
    found = painted(page, panel)
    np.testing.assert_array_equal(found[..., 3], np.where(nodes >= 0, 255, 0))
    np.testing.assert_array_equal(found[..., :3], np.where(nodes[..., None] >= 0, colors, 0))


def slide(page, name, value):
    page.get_by_label(name, exact=True).fill(str(value))


def items(page):
    return page.locator("#image-list .name").all_text_contents()


def row(page, path):
    return page.locator(f'#tree [data-node="{TREE.index(path)}"]')


def cells(page, selector):
    """The texts of a table's cells, row by row."""
    return [line.locator("th, td").all_inner_texts() for line in page.locator(f"{selector} tbody tr").all()]


class ImagesTest:
    def test_level_and_threshold_choose_the_node_of_every_pixel(self, page, pair):
        for level in LEVELS:
            slide(page, "Level", level)
            for percent in (0, 50, 90, 100):
                slide(page, "Threshold", percent)
                assert_paints(page, 0, expected_truth(pair, 0, level))
                for run in (0, 1):
                    assert_paints(page, 1 + run, expected_nodes(pair, 0, run, level, percent / 100))

    def test_mistakes_alone_are_painted_where_prediction_and_label_contradict(self, page, pair):
        page.get_by_label("Mistakes only").check()
        for level, percent in ((1, 0), (2, 0), (1, 60), (3, 30)):
            slide(page, "Level", level)
            slide(page, "Threshold", percent)
            wrong = []
            for run in (0, 1):
                shown = expected_nodes(pair, 0, run, level, percent / 100)
                wrong.append(expected_mistakes(pair, 0, shown))
                assert_paints(page, 1 + run, np.where(wrong[run], shown, -1))
            assert_paints(page, 0, np.where(wrong[0] | wrong[1], expected_truth(pair, 0, level), -1))

    def test_opacity_is_that_of_the_classes(self, page):
        slide(page, "Opacity", 25)
        assert page.locator(".stage canvas").nth(1).evaluate("canvas => getComputedStyle(canvas).opacity") == "0.25"

    def test_sliders_move_by_keys_and_say_their_value(self, page):
        level = page.get_by_label("Level", exact=True)
        assert level.get_attribute("aria-valuetext") == "1 (finest)"
        level.focus()
        page.keyboard.press("End")
        assert level.get_attribute("aria-valuetext") == "3 (coarsest)"
        assert page.locator("#level-text").inner_text() == "3 (coarsest)"

    def test_cursor_shows_the_path_with_its_probabilities_and_what_the_label_shares(self, page, pair):
        box = page.locator(".stage").nth(1).bounding_box()
        height, width = SIZES[0]
        label = truth(pair, 0)
        maps = [prediction(pair, 0, run) for run in (0, 1)]
        for y, x in ((0, 0), (5, 9), (11, 15), (7, 3)):
            page.mouse.move(box["x"] + (x + 0.5) * box["width"] / width, box["y"] + (y + 0.5) * box["height"] / height)
            assert page.locator("#pixel caption").inner_text() == f"Pixel {x}, {y}"
            rows = cells(page, "#pixel")
            is_labeled = label[y, x] < TREE.num_nodes
            names = [TREE.names[node] for node in TREE.path(label[y, x])] if is_labeled else ["no label"]
            assert [texts[1].strip() for texts in rows[: len(names)]] == names
            for run, (leaf, path, following) in enumerate(maps):
                for depth, node in enumerate(TREE.path(leaf[y, x])):
                    name, probability = rows[depth][2 + 2 * run : 4 + 2 * run]
                    mark = "·no label"
                    if is_labeled and TREE.ancestor_matrix[node, label[y, x]]:
                        mark = "✓shared by the label"
                    elif is_labeled:
                        is_coarser = TREE.ancestor_matrix[label[y, x], node]
                        mark = "?the label is coarser" if is_coarser else "✗not of the label"
                    assert "".join(name.split("\n")).replace(" ", "") == f"{mark}{TREE.names[node]}".replace(" ", "")
                    assert probability.strip() == percent(path[depth][y, x] / 255)
                leaves = ", ".join(f"{TREE.names[node[y, x]]} {percent(p[y, x] / 255)}" for node, p in following)
                assert f"for {('leaves', 'nodes')[run]}: {leaves}." in page.locator("#pixel .next").inner_text()
            assert f"Pixel {x}, {y}: " in page.locator("#pixel-text").inner_text()

    def test_arrow_keys_move_the_cursor(self, page):
        page.locator(".stage").nth(0).focus()
        for keys, place in (
            ("ArrowRight", (9, 6)),
            ("ArrowDown", (9, 7)),
            ("Shift+ArrowUp", (9, 0)),
            ("Shift+ArrowRight", (15, 0)),
        ):
            page.keyboard.press(keys)
            assert page.locator("#pixel caption").inner_text() == f"Pixel {place[0]}, {place[1]}"

    def test_images_are_sorted_by_severity_wrong_pixels_and_the_iou_of_a_class(self, page, pair):
        images = content(pair)["images"]

        def order(badness):
            return [images[i]["name"] for i in sorted(range(len(images)), key=lambda i: -badness(images[i]["runs"][0]))]

        assert items(page) == NAMES
        page.get_by_label("Sort by").select_option("severity")
        assert items(page) == order(lambda run: run["severity"])
        assert page.locator("#image-name").inner_text() == items(page)[0]
        page.get_by_label("Sort by").select_option("wrong")
        slide(page, "Level", 3)
        assert items(page) == order(lambda run: run["wrong"][2])
        page.get_by_label("Sort by").select_option("iou")
        page.get_by_label("Class", exact=True).select_option(str(NODE["sky"]))
        assert items(page) == order(lambda run: -run["iou"].get(str(NODE["sky"]), 9))

    def test_images_are_reached_by_buttons_and_keys(self, page, pair):
        page.get_by_role("button", name="Next image").click()
        until_loaded(page)
        assert page.locator("#image-name").inner_text() == NAMES[1]
        assert_paints(page, 1, expected_nodes(pair, 1, 0, 1, 0))
        page.locator("#image-list button[aria-current]").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        until_loaded(page)
        assert page.locator("#image-name").inner_text() == NAMES[3]
        assert page.evaluate("document.activeElement.textContent").startswith(NAMES[3])
        assert_paints(page, 2, expected_nodes(pair, 3, 1, 1, 0))
        # Of a group of buttons, Tab reaches one.
        assert page.locator("#image-list button[tabindex='0']").count() == 1

    def test_a_class_of_the_legend_dims_the_others(self, page, pair):
        page.locator("#legend button", has_text="sky").click()
        shown = expected_nodes(pair, 0, 0, 1, 0)
        is_sky = shown == NODE["sky"]
        opacity = painted(page, 1)[..., 3]
        assert (opacity[is_sky] == 255).all() and (opacity[~is_sky] < 100).all()
        assert row(page, "sky").get_attribute("aria-selected") == "true"
        page.keyboard.press("Enter")
        assert row(page, "sky").get_attribute("aria-selected") == "false"
        assert (painted(page, 1)[..., 3] == 255).all()


def percent(share):
    value = 100 * share
    return f"{value:.1f} %" if 0 < value < 9.95 else f"{np.floor(value + 0.5):.0f} %"


class FilesTest:
    def test_only_images_that_are_looked_at_are_loaded(self, browser, folder):
        index = report_page([reported(sizes=[(12, 16)] * 60)], folder / "many")

        def scripts(page):
            files = [url.rpartition("/data/")[2] for url in page.requested if "/data/" in url and url.endswith(".js")]
            return sorted(set(files) - {"report.js"})

        with opened_page(browser, index) as page:
            assert scripts(page) == ["0.0.js", "0.js"]
            page.get_by_role("button", name="Next image").click()
            until_loaded(page)
            assert scripts(page) == ["0.0.js", "0.js", "1.0.js", "1.js"]
            page.get_by_role("button", name="Previous image").click()
            until_loaded(page)
            # What was decoded is kept.
            assert [url for url in page.requested if url.endswith("/0.0.js")] == [
                (index.parent / "data/0.0.js").as_uri()
            ]

    def test_an_image_that_comes_late_replaces_no_other_one(self, browser, folder):
        with opened_page(browser, report_page([reported()], folder / "late")) as page:
            page.evaluate(
                """() => {
                    const load = hierseg.imageMaps;
                    const late = new Promise((resolve) => { hierseg.deliver = resolve; });
                    hierseg.imageMaps = async (image, runs) => (image === 1 && (await late), load(image, runs));
                }"""
            )
            page.get_by_role("button", name="Next image").click()
            page.get_by_role("button", name="Previous image").click()
            until_loaded(page)
            page.evaluate("hierseg.deliver()")
            page.wait_for_timeout(300)
            assert page.evaluate("hierseg.shownMaps(hierseg.store.state) !== null")

    def test_missing_file_is_a_message(self, browser, folder):
        index = report_page([reported()], folder / "damaged")
        (index.parent / "data" / "1.0.js").unlink()
        with pytest.raises(AssertionError, match="Failed to load resource"):
            with opened_page(browser, index) as page:
                page.get_by_role("button", name="Next image").click()
                page.get_by_role("alert").wait_for()
                assert "1.0.js cannot be loaded" in page.get_by_role("alert").inner_text()

    def test_names_are_text(self, browser, folder):
        run = reported(
            HOSTILE[0], tree=HOSTILE_TREE, image_names=HOSTILE, facts={HOSTILE[0]: HOSTILE[1]}, data_set=HOSTILE[4]
        )
        other = reported(HOSTILE[1], tree=HOSTILE_TREE, image_names=HOSTILE, data_set=HOSTILE[4])
        with opened_page(browser, report_page([run, other], folder / "hostile")) as page:
            assert page.locator("h1").inner_text() == f"{HOSTILE[0]} and {HOSTILE[1]}"
            assert items(page) == HOSTILE
            names = page.locator("#tree .text").all_inner_texts()
            assert names == [HOSTILE_TREE.names[node] for node in HOSTILE_TREE.preorder]
            for _ in range(3):
                page.get_by_role("button", name="Next image").click()
                until_loaded(page)
            page.locator(".stage").nth(1).focus()
            page.keyboard.press("ArrowLeft")
            page.get_by_label("Sort by").select_option("iou")
            # Nothing but the photographs is an image, and nothing but the page's files a script.
            assert page.locator("img:not([src^='data/'])").count() == page.locator("b").count() == 0
            assert page.locator("script:not([src^='static/']):not([src='data/report.js'])").count() == 0

    def test_page_of_the_documentation_opens(self, browser, tmp_path):
        pages = pathlib.Path(__file__).parents[2] / "docs"
        shutil.copytree(pages / "report_page", tmp_path / "report_page")
        hook = runpy.run_path(str(pages / "report_page_hook.py"))
        hook["on_post_build"]({"site_dir": str(tmp_path)})
        index = tmp_path / "report_page" / "index.html"
        with opened_page(browser, index) as page:
            assert page.locator("h1").inner_text() == "flat and tree"
            for _ in content(index)["images"][1:]:
                page.get_by_role("button", name="Next image").click()
                until_loaded(page)


class TreeTest:
    def test_rows_have_the_scores_of_the_metric(self, browser, folder):
        index = report_page([reported("only")], folder / "only")
        report = hs.metrics.TreeReport(TREE, scores="leaves", ignore_class=IGNORED)
        for _, label, scores in predictions():
            report.update_state(label[None], scores[None])
        rows = {(each["level"], each["class"]): each for each in report.rows()}
        with opened_page(browser, index) as page:
            page.get_by_role("button", name="Open all").click()
            for node, path in enumerate(TREE.paths):
                values = rows[1 if TREE.is_leaf(node) else TREE.num_levels - TREE.depths[node] + 1, path]
                shares = [f"{values[key]:.3f}" for key in ("iou", "precision", "recall")]
                texts = row(page, path).locator(".cell").all_inner_texts()
                assert [text.strip() for text in texts] == [*shares, str(values["support"])]
                label = row(page, path).get_attribute("aria-label")
                assert label.startswith(TREE.names[node]) and label.endswith(f"{values['support']} pixels")
            header = page.locator("#runs tbody tr").first.locator("td").all_inner_texts()
            result = report.result()
            assert header[:3] == [f"{float(result[f'miou_{level}']):.3f}" for level in LEVELS]
            assert header[4] == f"{float(result['mistake_severity']):.3f}"

    def test_nodes_open_and_close_by_click(self, page):
        page.get_by_role("button", name="Close all").click()
        assert page.locator("#tree [role=treeitem]:visible .text").all_inner_texts() == ["human", "vehicle", "sky"]
        row(page, "vehicle").click()
        assert row(page, "vehicle").get_attribute("aria-expanded") == "true"
        assert row(page, "vehicle/car").is_visible() and not row(page, "vehicle/car/van").is_visible()
        row(page, "vehicle").click()
        assert not row(page, "vehicle/car").is_visible()

    def test_arrow_keys_walk_through_the_tree(self, page):
        page.get_by_role("button", name="Close all").click()
        page.locator("#tree [tabindex='0']").focus()
        focused = "document.activeElement.querySelector('.text').textContent"
        for key, name in (
            ("ArrowDown", "vehicle"),
            ("ArrowRight", "vehicle"),
            ("ArrowRight", "car"),
            ("ArrowRight", "car"),
            ("ArrowDown", "sedan"),
            ("ArrowLeft", "car"),
            ("ArrowLeft", "car"),
            ("ArrowDown", "bus"),
            ("End", "sky"),
            ("Home", "human"),
        ):
            page.keyboard.press(key)
            assert page.evaluate(focused) == name
        page.keyboard.press("Enter")
        assert row(page, "human").get_attribute("aria-selected") == "true"


class ConfusionTest:
    @staticmethod
    def counts(run):
        counts = np.zeros((TREE.num_nodes, TREE.num_leaves), int)
        for label, leaf, pixels in np.reshape(run["confusion"], (-1, 3)):
            counts[label, leaf] = pixels
        return counts

    def test_levels_sum_the_confusions_of_their_classes(self, page, pair):
        page.get_by_label("Cells").select_option("pixels")
        counts = self.counts(content(pair)["runs"][0])
        for level in LEVELS:
            page.get_by_role("button", name=f"Level {level}", exact=True).click()
            classes = TREE.level_classes(level)
            table = TREE.level_table[level - 1]
            heads = page.locator("#matrix thead th").all_inner_texts()
            columns = [TREE.index(head.removeprefix("+").strip()) for head in heads]
            assert sorted(columns) == classes.tolist()
            for label in classes:
                texts = page.locator(f"#matrix tr[data-row='class {label}'] td").all_inner_texts()
                for column, text in zip(columns, texts, strict=True):
                    pixels = counts[table == label][:, table[: TREE.num_leaves] == column].sum()
                    assert text == (str(pixels) if pixels else "")
            # Labels that are too coarse for the level have rows of their own.
            for label in np.flatnonzero((table < 0) & counts.any(axis=1)):
                texts = page.locator(f"#matrix tr[data-row='coarse {label}'] td").all_inner_texts()
                assert sum(int(text or 0) for text in texts) == counts[label].sum()

    def test_classes_unfold_and_fold(self, page):
        page.get_by_role("button", name="Level 3", exact=True).click()
        assert page.locator("#matrix thead th").count() == 3
        page.locator("#matrix tbody").get_by_role("button", name="Unfold vehicle").click()
        assert page.locator("#matrix thead th").count() == 4
        page.locator("#matrix thead").get_by_role("button", name="Unfold car").click()
        assert page.locator("#matrix thead th").count() == 5
        fold = page.locator("#matrix").get_by_role("button", name="Fold vehicle")
        fold.focus()
        focused = "document.activeElement.ariaLabel"
        # The focus stays on the class, so that keys fold and unfold it again.
        for count, name in ((3, "Unfold vehicle"), (5, "Fold vehicle"), (3, "Unfold vehicle")):
            page.keyboard.press("Enter")
            assert page.locator("#matrix thead th").count() == count
            assert page.evaluate(focused) == name

    def test_shares_are_of_the_labeled_class_and_runs_are_subtracted(self, page, pair):
        page.get_by_role("button", name="Level 3", exact=True).click()
        top = TREE.level_table[2]
        shares = []
        for run in content(pair)["runs"]:
            counts = self.counts(run)
            blocks = [counts[top == label] for label in TREE.children()]
            leaf_tops = top[: TREE.num_leaves]
            sums = np.array([[block[:, leaf_tops == leaf].sum() for leaf in TREE.children()] for block in blocks])
            shares.append(sums / sums.sum(axis=1, keepdims=True))
        order = [TREE.index(name) for name in ("human", "vehicle", "sky")]
        places = [TREE.children().tolist().index(node) for node in order]
        for choice, expected in (("run", shares[0]), ("other", shares[1]), ("difference", shares[1] - shares[0])):
            page.get_by_label("Of", exact=True).select_option(choice)
            for node, place in zip(order, places):
                texts = page.locator(f"#matrix tr[data-row='class {node}'] td").all_inner_texts()
                numbers = [float(text.replace("−", "-").replace("<1", "0.25") or 0) for text in texts]
                np.testing.assert_allclose(numbers, 100 * expected[place][places], atol=0.51)
                if choice != "difference":
                    continue
                kinds = [cell.get_attribute("class") for cell in page.locator(f"[data-row='class {node}'] td").all()]
                # More right pixels and fewer wrong ones are better.
                is_better = [(share > 0) == (other == place) for other, share in zip(places, expected[place][places])]
                assert [kind.split()[0] for kind in kinds] == ["more" if better else "less" for better in is_better]
            assert page.locator("#confusion-unit").is_disabled() == (choice == "difference")


class CurvesTest:
    def test_charts_have_the_values_of_the_log(self, page, folder):
        with (folder / "log.csv").open() as file:
            log = list(csv.DictReader(file))
        charts = page.locator(".chart").all()
        titles = [chart.locator("figcaption").inner_text() for chart in charts]
        assert titles[:3] == [f"mIoU, level {level}" for level in LEVELS]
        assert titles[3:] == [f"loss in nats, depth {depth}" for depth in LEVELS]
        for chart, name in zip(charts, [*(f"miou_{n}" for n in LEVELS), *(f"depth_loss_{n}" for n in LEVELS)]):
            chart.locator("summary").click()
            for line, epoch in zip(chart.locator("tbody tr").all(), log):
                texts = line.locator("th, td").all_inner_texts()
                values = [epoch[name], epoch[f"val_{name}"]]
                assert texts == [
                    str(int(epoch["epoch"]) + 1),
                    *("–" if v == "NA" else f"{float(v):.3f}" for v in values),
                ]
            # The training is a line of three points; that of the validation passes over the middle one.
            assert chart.locator("path.curve.training").get_attribute("d").count("L") == 2
            assert chart.locator("path.curve.validation").get_attribute("d").count("L") == 1

    def test_a_single_value_is_a_dot(self, browser, folder, tmp_path):
        (tmp_path / "log.csv").write_text("epoch,miou_1,val_miou_1\n0,0.1,NA\n1,0.2,0.3\n")
        with opened_page(browser, report_page([reported(log=tmp_path / "log.csv")], tmp_path / "page")) as page:
            assert page.locator("circle.curve.validation").count() == 1
            assert page.locator("circle.curve.training").count() == 0

    def test_run_without_a_log_has_no_charts(self, browser, folder):
        with opened_page(browser, report_page([reported()], folder / "no log")) as page:
            assert page.locator(".chart").count() == 0
            assert "no log" in page.locator("#curves-note").inner_text()


class ComparisonTest:
    @pytest.fixture(scope="class")
    def seeds(self, folder):
        runs = [
            reported(f"{name}{seed}", seed=10 * place + seed, configuration=name)
            for place, name in enumerate("ab")
            for seed in (0, 1)
        ]
        return report_page(runs, folder / "seeds")

    def test_differences_are_of_means_and_have_an_interval(self, browser, seeds):
        pair = content(seeds)["comparison"]["pairs"][0]
        with opened_page(browser, seeds) as page:
            # A run of another configuration is beside the first.
            assert page.locator("#other option:checked").inner_text() == "b0"
            page.get_by_label("beside").select_option("b1")
            assert " · b1: " in page.locator("#image-scores").inner_text()
            assert "Means of 2 and 2 seeds" in page.locator("#noise").inner_text()
            rows = cells(page, "#by-level")
            for level, texts in zip(LEVELS, rows):
                by, half = (pair["levels"][key][level - 1] for key in ("difference", "half"))
                assert texts[0] == f"level {level}" and texts[3] == signed(by) and texts[4] == f"{half:.3f}"
                assert texts[5] == ("beyond the noise" if abs(by) > half else "within the noise")
            runs = [run["nodes"]["iou"] for run in content(seeds)["runs"]]
            for node, path in enumerate(TREE.paths):
                means = [np.mean([run[node] for run in runs[first : first + 2]]) for first in (0, 2)]
                texts = row(page, path).locator(".cell.score").all_inner_texts()
                assert [text.strip() for text in texts] == [f"{mean:.3f}" for mean in means]
                text = row(page, path).locator(".difference > *").inner_text()
                noise = " (noise)" if abs(pair["difference"][node]) <= pair["half"][node] else ""
                assert text == signed(pair["difference"][node]) + noise
            # The other way round, differences have the other sign.
            page.get_by_label("Show").select_option("b0")
            page.get_by_label("beside").select_option("a0")
            assert cells(page, "#by-level")[0][3] == signed(-pair["levels"]["difference"][0])

    def test_seeds_that_do_not_differ_at_all_do_not_show_the_noise(self, browser, seeds):
        with opened_page(browser, seeds) as page:
            page.evaluate("hierseg.data.comparison.pairs[0].half[3] = 0")
            assert page.evaluate("hierseg.comparison(0, 2).node(3).verdict") == "unknown"

    def test_two_seeds_differ_by_noise_alone(self, browser, seeds):
        with opened_page(browser, seeds) as page:
            page.get_by_label("beside").select_option("a1")
            assert "differ only in their seed" in page.locator("#noise").inner_text()
            assert {texts[-1] for texts in cells(page, "#by-class")} == {"within the noise"}

    def test_without_seeds_it_says_that_the_noise_is_unknown(self, page, pair):
        assert "unknown which differences are noise" in page.locator("#noise").inner_text()
        first, second = content(pair)["runs"]
        for level, texts in zip(LEVELS, cells(page, "#by-level")):
            values = [run["values"][f"miou_{level}"] for run in (first, second)]
            assert texts == [f"level {level}", *(f"{v:.3f}" for v in values), signed(values[1] - values[0]), "unknown"]

    def test_one_run_alone_is_not_compared(self, page):
        page.get_by_label("beside").select_option("")
        assert not page.locator("#comparison").is_visible()
        assert page.locator(".stage").count() == 2
        assert page.locator("#tree-head").inner_text().split() == ["class", "IoU", "precision", "recall", "pixels"]


def signed(value):
    text = f"{abs(value):.3f}"
    return text if text == "0.000" else f"{'+' if value > 0 else '−'}{text}"


class LayoutTest:
    @pytest.mark.parametrize("width", [360, 768, 1440, 3840])
    def test_page_never_scrolls_sideways(self, browser, pair, width):
        with opened_page(browser, pair, width=width) as page:
            assert page.evaluate("document.documentElement.scrollWidth") <= width

    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_texts_have_contrast(self, browser, pair, theme):
        with opened_page(browser, pair, color_scheme=theme) as page:
            page.locator(".stage").nth(0).focus()
            page.keyboard.press("ArrowLeft")
            row(page, "vehicle/bus").click()
            assert page.evaluate(LOW_CONTRAST) == []
            page.get_by_label("Of", exact=True).select_option("difference")
            assert page.evaluate(LOW_CONTRAST) == []

    def test_button_changes_between_light_and_dark(self, browser, pair):
        back = "getComputedStyle(document.body).backgroundColor"
        with opened_page(browser, pair, color_scheme="light") as page:
            light = page.evaluate(back)
            page.get_by_role("button", name="Dark colors").click()
            assert page.evaluate(back) != light
            page.get_by_role("button", name="Light colors").click()
            assert page.evaluate(back) == light

    def test_numbers_are_not_rounded_to_none_or_all(self, page):
        texts = [page.evaluate(f"hierseg.numbers.percent({share})") for share in (0, 0.0004, 0.004, 0.5, 0.9996, 1)]
        assert texts == ["0 %", "<0.1 %", "0.4 %", "50 %", ">99.9 %", "100 %"]

    def test_colors_of_runs_are_used_again_in_another_style(self, page):
        assert [page.evaluate(f"hierseg.runClass({place})") for place in (0, 7, 8)] == ["run-0", "run-7", "run-0 again"]

    def test_every_control_has_a_name(self, page):
        names = "elements => elements.filter(e => !e.labels?.length && !e.textContent.trim() && !e.ariaLabel).length"
        assert page.locator("button, input, select").evaluate_all(names) == 0
        ids = "[...document.querySelectorAll('[id]')].map(e => e.id)"
        found = page.evaluate(ids)
        assert len(found) == len(set(found))

    def test_page_of_a_single_level_works(self, browser, folder):
        flat = hs.ClassTree.from_paths(["road", "sky", "car"])
        index = report_page([reported(tree=flat)], folder / "flat")
        with opened_page(browser, index) as page:
            assert page.get_by_label("Level", exact=True).is_disabled()
            assert page.locator("#matrix thead th").count() == 3
