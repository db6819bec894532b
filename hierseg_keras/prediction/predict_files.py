"""Predicts image files, and writes class maps and pictures."""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Iterable, Sequence

import keras
import numpy as np

from hierseg_keras.data import ClassMap
from hierseg_keras.files import written_into
from hierseg_keras.models.graph.model_scores import scores_of
from hierseg_keras.prediction.batches import BATCH_SIZE, batches_of_equal_size
from hierseg_keras.prediction.class_ids import check_ids, ids_of_nodes, name_of_ids
from hierseg_keras.prediction.earlier_results import EarlierResults
from hierseg_keras.prediction.find_images import find_images
from hierseg_keras.prediction.image_results import UNKNOWN_OF_16_BITS, ImageResults
from hierseg_keras.prediction.network_answers import NetworkAnswers
from hierseg_keras.prediction.network_hash import network_hash
from hierseg_keras.prediction.read_ahead import read_ahead
from hierseg_keras.prediction.result_files import PICTURE, ResultFiles, check_names, check_targets
from hierseg_keras.prediction.write_behind import writing_behind
from hierseg_keras.tree import ClassTree
from hierseg_keras.visualization.palettes import Palette

# Threads beyond these do not help: a network takes longer than reading and writing its images.
_MOST_THREADS = 4


