"""A page to look at runs: images, class tree, confusions, curves and differences."""

import importlib.resources
import os
import pathlib
from collections.abc import Iterable

from hierseg_keras.arguments.exact_integer import is_count
from hierseg_keras.files import written_beside
from hierseg_keras.visualization.inputs import check_some
from hierseg_keras.visualization.page.counted_images import counted_images
from hierseg_keras.visualization.page.image_files import ImageFiles
from hierseg_keras.visualization.page.page_data import FORMAT_VERSION, comparison_data, run_data, tree_data
from hierseg_keras.visualization.page.reported_run import ReportedRun
from hierseg_keras.visualization.page.scripts import call
from hierseg_keras.visualization.palettes import Palette

INDEX, DATA, STATIC = "index.html", "data", "static"
MAX_IMAGES = 500
_ENTRIES = {INDEX, DATA, STATIC}


def report_page(
    runs: Iterable[ReportedRun],
    path: str | os.PathLike,
    max_images: int = MAX_IMAGES,
    palette: Palette = None,
    overwrite: bool = False,
) -> pathlib.Path:
    """Writes a folder with a page about the predictions of runs and their mistakes.

    The page is `index.html`. It opens from disk in a browser, without a server or a network. It shows:

    - images with their labels and predictions at every level, or down to the deepest node whose probability reaches a
      threshold; the path of any pixel, with its probabilities and the next leaves; and mistakes alone;
    - the tree, with IoU, precision, recall and support of every node;
    - a confusion matrix that folds along the tree;
    - curves of the training, by level;
    - with several runs, their differences by node, and which are within the spread of seeds. Only runs of equal
      `configuration` show how much the seed alone changes.

    All pixels are counted. The images shown have at most 256 pixels per side, and probabilities 8 bits.
    500 images of one run, with their predictions, have at most 150 MB.

    Args:
        runs: Iterable of `ReportedRun`, over the same images, with equal trees. They are read one after the other.
        path: Folder to create.
        max_images: Integer, largest number of images to show. If there are more, the page shows images that are
            evenly spread if the runs have `image_names`, and otherwise the first ones. Defaults to 500.
        palette: Colors of the nodes, as in `node_colors`. Defaults to the official palette of the tree's data set,
            or otherwise the generated one.
        overwrite: Whether to replace an existing page, once the new one is complete. A folder that holds anything
            else is never replaced. Defaults to `False`.

    Returns:
        `pathlib.Path` of `index.html`.

    Raises:
        FileExistsError: If `path` exists and `overwrite` is false, or if `path` is not the folder of a page.
        OSError: If the folder cannot be written, or the disk is full. Existing files stay unchanged.
        TypeError: If the `report` of a run is not a `metrics.TreeReport`.
        ValueError: If `max_images` is not an integer above 0; if there is no run or no image; if a `report` has counted
            pixels already; if trees, data sets, or images differ between runs; or if an image does not hold colors
            in 0 .. 255.

    Example:

    >>> report = hs.metrics.TreeReport(tree, scores="nodes")
    >>> batches = ((image, label, model.predict_on_batch(image)) for image, label in val)
    >>> run = hs.visualization.ReportedRun("first", report, batches)
    >>> hs.visualization.report_page([run], "page").name
    'index.html'
    """
    path = pathlib.Path(path)
    if not is_count(max_images):
        raise ValueError(f"`report_page` expects `max_images` above 0. Received: max_images={max_images!r}.")
    check_replaceable(path, overwrite)
    with written_beside(path, replace=overwrite) as new:
        data = new / DATA
        data.mkdir(parents=True)
        content = _write_images(runs, data, max_images, palette)
        (data / "report.js").write_text(call("hierseg.report", content), "ascii")
        _copy_static(new)
    return path / INDEX


def check_replaceable(path, overwrite):
    """Raises `FileExistsError` if `report_page` may not write to a path.

    Args:
        path: `pathlib.Path`.
        overwrite: As in `report_page`.
    """
    if not os.path.lexists(path):
        return
    if not overwrite:
        raise FileExistsError(
            f"`report_page` expects a path that does not exist. Received: {path}, which exists. Pass overwrite=True to "
            "replace it."
        )
    names = {entry.name for entry in path.iterdir()} if path.is_dir() else {path.name}
    others = names - _ENTRIES if (path / DATA / "report.js").is_file() else names
    if others:
        raise FileExistsError(
            f"`report_page` expects the folder that it overwrites to hold only a page. Received: {path}, which holds "
            f"{sorted(others)[0]!r}. Choose another path, or delete the folder yourself."
        )


