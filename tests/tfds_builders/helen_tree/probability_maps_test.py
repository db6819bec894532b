"""Eleven maps to one, with ties, and with files that are no such map."""

import numpy as np
import pytest
from PIL import Image

from tfds_builders.helen_tree.probability_maps import map_paths, read_most_probable
from tfds_builders.reading.file_problems import ImageFileError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "232194_1").mkdir()
    return tmp_path / "232194_1"


def write(folder, maps):
    for path, array in zip(map_paths(folder), maps):
        Image.fromarray(np.asarray(array, np.uint8)).save(path)


def message_of(folder):
    with pytest.raises(ImageFileError) as caught:
        read_most_probable(folder)
    return str(caught.value)


class ReadMostProbableTest:
    def test_is_the_arg_max_in_the_order_of_files(self, folder):
        # Few values, so that many pixels have ties.
        maps = np.random.default_rng(0).integers(0, 4, (11, 9, 13)) * 85
        write(folder, maps)
        label = read_most_probable(folder)
        np.testing.assert_array_equal(label[..., 0], maps.argmax(0))
        assert label.shape == (9, 13, 1) and label.dtype == np.uint8

    def test_ties_go_to_the_lowest_id_and_nothing_is_background(self, folder):
        # The pixels: no class at all; 3 and 7 alike; background and 1 alike; 10 alone, by a single step.
        maps = np.zeros((11, 1, 4))
        maps[[3, 7], 0, 1], maps[[0, 1], 0, 2], maps[10, 0, 3] = 120, 127, 1
        write(folder, maps)
        assert read_most_probable(folder)[0, :, 0].tolist() == [0, 3, 0, 10]

    @pytest.mark.parametrize("place", [0, 6, 10])
    def test_bad_maps_are_named(self, place, folder):
        maps = np.full((11, 4, 5), 20)
        write(folder, maps)
        path = map_paths(folder)[place]
        whole = path.read_bytes()
        for spoil, said in (
            (lambda: path.unlink(), "nothing there"),
            (lambda: path.write_bytes(whole[:50]), "complete PNG"),
            (lambda: Image.new("RGB", (5, 4)).save(path), "Received: RGB colors"),
            (lambda: Image.new("P", (5, 4)).save(path), "Received: a palette"),
            (lambda: Image.fromarray(np.zeros((4, 5), np.uint16)).save(path), "gray values, of 16 bits"),
        ):
            spoil()
            message = message_of(folder)
            assert str(path) in message and said in message
        Image.new("L", (4, 5)).save(path)
        assert str(map_paths(folder)[0]) in message_of(folder) and "5 x 4" in message_of(folder)
