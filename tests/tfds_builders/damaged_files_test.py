"""Every builder on files damaged at random: an error that names the file, or the labels of the whole file."""

import io
import itertools
import os
import pathlib
import shutil
import zipfile

import numpy as np
import pytest
import tensorflow_datasets as tfds
from etils import epath
from hypothesis import event, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.manual_data import FOLDER, READERS
from tfds_builders.reading.file_problems import ImageFileError

# These are read from the archives that their authors give out.
ZIPPED = {"cityscapes_tree/fine": {"leftImg8bit", "gtFine"}, "mapillary_vistas_tree/v1.2": {"training", "validation"}}
LABELS = ("label", "depth", "instances")
# No data set here has that id, or that color.
FOREIGN_ID, FOREIGN_COLOR = 251, (1, 2, 3)
MODES = ("RGB", "RGBA", "LA", "L", "P", "I;16", "1", "JPEG")


class Files:
    """A builder, its files, and what they hold while they are whole."""

    def __init__(self, name, root):
        self.folder = epath.Path(root / "manual")
        shutil.copytree(FOLDER / READERS[name], self.folder)
        if name in ZIPPED:
            zip_folders(pathlib.Path(self.folder), ZIPPED[name], one_each=name.startswith("cityscapes"))
        self.builder = tfds.builder(name, data_dir=root / "data")
        self.seconds = itertools.count(1)
        self.expected, problems = self.read()
        assert not problems and self.expected
        paths = sorted(path for path in pathlib.Path(self.folder).glob("**/*") if path.is_file())
        self.paths = [path for path in paths if path.suffix != ".txt" and self._reads(path)]

    def read(self):
        """Dict from split and key to example, and the list of problems."""
        examples = {}
        try:
            splits, problems = self.builder.split_items(self.folder)
            for split, items in splits.items() if not problems else ():
                for item in items:
                    key, example = self.builder.read(item)
                    examples[split, key] = example
        except ImageFileError as error:
            return examples, error.problems
        return examples, problems

    def write(self, path, content):
        """Writes a file at a time of its own, by which the readers of archives tell that it is another."""
        path.write_bytes(content)
        os.utime(path, times=(0, next(self.seconds)))

    def _reads(self, path):
        """Whether that file is one of this config's."""
        whole = path.read_bytes()
        self.write(path, b"")
        _, problems = self.read()
        self.write(path, whole)
        return bool(problems)


def zip_folders(folder, names, one_each):
    """Packs folders into archives as Cityscapes gives them out, or into one, and deletes them."""
    for archive, packed in {name: [name] for name in names}.items() if one_each else {"all": names}.items():
        with zipfile.ZipFile(folder / f"{archive}_trainvaltest.zip", "w") as file:
            for name in sorted(packed):
                for path in sorted((folder / name).glob("**/*")):
                    # Without a time, so that the archive's bytes are the same in every run.
                    if path.is_file():
                        member = zipfile.ZipInfo(str(path.relative_to(folder)))
                        file.writestr(member, path.read_bytes(), zipfile.ZIP_DEFLATED)
    for name in names:
        shutil.rmtree(folder / name)


@pytest.fixture(scope="module", params=READERS)
def files(request, tmp_path_factory):
    return Files(request.param, tmp_path_factory.mktemp("reader"))


class DamagedFilesTest:
    @settings(max_examples=100)
    @given(data=st.data())
    def test_labels_are_right_or_the_file_is_named(self, files, data):
        path = data.draw(st.sampled_from(files.paths), label="path")
        whole = path.read_bytes()
        kind = data.draw(st.sampled_from(kinds_of(path, files.builder.name)), label="kind")
        try:
            files.write(path, KINDS[kind](data.draw, whole, path))
            examples, problems = files.read()
        finally:
            files.write(path, whole)
        event(f"{kind}: {'refused' if problems else 'read'}")
        if problems:
            assert any(str(path) in problem for problem in problems), problems
        else:
            assert_same_labels(examples, files.expected)


