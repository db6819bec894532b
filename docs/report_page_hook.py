"""Completes the report page of the documentation while the site is built.

The data are committed, because they take minutes of training to make. The scripts and styles are copied from the
package, so that the documentation shows the page as it is now.
"""

import pathlib
import shutil

STATIC = pathlib.Path(__file__).parents[1] / "hierseg_keras" / "visualization" / "page" / "static"
INDEX = "index.html"


def on_post_build(config, **_):
    """Copies what is the same for all pages. MkDocs calls it when everything else is written."""
    page = pathlib.Path(config["site_dir"], "report_page")
    (page / "static").mkdir(parents=True, exist_ok=True)
    for file in STATIC.iterdir():
        shutil.copyfile(file, page / INDEX if file.name == INDEX else page / "static" / file.name)
