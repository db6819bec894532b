"""Annotations of PASCAL-Part made here, right and wrong."""

import numpy as np
import pytest
import scipy.io

from tfds_builders.pascal_person_part_tree.person_parts import read_person_parts
from tfds_builders.reading.file_problems import ImageFileError


def struct(*records):
    """A MATLAB struct array of `(1, len(records))`."""
    array = np.empty((1, len(records)), [(name, object) for name in records[0]])
    for place, record in enumerate(records):
        array[0, place] = tuple(record.values())
    return array


def mask(*rows):
    return np.array([[int(pixel) for pixel in row] for row in rows], np.uint8)


def part(name, *rows):
    return {"part_name": name, "mask": mask(*rows)}


def whole(class_, class_ind, parts, *rows):
    parts = struct(*parts) if parts else np.zeros((0, 0))
    return {"class": class_, "class_ind": class_ind, "mask": mask(*rows), "parts": parts}


PERSON = whole(
    "person", 15, [part("torso", "0110", "0110"), part("lhand", "0010", "0000"), part("hair", "1000", "0000")],
    "1110", "1110",
)  # fmt: skip
DISTANT = whole("person", 15, [], "0001", "0000")
HORSE = whole("horse", 13, [part("lfho", "1111", "0000")], "1111", "0000")


@pytest.fixture
def write(tmp_path):
    def write(*objects, **fields):
        content = {"imname": "2008_000001", "objects": struct(*objects) if objects else np.zeros((0, 0)), **fields}
        path = tmp_path / "2008_000001.mat"
        scipy.io.savemat(path, {"anno": struct(content)}, do_compression=True)
        return path

    return write


class ReadPersonPartsTest:
    def test_later_parts_lie_upon_earlier_ones(self, write):
        label = read_person_parts(write(PERSON, HORSE, DISTANT))
        np.testing.assert_array_equal(label[..., 0], [[1, 2, 4, 7], [7, 2, 2, 0]])
        assert label.dtype == np.uint8 and label.shape == (2, 4, 1)

    def test_a_person_never_hides_the_parts_of_another(self, write):
        nearer = whole("person", 15, [part("head", "0100", "0000")], "0110", "0110")
        label = read_person_parts(write(PERSON, nearer))
        np.testing.assert_array_equal(label[..., 0], [[1, 1, 4, 0], [7, 2, 2, 0]])

    def test_without_persons_all_is_background(self, write):
        assert not read_person_parts(write(HORSE)).any()

    def test_every_part_has_its_class(self, write):
        classes = {
            "head": 1, "leye": 1, "reye": 1, "lear": 1, "rear": 1, "lebrow": 1, "rebrow": 1, "nose": 1, "mouth": 1,
            "hair": 1, "torso": 2, "neck": 2, "luarm": 3, "ruarm": 3, "llarm": 4, "rlarm": 4, "lhand": 4, "rhand": 4,
            "luleg": 5, "ruleg": 5, "llleg": 6, "rlleg": 6, "lfoot": 6, "rfoot": 6,
        }  # fmt: skip
        rows = ["".join(str(int(i == j)) for j in range(len(classes))) for i in range(len(classes))]
        parts = [part(name, row) for name, row in zip(classes, rows)]
        label = read_person_parts(write(whole("person", 15, parts, "1" * len(classes))))
        assert label[0, :, 0].tolist() == list(classes.values())

    @pytest.mark.parametrize(
        "objects, said",
        [
            ([], "at least one object"),
            ([{**PERSON, "mask": PERSON["mask"].astype(np.uint16)}], "masks of 8 bits"),
            ([{**PERSON, "mask": PERSON["mask"][None]}], "masks of 8 bits"),
            ([{**PERSON, "mask": np.zeros((0, 0), np.uint8)}], "masks of 8 bits"),
            ([{**PERSON, "mask": PERSON["mask"] * 2}], "masks of 0 and 1"),
            ([PERSON, {**PERSON, "mask": PERSON["mask"].T}], "masks of equal size"),
            ([whole("person", 15, [part("head", "11", "10")], "1100", "1100")], "masks of equal size"),
            ([whole("person", 15, [part("tail", "1100", "0000")], "1100", "1100")], "one of head, leye"),
            ([{**PERSON, "class": 15}], "a text `class`"),
            ([{"class": "person", "mask": PERSON["mask"]}], "fields class, mask, parts. Received: none named parts"),
            ([{**PERSON, "parts": np.ones((2, 2))}], "fields part_name, mask"),
        ],
    )
    def test_anything_else_is_refused(self, objects, said, write):
        path = write(*objects)
        with pytest.raises(ImageFileError) as caught:
            read_person_parts(path)
        assert str(path) in str(caught.value) and said in str(caught.value)

    def test_annotation_of_another_image_is_refused(self, write):
        with pytest.raises(ImageFileError, match="annotation of 2008_000001. Received: that of 2008_000002"):
            read_person_parts(write(PERSON, imname="2008_000002"))

    def test_another_variable_is_refused(self, write, tmp_path):
        path = write(PERSON)
        for value in (PERSON["mask"], np.zeros((0, 0)), "person"):
            scipy.io.savemat(path, {"anno": value}, do_compression=True)
            with pytest.raises(ImageFileError, match="struct"):
                read_person_parts(path)
