"""Draws the picture of the report page from the data in `docs/report_page`, in the system's Chromium.

    python docs/pictures/report_page.py

It needs playwright, of the extra `test`.
"""

import pathlib
import shutil
import sys
import tempfile

from playwright.sync_api import sync_playwright

DOCS = pathlib.Path(__file__).parents[1]
sys.path.append(str(DOCS))
from report_page_hook import on_post_build  # noqa: E402

SIZE = {"width": 1720, "height": 980}
# How often the next image is chosen, and a pixel of a tree in it.
NEXT, POINTED_AT = 2, {"x": 48, "y": 107}


def main():
    with tempfile.TemporaryDirectory() as site, sync_playwright() as playwright:
        page = pathlib.Path(site, "report_page")
        shutil.copytree(DOCS / "report_page" / "data", page / "data")
        on_post_build({"site_dir": site})
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page(viewport=SIZE)
        tab.goto((page / "index.html").as_uri())
        for _ in range(NEXT):
            wait_until_painted(tab)
            tab.click("#next")
        wait_until_painted(tab)
        tab.locator("canvas").first.hover(position=POINTED_AT)
        tab.screenshot(path=DOCS / "pictures" / "report_page.png")
        browser.close()


def wait_until_painted(tab):
    tab.wait_for_function("hierseg.shownMaps(hierseg.store.state) !== null")


if __name__ == "__main__":
    main()
