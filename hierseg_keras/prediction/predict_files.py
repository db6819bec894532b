"""Predicts image files, and writes class maps and pictures."""

import dataclasses
import os
from collections.abc import Callable, Iterable, Sequence

import keras
import numpy as np

from hierseg_keras.data import ClassMap
from hierseg_keras.files import written_into
from hierseg_keras.files.local_path import check_local
from hierseg_keras.models.graph.model_scores import scores_of
from hierseg_keras.prediction.batches import BATCH_SIZE, batches_of_equal_size
from hierseg_keras.prediction.class_ids import check_ids, written_ids
from hierseg_keras.prediction.find_images import find_images
from hierseg_keras.prediction.image_results import UNKNOWN_OF_16_BITS, ImageResults
from hierseg_keras.prediction.network_answers import NetworkAnswers
from hierseg_keras.prediction.network_hash import network_hash
from hierseg_keras.prediction.read_ahead import read_ahead
from hierseg_keras.prediction.result_files import PICTURE, ResultFiles, check_names, check_targets
from hierseg_keras.prediction.results_record import ResultsRecord
from hierseg_keras.prediction.write_behind import writing_behind
from hierseg_keras.tree import ClassTree
from hierseg_keras.visualization import node_colors
from hierseg_keras.visualization.palettes import Palette

# Threads beyond these do not help: a network takes longer than reading and writing its images.
_MOST_THREADS = 4
# The number of problems that an error names.
_MOST_NAMED = 3


@dataclasses.dataclass(frozen=True)
class FilePredictions:
    """Counts and problems that `predict_files` returns.

    Attributes:
        num_predicted: Number of images whose results were written.
        num_skipped: Number of images whose results existed.
        problems: List of strings, one per image that could not be predicted, with the name of the file.
    """

    num_predicted: int
    num_skipped: int
    problems: list[str]


class NothingPredictedError(ValueError):
    """Raised if none of the images could be predicted.

    Args:
        result: `FilePredictions`.
    """

    def __init__(self, result: FilePredictions):
        count = len(result.problems)
        more = f"; and {count - _MOST_NAMED} more" if count > _MOST_NAMED else ""
        super().__init__(
            f"`predict_files` expects at least one image that can be predicted. Received: {count} with problems: "
            f"{'; '.join(result.problems[:_MOST_NAMED])}{more}"
        )
        self.result = result