def static_files():
    """Returns a dict from the path of each file of a page that is the same for all pages to its text."""
    files = importlib.resources.files(__package__) / STATIC
    texts = {file.name: file.read_text("utf-8") for file in files.iterdir() if file.is_file()}
    return {name if name == INDEX else f"{STATIC}/{name}": text for name, text in texts.items()}


def _copy_static(folder):
    (folder / STATIC).mkdir()
    for name, text in static_files().items():
        (folder / name).write_text(text, "utf-8")


def _write_images(runs, folder, max_images, palette):
    """Writes the files of all images, and returns the content of the page, a dict of JSON values."""
    done, values, files, shown = [], [], None, []
    for run in runs:
        _check_report(run)
        _check_alike(done, run)
        files = files or ImageFiles(folder, run.report.tree)
        shown.append(_write_run(run, len(done), files, max_images, done[0].image_names if done else run.image_names))
        if shown[-1]["count"] != shown[0]["count"]:
            raise ValueError(
                f"`report_page` expects runs over the same images. Received: {shown[0]['count']} of "
                f"{done[0].name!r}, and {shown[-1]['count']} of {run.name!r}."
            )
        done.append(run)
        values.append(run_data(run))
    check_some("report_page", "runs", done, "run")
    summaries = zip(*(each["summaries"] for each in shown))
    names = [name or f"image {place + 1}" for place, name in shown[0]["names"]]
    return {
        "format": FORMAT_VERSION,
        "dataSet": done[0].data_set,
        "numImages": shown[0]["count"],
        "tree": tree_data(done[0].report.tree, palette),
        "runs": values,
        "comparison": comparison_data(done, values),
        "images": [
            {"name": name, **size, "runs": list(each)} for name, size, each in zip(names, files.images, summaries)
        ],
    }


def _check_report(run):
    if not (hasattr(run.report, "rows") and hasattr(run.report, "confusion")):
        raise TypeError(
            f"`ReportedRun` expects a `metrics.TreeReport` as `report`. Received: {run.report!r} of {run.name!r}."
        )
    if run.report.confusion.exact_counts().any():
        raise ValueError(
            f"`ReportedRun` expects a `report` without pixels. Received: one of {run.name!r} that has counted some. "
            "Call its `reset_state`."
        )


def _check_alike(done, run):
    if done and done[0].report.tree != run.report.tree:
        raise ValueError(
            f"`report_page` expects runs with one class tree. Received: {done[0].name!r} and {run.name!r}, whose trees "
            "differ. Write a page for each."
        )
    if done and done[0].data_set != run.data_set:
        raise ValueError(
            f"`report_page` expects runs over one data set. Received: {done[0].data_set!r} of {done[0].name!r}, and "
            f"{run.data_set!r} of {run.name!r}. Write a page for each."
        )
    if done and None not in (names := (done[0].image_names, run.image_names)) and list(names[0]) != list(names[1]):
        raise ValueError(
            f"`report_page` expects runs over the same images, in the same order. Received: {done[0].name!r} and "
            f"{run.name!r}, whose `image_names` differ."
        )


def _write_run(run, number, files, max_images, first_names):
    """Writes the files of a run's images.

    Args:
        run: `ReportedRun`.
        number: Integer, position of the run.
        files: `ImageFiles`.
        max_images: As in `report_page`.
        first_names: The first run's `image_names`.

    Returns:
        Dict with `count`, the number of all images; and of those that are shown, `names`, pairs of position and name,
        and `summaries`.
    """
    names, count, shown, summaries = run.image_names, 0, [], []
    # All runs show the images that the first one shows.
    wanted = _spread(None if first_names is None else len(first_names), max_images)
    for counted in counted_images(run, wanted):
        if counted is not None:
            files.add(number, len(shown), counted)
            shown.append((count, None if names is None else names[count]))
            summaries.append(counted.summary)
        count += 1
    if not shown or (names is not None and count != len(names)):
        expected = "at least one image" if names is None else f"as many images as names, {len(names)}"
        raise ValueError(f"`report_page` expects {expected}. Received: {count} images of {run.name!r}.")
    return {"count": count, "names": shown, "summaries": summaries}


def _spread(total, most):
    """Returns the positions of at most `most` images, evenly spread over all of them if their number is known."""
    if total is None or total <= most:
        return range(most if total is None else total)
    return {(2 * place + 1) * total // (2 * most) for place in range(most)}
