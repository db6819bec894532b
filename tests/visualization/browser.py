"""The system's own Chromium, headless, for tests of pages that open from disk."""

import contextlib
import shutil

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
# The sandbox does not start for root, and the process for the graphics card may wait for one that is not there.
_ARGUMENTS = ["--no-sandbox", "--disable-gpu"]
# In milliseconds. A machine with much else to do may take long to open a page.
_TIMEOUT = 60_000


@contextlib.contextmanager
def opened_browser():
    """Starts the browser. Without one, or without playwright, the tests are skipped."""
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright, of the extra `test`")
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip("needs a browser: apt-get install chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def opened_page(browser, index, width=1440, height=1000, **options):
    """Opens a report page from disk, and checks at the end that there was no error and no dialog.

    Yields:
        The page. Its attribute `requested` is the list of the addresses that it has asked for.
    """
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    page, complaints = context.new_page(), []
    page.set_default_timeout(_TIMEOUT)
    page.requested = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: page.requested.append(request.url))
    try:
        page.goto(index.as_uri(), wait_until="domcontentloaded")
        until_loaded(page)
        yield page
        assert complaints == [], complaints
        assert all(url.startswith(("file:", "data:")) for url in page.requested)
    finally:
        context.close()


def until_loaded(page):
    """Waits until the image that is chosen is painted."""
    page.wait_for_function("hierseg.shownMaps(hierseg.store.state) !== null")