@dataclasses.dataclass(frozen=True)
class FilePredictions:
    """What `predict_files` has done.

    Attributes:
        num_predicted: Number of images whose results were written.
        num_skipped: Number of images whose results existed.
        problems: List of strings, one per image that could not be predicted, with the name of the file.
    """

    num_predicted: int
    num_skipped: int
    problems: list[str]


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
    255, or 65535 if a class has a number from 255 on.

    A file that cannot be read exactly, for example a damaged, CMYK or rotated image, is left out. Every other
    error stops the function. Each file is complete from the moment at which it exists. `predictions.json` in `out`
    records the network and the options.

    Args:
        model: `keras.Model` from images `(B, H, W, 3)` in 0 .. 255 to node or leaf scores.
        inputs: List of files, folders, and patterns such as `"photos/**/*.jpg"`, or one of them. Folders are searched
            with their subfolders; files and folders whose names begin with a dot are skipped. Results of a file are
            named after the file. Results of folders and patterns keep the path below the folder.
        out: Folder of the results. It is created if it is missing.
        listed: Paths of further files. Their results keep the path below the deepest folder that contains all of
            them. Defaults to `None`.
        levels: Levels whose maps are written. Defaults to all levels, and with `ids` to level 1.
        ids: Numbers to write in place of node indices: a `ClassMap`, or the path of its file, for the ids of a data
            set; `"labelIds"` for Cityscapes' ids, in which its benchmark takes results; or `"trainIds"` for leaf
            indices, from which internal nodes are excluded. If several ids of a class map have the same node, the
            first is written, with a warning. Defaults to `None`, node indices.
        confidence: Whether to write the confidence, which is the smallest probability on the path of the predicted
            leaf. For leaf scores this is the probability of the leaf. Defaults to `False`.
        threshold: Probability from which `decoding.confident_labels` assigns a class. Defaults to `None`, which
            writes no such map.
        overlay: Whether to write overlays. Defaults to `False`.
        pictures: Whether to draw pictures with `visualization.draw_levels`. Each takes about half a second. Defaults to
            `False`.
        palette: Colors of the classes, as in `visualization.node_colors`. Defaults to those of the tree.
        batch_size: Images per batch. Defaults to 8, or fewer if these have more than 4 megapixels.
        overwrite: Whether existing files other than the input images may be replaced. Defaults to `False`.
        skip_existing: Whether to skip images whose results exist, were made by the same network and options, and are
            newer than the image. Results of other images are then written again. Defaults to `False`.
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
            range; or there is no tree or the meaning of the scores cannot be inferred.
        TreeError: If `ids` maps to a node that is not in the tree.
        TypeError: If `model` is a subclassed model, whose output shape is unknown.
        OSError: If the disk is full, or `out` cannot be written to.

    Example:

    >>> import os, keras
    >>> keras.utils.save_img("photo.png", images[0], scale=False)
    >>> result = hs.prediction.predict_files(model, "photo.png", "masks", levels=[1], confidence=True)
    >>> result.num_predicted, sorted(os.listdir("masks"))
    (1, ['photo_confidence.png', 'photo_level_1.png', 'predictions.json'])
    """
    model = getattr(model, "inference_model", model)
    meaning = scores_of(model, "predict_files", tree, scores, from_logits)
    check_range("threshold", threshold, 0, 1)
    check_range("batch_size", batch_size, 1)
    levels = check_levels(meaning.tree, ids, levels)
    files = ResultFiles(levels, confidence, threshold, overlay, pictures)
    if not files.endings:
        raise ValueError("`predict_files` expects something to write. Received: levels=() and no other result.")
    numbers = check_numbers(meaning.tree, ids, files)
    inputs = [inputs] if isinstance(inputs, (str, os.PathLike)) else inputs
    images, endings = find_images(inputs, listed, out), files.endings
    check_names(images, endings.values(), out)
    written_ids = None if ids is None else " ".join(map(str, numbers))
    made_by = {"network": network_hash(model, meaning), "ids": written_ids, "threshold": threshold}
    earlier = EarlierResults(out, made_by)
    if not overwrite:
        earlier.check()
    todo = earlier.unfinished(images, endings.values()) if skip_existing else images
    replace = overwrite or skip_existing and earlier.are_of_the_same_network
    check_targets(todo, images, endings.values(), out, replace)
    network = NetworkAnswers(model, meaning, confidence, threshold)
    results = ImageResults(meaning.tree, numbers, levels, palette)
    job = _Job(network, results, files, batch_size, replace, on_problem, on_progress)
    return job.run(todo, len(images) - len(todo), out, earlier)


def check_levels(tree, ids, levels):
    """Returns the levels to write, in order. Raises `ValueError` if the tree does not have one of them."""
    if levels is None:
        return tuple(range(1, tree.num_levels + 1)) if ids is None else (1,)
    levels = tuple(sorted(set(levels)))
    if any(level not in range(1, tree.num_levels + 1) for level in levels):
        raise ValueError(
            f"`levels` expects numbers from 1, the finest, to {tree.num_levels}, the tree's coarsest level. Received: "
            f"levels={levels}."
        )
    return levels


def check_numbers(tree, ids, files):
    """Returns the number to write for each node, `(V,)`. Raises `ValueError` if a class to be written has none."""
    numbers = ids_of_nodes(tree, ids)
    nodes = [tree.level_table[level - 1][: tree.num_leaves] for level in files.levels]
    if files.threshold is not None:
        nodes.append(np.arange(tree.num_nodes))
        check_range("threshold's largest class id", int(numbers.max()), 0, UNKNOWN_OF_16_BITS - 1)
    if ids is not None:
        check_ids(tree, numbers, np.unique(np.concatenate(nodes or [[]]).astype(int)), name_of_ids(ids))
    return numbers


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

    def run(self, images, num_skipped, out, earlier):
        # Imported here because it imports TFDS.
        from tfds_builders.reading.image_files import read_image

        if not images:
            return FilePredictions(0, num_skipped, [])
        threads, count = min(_MOST_THREADS, os.cpu_count() or 1), 2 * (self._batch_size or BATCH_SIZE)
        with written_into(out) as writer, writing_behind(threads, count) as behind:
            decoded = self._usable(read_ahead(images, read_image, threads, count))
            for batch in batches_of_equal_size(decoded, self._batch_size):
                self._predict(batch, writer, behind, earlier)
                self._tell(behind.num_done, len(images))
            behind.finish()
            self._tell(behind.num_done, len(images))
        return FilePredictions(behind.num_done, num_skipped, self._problems)

    def _usable(self, decoded):
        """Yields the images that the network can take. The others are reported."""
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
            else:
                yield image, pixels

    def _report(self, problem):
        self._problems.append(problem)
        if self._on_problem is not None:
            self._on_problem(problem)

    def _tell(self, num_written, num_images):
        if self._on_progress is not None:
            self._on_progress(num_written + len(self._problems), num_images)

    def _predict(self, batch, writer, behind, earlier):
        answers = self._network(np.stack([pixels for _, pixels in batch]))
        # Written with the first results, so that it does not make results of another network look older than it.
        earlier.record()
        for index, (image, pixels) in enumerate(batch):
            of_image = {name: values[index] for name, values in answers.items()}
            num_pixels = pixels.shape[0] * pixels.shape[1]
            behind.submit(num_pixels, self._write, image, pixels, of_image, writer)

    def _write(self, image, pixels, answers, writer):
        for kind, ending in self._files.endings.items():
            name = image.name + ending
            if kind == PICTURE:
                with writer.file(name, self._replace) as new:
                    self._results.draw(pathlib.PurePath(image.name).name, pixels, answers, new)
            else:
                writer.write(name, self._results.encode(kind, pixels, answers), self._replace)