def predict_files(
    model: keras.Model,
    inputs: Sequence[str | os.PathLike] | str | os.PathLike,
    out: str | os.PathLike,
    *,
    listed: Iterable[str | os.PathLike] | None = None,
    levels: Sequence[int] | None = None,
    ids: str | os.PathLike | ClassMap | None = None,
    confidence: bool = False,
    threshold: float | None = None,
    overlay: bool = False,
    pictures: bool = False,
    palette: Palette = None,
    batch_size: int | None = None,
    overwrite: bool = False,
    skip_existing: bool = False,
    tree: ClassTree | str | None = None,
    scores: str | None = None,
    from_logits: bool | None = None,
    on_problem: Callable[[str], None] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> FilePredictions:
    """Predicts image files, and writes class maps as PNG files.

    Images are read and results are written in threads, while the network predicts batches of images of equal size.
    Memory does not grow with the number of images. For an image `NAME.jpg`, these files are written to the folder
    `out`:

    | file | content |
    |---|---|
    | `NAME_level_1.png` and so on | Map of node indices, or of `ids`, at a level. |
    | `NAME_confidence.png` | Gray value 255 times the probability of the class at level 1. |
    | `NAME_confident.png` | Map of the deepest classes that reach `threshold`. |
    | `NAME_overlay.jpg` | Image, half covered with the colors of the finest of `levels`. |
    | `NAME.png` | Picture of all levels with a legend. |

    Class maps are palette PNGs with the colors of `visualization.node_colors`, whose indices are the numbers. If a
    number is above 255, they are gray PNGs of 16 bits. Pixels of the confident map without a class have the number
    255, or 65535 if a class has a number from 255 on. If the ids of a class table are colors, the numbers are node
    indices, and the colors of the palette are the ids. Pixels without a class then have the first color that the class
    map ignores, or otherwise black, or white if black is a class.

    A file that cannot be read exactly, for example a damaged, CMYK or rotated image, is left out, and so is an image
    that a `models.Resized` would enlarge to more than 89 megapixels. Every other error stops the function. Files are
    written atomically: a file that exists is complete. `predictions.jsonl` in `out` records the network, the options,
    and the path, size and modification time of the image of each result.

    Args:
        model: `keras.Model` from images `(B, H, W, 3)` in 0 .. 255 to node or leaf scores.
        inputs: List of files, folders, and patterns such as `"photos/**/*.jpg"`, or one of them. Folders are searched
            with their subfolders; files and folders whose names begin with a dot are skipped, and so are folders with
            results of earlier predictions, with a warning. Results of a file are named after the file. Results of
            folders and patterns keep the path below the folder.
        out: Folder of the results. It is created if it is missing.
        listed: Paths of further files. Their results keep the path below the deepest folder that contains all of
            them. Defaults to `None`.
        levels: Levels whose maps are written. Defaults to all levels, and with `ids` to level 1.
        ids: Numbers to write in place of node indices: a `ClassMap`, or the path of its file, for the ids of a data
            set; `"labelIds"` for Cityscapes' ids, in which its benchmark takes results; or `"trainIds"` for leaf
            indices, from which internal nodes are excluded. If several ids of a class table have the same node, the
            first is written, with a warning. A run keeps the ids of its own masks in `classes.csv`. Defaults to `None`,
            node indices.
        confidence: Whether to write the confidence, which is the smallest probability on the path of the predicted
            leaf. For leaf scores this is the probability of the leaf. Defaults to `False`.
        threshold: Probability from which `decoding.confident_labels` assigns a class. Defaults to `None`, which
            writes no such map.
        overlay: Whether to write overlays. Defaults to `False`.
        pictures: Whether to draw pictures with `visualization.draw_levels`. Each takes about half a second. Defaults to
            `False`.
        palette: Colors of the classes, as in `visualization.node_colors`. Defaults to those of the tree.
        batch_size: Images per batch. Defaults to 8, or fewer if these have more than 4 megapixels or 160 million
            scores, also when they are resized by a `models.Resized`.
        overwrite: Whether existing files other than the input images may be replaced. Defaults to `False`.
        skip_existing: Whether to skip images whose results exist and were made of the same file, of the same path, size
            and modification time, by the same network and options. Missing results, and those of a file that has
            changed, are written again; those of another image are never replaced. Defaults to `False`.
        tree: `ClassTree`, or its text. Defaults to `model.tree`.
        scores, from_logits: As in `models.MultiScale`.
        on_problem: Function that is called with one line of text for each image that cannot be predicted.
        on_progress: Function that is called with the number of images that are done, and the number of all
            images that are not skipped.

    Returns:
        `FilePredictions`.

    Raises:
        FileNotFoundError: If a path in `inputs` does not exist, a folder contains no image, or a pattern matches none.
        FileExistsError: If a result exists, and neither `overwrite` nor `skip_existing` allows to replace it.
        ValueError: If two results would have the same name; a result would replace an input image; `out` has results
            of another network or other options; a class to be written has no id; an argument is out of its
            range; `out` is an address such as gs://bucket; `overwrite` and `skip_existing` are both set; there is no
            tree or the meaning of the scores cannot be inferred; or no image could be predicted and none was skipped.
        TreeError: If `ids` maps to a node that is not in the tree.
        TypeError: If `model` is a subclassed model, whose output shape is unknown.
        OSError: If the disk is full, or `out` cannot be written to.

    Example:

    >>> import os, keras
    >>> keras.utils.save_img("photo.png", images[0], scale=False)
    >>> result = hs.prediction.predict_files(model, "photo.png", "masks", levels=[1], confidence=True)
    >>> result.num_predicted, sorted(os.listdir("masks"))
    (1, ['photo_confidence.png', 'photo_level_1.png', 'predictions.jsonl'])
    """
    model = getattr(model, "inference_model", model)
    meaning = scores_of(model, "predict_files", tree, scores, from_logits)
    if overwrite and skip_existing:
        raise ValueError(
            "`predict_files` expects `overwrite` or `skip_existing`, because one replaces results and the other keeps "
            "them. Received: both. Omit one of them."
        )
    check_local(out)
    check_range("threshold", threshold, 0, 1)
    check_range("batch_size", batch_size, 1)
    levels = check_levels(meaning.tree, ids, levels)
    files = ResultFiles(levels, confidence, threshold, overlay, pictures)
    if not files.endings:
        raise ValueError("`predict_files` expects something to write. Received: levels=() and no other result.")
    written, colors = checked_ids(meaning.tree, ids, files), node_colors(meaning.tree, palette)
    inputs = [inputs] if isinstance(inputs, (str, os.PathLike)) else inputs
    images, endings = find_images(inputs, listed, out), files.endings
    check_names(images, endings.values(), out)
    record = ResultsRecord(out, network_hash(model, meaning), files.options(written, colors))
    if not overwrite:
        record.check()
    todo = record.unfinished(images) if skip_existing else images
    check_targets(todo, images, endings.values(), out, record, overwrite, skip_existing)
    network = NetworkAnswers(model, meaning, confidence, threshold)
    results = ImageResults(meaning.tree, written, files, colors)
    job = _Job(network, results, files, batch_size, overwrite or skip_existing, on_problem, on_progress)
    result = job.run(todo, len(images) - len(todo), out, record)
    if result.problems and not result.num_predicted and not result.num_skipped:
        raise NothingPredictedError(result)
    return result


def check_levels(tree, ids, levels):
    """Returns the levels to write, in order. Raises `ValueError` if the tree does not have one of them."""
    if levels is None:
        return tuple(range(1, tree.num_levels + 1)) if ids is None else (1,)
    if not np.iterable(levels) or any(level not in range(1, tree.num_levels + 1) for level in levels):
        raise ValueError(
            f"`levels` expects a list of numbers from 1, the finest, to {tree.num_levels}, the tree's coarsest level. "
            f"Received: levels={levels!r}."
        )
    return tuple(sorted(set(levels)))


def checked_ids(tree, ids, files):
    """Returns the `WrittenIds`. Raises `ValueError` if a class to be written has no number."""
    written = written_ids(tree, ids)
    nodes = [tree.level_table[level - 1][: tree.num_leaves] for level in files.levels]
    advice = "Write other levels, or add the class to a class table."
    check_ids(tree, written, np.unique(np.concatenate(nodes or [[]]).astype(int)), advice)
    if files.threshold is not None:
        advice = "The map of `threshold` contains coarser classes too: omit it, or add them to a class table."
        check_ids(tree, written, np.arange(tree.num_nodes), advice)
        check_range("threshold's largest class id", int(written.numbers.max()), 0, UNKNOWN_OF_16_BITS - 1)
    return written


def check_range(name, value, low, high=None):
    """Raises `ValueError` if a number is outside of an interval. `None` is accepted."""
    # NaN fails both comparisons.
    if value is not None and not (value >= low and (high is None or value <= high)):
        interval = f"a number from {low} to {high}" if high is not None else f"a number of at least {low}"
        raise ValueError(f"`{name}` expects {interval}. Received: {value!r}.")


class _Job:
    """Predicts images and writes their results, when everything is checked."""

    def __init__(self, network, results, files, batch_size, replace, on_problem, on_progress):
        self._network, self._results, self._files = network, results, files
        self._batch_size, self._replace = batch_size, replace
        self._on_problem, self._on_progress = on_problem, on_progress
        self._problems = []

    def run(self, images, num_skipped, out, record):
        # Imported here because it imports TFDS.
        from tfds_builders.reading.image_files import read_image

        if not images:
            return FilePredictions(0, num_skipped, [])
        threads, count = min(_MOST_THREADS, os.cpu_count() or 1), 2 * (self._batch_size or BATCH_SIZE)

        def read(image):
            record.note(image)
            return read_image(image.path)

        with written_into(out) as writer, record.closing(), writing_behind(threads, count) as behind:
            decoded = self._usable(read_ahead(images, read, threads, count))
            for batch in batches_of_equal_size(decoded, self._batch_size, self._network.batch_pixels):
                self._predict(batch, writer, behind, record)
                self._tell(behind.num_done, len(images))
            behind.finish()
            self._tell(behind.num_done, len(images))
        return FilePredictions(behind.num_done, num_skipped, self._problems)

    def _usable(self, decoded):
        """Yields the images that the network can take. The others are reported."""
        # Imported here because it imports TFDS.
        from tfds_builders.reading.image_header import MAX_PIXELS

        height, width = self._network.size
        for image, pixels in decoded:
            if isinstance(pixels, ValueError):
                self._report(str(pixels))
            elif (height or pixels.shape[0], width or pixels.shape[1]) != pixels.shape[:2]:
                received = f"{pixels.shape[0]} x {pixels.shape[1]}"
                self._report(
                    f"{image.path}: expected an image of the network's size, {height} x {width}. Received: {received}. "
                    "Resize it, or predict in windows of the network's size."
                )
            elif self._network.num_pixels(*pixels.shape[:2]) > MAX_PIXELS:
                received = f"{pixels.shape[0]} x {pixels.shape[1]}"
                self._report(
                    f"{image.path}: expected an image that has at most {MAX_PIXELS // 1_000_000} megapixels when it is "
                    f"resized for the network. Received: {received} pixels. Predict parts of it."
                )
            else:
                yield image, pixels

    def _report(self, problem):
        self._problems.append(problem)
        if self._on_problem is not None:
            self._on_problem(problem)

    def _tell(self, num_written, num_images):
        if self._on_progress is not None:
            self._on_progress(num_written + len(self._problems), num_images)

    def _predict(self, batch, writer, behind, record):
        answers = self._network(np.stack([pixels for _, pixels in batch]))
        size, of_image = next(iter(answers.values())).shape[1:3], batch[0][1].shape[:2]
        if size != of_image:
            sizes = f"{of_image[0]} x {of_image[1]}. Received: {size[0]} x {size[1]}."
            advice = "Resize them in the network, or pass images of sizes that it keeps."
            for image, _ in batch:
                self._report(f"{image.path}: expected a network whose scores have the image's size, {sizes} {advice}")
            return
        for index, (image, pixels) in enumerate(batch):
            of_image = {name: values[index] for name, values in answers.items()}
            num_pixels = pixels.shape[0] * pixels.shape[1]
            behind.submit(num_pixels, self._write, image, pixels, of_image, writer, record)

    def _write(self, image, pixels, answers, writer, record):
        record.begin(image)
        for kind, ending in self._files.endings.items():
            name = image.name + ending
            if kind == PICTURE:
                with writer.file(name, self._replace) as new:
                    self._results.draw(_title(image), pixels, answers, new)
            else:
                writer.write(name, self._results.encode(kind, pixels, answers), self._replace)
        record.end(image)


def _title(image):
    """Returns the name of an image file in one line of valid text, which a file name need not be."""
    name = os.fsencode(os.path.basename(image.name)).decode("utf-8", "backslashreplace")
    return " ".join(name.split())