def assert_same_labels(examples, expected):
    assert examples.keys() == expected.keys()
    for key, example in examples.items():
        for name in set(LABELS) & set(example):
            np.testing.assert_array_equal(example[name], expected[key][name])


# === Damage ===


def truncated(draw, whole, path):
    return whole[: draw(st.integers(0, len(whole) - 1))]


def bits_flipped(draw, whole, path):
    spoiled = bytearray(whole)
    for place in draw(st.lists(st.integers(0, 8 * len(whole) - 1), min_size=1, max_size=8, unique=True)):
        spoiled[place // 8] ^= 1 << place % 8
    return bytes(spoiled)


def block_zeroed(draw, whole, path):
    start = draw(st.integers(0, len(whole) - 1))
    length = min(draw(st.integers(1, 64)), len(whole) - start)
    return whole[:start] + bytes(length) + whole[start + length :]


def overwritten(draw, whole, path):
    return draw(st.binary(max_size=64))


def other_mode(draw, whole, path):
    image, mode = Image.open(io.BytesIO(whole)), draw(st.sampled_from(MODES))
    array = np.array(image)
    if mode == "JPEG":
        return encoded(image.convert("RGB" if array.ndim == 3 else "L"), "JPEG")
    if array.ndim == 3:
        return encoded(image.convert("RGB").convert(mode), path.suffix)
    if mode in ("RGB", "RGBA", "LA"):
        return encoded(Image.fromarray(np.dstack([array.astype(np.uint8)] * len(mode))), path.suffix)
    if mode == "P":
        # The same indices under a palette.
        image = Image.fromarray(array.astype(np.uint8), "L")
        image.putpalette(list(range(256)) * 3)
        return encoded(image, path.suffix)
    return encoded(Image.fromarray(array.astype({"I;16": np.uint16, "1": bool, "L": np.uint8}[mode])), path.suffix)


def other_size(draw, whole, path):
    image = Image.open(io.BytesIO(whole))
    size = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)).filter(lambda size: size != image.size))
    return encoded(image.resize(size, Image.Resampling.NEAREST), path.suffix)


def mislabeled(draw, whole, path):
    image = Image.open(io.BytesIO(whole))
    place = draw(st.tuples(st.integers(0, image.width - 1), st.integers(0, image.height - 1)))
    image.putpixel(place, FOREIGN_COLOR if image.mode == "RGB" else FOREIGN_ID)
    return encoded(image, path.suffix)


def other_file(draw, whole, path):
    others = sorted(other for other in path.parent.iterdir() if other.suffix == path.suffix and other != path)
    return draw(st.sampled_from(others)).read_bytes()


def encoded(image, suffix):
    file = io.BytesIO()
    is_jpeg = suffix in (".jpg", "JPEG")
    if is_jpeg and image.mode not in ("RGB", "L"):
        image = image.convert("CMYK")
    image.save(file, "JPEG" if is_jpeg else "PNG")
    return file.getvalue()


DAMAGE = (truncated, bits_flipped, block_zeroed, overwritten, other_mode, other_size, mislabeled, other_file)
KINDS = {damage.__name__: damage for damage in DAMAGE}


def kinds_of(path, builder_name):
    kinds = ["truncated", "bits_flipped", "block_zeroed", "overwritten"]
    if path.suffix in (".png", ".jpg"):
        kinds += ["other_mode", "other_size"]
    # A probability and an instance's id may be any number.
    if is_label_map(path) and builder_name != "helen_tree" and "instanceIds" not in path.name:
        kinds.append("mislabeled")
    # An annotation of PASCAL-Part names its image. A label map does not.
    if path.parent.name == "Annotations_Part":
        kinds.append("other_file")
    return kinds


def is_label_map(path):
    folders = ("annot", "LabeledApproved", "gtFine", "labels", "segmentations", "_gt")
    return path.suffix == ".png" and any(folder in str(path.parent) for folder in folders)
