"""How large the report page is, and how soon a browser shows it: 500 images with 124 classes, in 256 x 192 pixels.

The classes are those of Mapillary Vistas 2.0. There are three kinds of scores: of white noise, which is the worst case;
of noise in blocks of 8 x 8 pixels that are interpolated, like an untrained network's; and of large regions with some
noise, like a trained network's. The last ratio is that of the bytes of the page to those of
the scores that it is made of.

    python -m benchmarks.report_page --browser /usr/bin/chromium
"""

import argparse
import pathlib
import tempfile
import time

import numpy as np
from scipy.ndimage import zoom

from hierseg_keras.messages.text_table import text_table
from hierseg_keras.metrics import TreeReport
from hierseg_keras.tree import ClassTree
from hierseg_keras.visualization import ReportedRun, report_page

SIZE, BLOCK, NUM_DRAWN = (192, 256), 8, 8
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def white_noise(rng, num_leaves):
    return rng.normal(scale=3, size=(*SIZE, num_leaves))


def blocks(rng, num_leaves, scale=6, block=BLOCK):
    small = rng.normal(scale=scale, size=(SIZE[0] // block, SIZE[1] // block, num_leaves))
    return zoom(small, (block, block, 1), order=1)


def regions(rng, num_leaves):
    return blocks(rng, num_leaves, 12, 4 * BLOCK) + blocks(rng, num_leaves, 1)


KINDS = {"white noise": white_noise, "noise in blocks": blocks, "regions": regions}


def batches(scores_of, num_leaves, num_images):
    """Yields images. Scores are drawn a few times, since drawing them takes longer than writing the page."""
    rng = np.random.default_rng(0)
    drawn = [scores_of(rng, num_leaves).astype("float32") for _ in range(NUM_DRAWN)]
    for number in range(num_images):
        scores = drawn[number % NUM_DRAWN]
        image = zoom(rng.uniform(0, 255, (24, 32, 3)), (8, 8, 1), order=1)
        yield image[None], scores.argmax(-1)[None], scores[None]


def seconds_to_paint(index, browser):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = opened.new_page(viewport={"width": 1440, "height": 1000})
        page.goto(index.as_uri())
        page.wait_for_function("window.hierseg?.store?.state.loaded")
        paint, image = page.evaluate(FIRST_PAINT), page.evaluate("performance.now()")
        opened.close()
    return paint / 1000, image / 1000


def measure(name, scores_of, options):
    tree = ClassTree.load("mapillary_vistas_v2")
    with tempfile.TemporaryDirectory() as folder:
        run = ReportedRun(name, TreeReport(tree), batches(scores_of, tree.num_leaves, options.images))
        begin = time.perf_counter()
        index = report_page([run], pathlib.Path(folder, "page"))
        took = time.perf_counter() - begin
        sizes = [file.stat().st_size for file in index.parent.rglob("*") if file.is_file()]
        row = {"scores": name, "megabytes": sum(sizes) / 1e6, "seconds_to_write": took}
        row["report_js_megabytes"] = (index.parent / "data/report.js").stat().st_size / 1e6
        if options.browser:
            row["first_paint_seconds"], row["first_image_seconds"] = seconds_to_paint(index, options.browser)
        row["of_the_scores"] = sum(sizes) / (options.images * 4 * tree.num_leaves * SIZE[0] * SIZE[1])
        return row


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), help="kinds of scores")
    parser.add_argument("--browser", help="path of chromium, to measure when it shows the page")
    options = parser.parse_args()
    rows = [measure(name, KINDS[name], options) for name in options.kinds]
    cells = [[row.pop("scores"), *(f"{value:.4g}" for value in row.values())] for row in rows]
    print(*text_table([["scores", *(key.replace("_", " ") for key in rows[0])], *cells], "lrrrrrr"), sep="\n")


if __name__ == "__main__":
    main()
