"""The files that are written per image, and the check that none of them replaces another file."""

import dataclasses
import hashlib
import os
import unicodedata

import numpy as np

from hierseg_keras.messages.capped_list import capped

# In bytes, of one part of a path, on all common file systems.
_LONGEST_NAME = 255
_MOST_NAMED = 5
PICTURE, OVERLAY, CONFIDENCE, CONFIDENT, LEVEL = "picture", "overlay", "confidence", "confident", "level"


@dataclasses.dataclass(frozen=True)
class ResultFiles:
    """The choice of the files that are written per image.

    Args:
        levels: Tuple of integers, the levels whose class maps are written.
        confidence, threshold, overlay, pictures: As in `predict_files`.
    """

    levels: tuple[int, ...]
    confidence: bool
    threshold: float | None
    overlay: bool
    pictures: bool

    @property
    def endings(self) -> dict:
        """Dict from the kind of a file, or `(LEVEL, level)`, to the end of its name."""
        others = {
            PICTURE: (self.pictures, ".png"),
            OVERLAY: (self.overlay, "_overlay.jpg"),
            CONFIDENCE: (self.confidence, "_confidence.png"),
            CONFIDENT: (self.threshold is not None, "_confident.png"),
        }
        chosen = {kind: ending for kind, (is_chosen, ending) in others.items() if is_chosen}
        return chosen | {(LEVEL, level): f"_level_{level}.png" for level in self.levels}

    def options(self, written, colors) -> dict:
        """Returns a dict from the end of a file's name to the options that its content depends on.

        Besides them, the content depends on the network and the image.

        Args:
            written: `WrittenIds`.
            colors: Uint8 array `(V, 3)`, the colors of overlays and pictures.

        Returns:
            Dict from strings to dicts of JSON values, by the names of the arguments of `predict_files`.
        """
        palette = {"palette": _digest(colors)}
        map_colors = np.concatenate([written.node_colors(colors), [written.color_without_class(colors)]])
        class_map = {"ids": _digest(written.numbers), "palette": _digest(map_colors)}
        of_kind = {
            PICTURE: palette,
            OVERLAY: {"levels": int(self.overlay_level), **palette},
            CONFIDENCE: {},
            CONFIDENT: {"threshold": self.threshold and float(self.threshold), **class_map},
        }
        return {ending: of_kind.get(kind, class_map) for kind, ending in self.endings.items()}

    @property
    def overlay_level(self) -> int:
        """The level of the overlay's colors."""
        return min(self.levels, default=1)


def check_names(images, endings, out):
    """Checks that results go into a folder, and that no two images have a result of the same name.

    Args:
        images: List of `ImageFile`.
        endings: Ends of the names of an image's results.
        out: Path of the folder of results, which may not exist.

    Raises:
        NotADirectoryError: If `out` is a file.
        ValueError: If two results have the same name. Case and Unicode composition are ignored, as some file systems
            do. Also if a name is too long for most file systems.
    """
    if os.path.lexists(out) and not os.path.isdir(out):
        raise NotADirectoryError(
            f"`out` expects a folder for the results. Received: {os.fspath(out)}, which is a file. Choose another path."
        )
    by_key, same, longest = {}, [], max(endings, key=len)
    for image in images:
        if len(os.fsencode(os.path.basename(image.name) + longest)) > _LONGEST_NAME:
            raise ValueError(
                f"`predict_files` expects file names that have at most {_LONGEST_NAME} bytes together with the "
                f"ending {longest}. Received: {image.path}. Rename it."
            )
        first = by_key.setdefault(_key(image.name), image)
        if first is not image:
            same.append((first, image))
    if same:
        raise _same_name(same, out, next(iter(endings)))
    # The result `a_level_1.png` may be the level map of an image `a`, and the picture of an image `a_level_1`.
    tails = {
        (longer.removesuffix(shorter), longer)
        for longer in endings
        for shorter in endings
        if longer != shorter and longer.endswith(shorter)
    }
    for key, image in by_key.items():
        for tail, ending in tails:
            if (other := by_key.get(key + tail)) is not None:
                raise _same_name([(image, other)], out, ending)


def check_targets(images, inputs, endings, out, record, overwrite, skip_existing):
    """Checks that no result replaces an input image or, unless that is allowed, another existing file.

    Args:
        images: List of `ImageFile`, the images to predict.
        inputs: List of `ImageFile`, all input images.
        endings, out: As in `check_names`.
        record: `ResultsRecord` of `out`.
        overwrite: Boolean, whether existing files other than inputs may be replaced.
        skip_existing: Boolean, whether earlier results of the same image may be replaced.

    Raises:
        ValueError: If a result would replace an input image.
        FileExistsError: If a result exists and may not be replaced.
    """
    sources = None
    for image, name in ((image, image.name + ending) for image in images for ending in endings):
        file = os.path.join(out, name)
        if not os.path.lexists(file):
            continue
        sources = _sources(inputs) if sources is None else sources
        if (source := sources.get(_identity(file))) is not None:
            raise ValueError(
                f"`predict_files` never replaces an input image. Received: {image.path}, whose result {file} would "
                f"replace the image {source}. Choose another folder of results."
            )
        source = record.source_of(name)
        if not (overwrite or skip_existing and source == os.path.abspath(image.path)):
            what = "exists" if source is None else f"is a result of {source}"
            skip = "" if skip_existing else ", or skip_existing=True to keep earlier results"
            raise FileExistsError(
                f"`predict_files` expects that the files it writes do not exist. Received: {file} for {image.path}, "
                f"which {what}. Choose another folder, or pass overwrite=True{skip}."
            )


def _digest(array):
    return hashlib.sha256(f"{array.shape} {array.dtype}".encode() + array.tobytes()).hexdigest()


def _key(name):
    return unicodedata.normalize("NFC", name).casefold()


def _same_name(pairs, out, ending):
    first, second = pairs[0]
    others = capped([f"{one.path} and {other.path}" for one, other in pairs[1:]], _MOST_NAMED)
    more = f" The same is true of {', '.join(others)}." if others else ""
    return ValueError(
        f"`predict_files` expects images with different file names. Received: {first.path} and {second.path}, whose "
        f"results would both be written to {os.path.join(out, first.name + ending)}.{more} Pass a folder that contains "
        "them in different subfolders, or predict them into different folders."
    )


def _sources(images):
    """Returns a dict from the identity of each image file that exists to its path."""
    return {identity: image.path for image in images if (identity := _identity(image.path)) is not None}


def _identity(path):
    """Returns a value that is equal for two paths of the same file, or `None` for a path that leads to no file."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_dev, stat.st_ino
