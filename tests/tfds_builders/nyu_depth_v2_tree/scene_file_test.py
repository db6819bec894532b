"""Scenes as MATLAB stores them, right and wrong."""

import h5py
import numpy as np
import pytest

from tfds_builders.nyu_depth_v2_tree import scene_file
from tfds_builders.nyu_depth_v2_tree.scene_file import SceneFile
from tfds_builders.reading.file_problems import ImageFileError

HEIGHT, WIDTH, SCENES = 2, 3, 4


@pytest.fixture
def arrays():
    """As HDF5 shows them: scene, color, column, row."""
    draw = np.random.default_rng(0)
    return {
        "images": draw.integers(0, 256, (SCENES, 3, WIDTH, HEIGHT)).astype(np.uint8),
        "depths": draw.uniform(0.7, 9.9, (SCENES, WIDTH, HEIGHT)).astype(np.float32),
        "labels": draw.integers(0, 895, (SCENES, WIDTH, HEIGHT)).astype(np.uint16),
    }


@pytest.fixture
def write(tmp_path):
    def write(arrays):
        path = tmp_path / "nyu_depth_v2_labeled.mat"
        with h5py.File(path, "w", userblock_size=512) as file:
            for name, array in arrays.items():
                options = {"chunks": (1, *array.shape[1:]), "compression": "gzip"} if len(array) else {}
                file.create_dataset(name, data=array, **options)
        return path

    return write


def message_of(path, number=None):
    with pytest.raises(ImageFileError) as caught, SceneFile(path) as scenes:
        if number is not None:
            scenes.read(number)
    assert str(path) in str(caught.value)
    return str(caught.value)


class SceneFileTest:
    def test_rows_come_before_columns_and_scenes_count_from_one(self, arrays, write):
        with SceneFile(write(arrays)) as scenes:
            assert scenes.num_scenes == SCENES and scenes.has_check_sums
            image, depth, label = scenes.read(2)
        assert (image.dtype, depth.dtype, label.dtype) == (np.uint8, np.float32, np.uint16)
        assert (image.shape, depth.shape, label.shape) == ((2, 3, 3), (2, 3, 1), (2, 3, 1))
        for row, column in np.ndindex(HEIGHT, WIDTH):
            assert image[row, column].tolist() == arrays["images"][1, :, column, row].tolist()
            assert depth[row, column] == arrays["depths"][1, column, row]
            assert label[row, column] == arrays["labels"][1, column, row]

    @pytest.mark.parametrize("name", ["images", "depths", "labels"])
    def test_missing_and_misshapen_variables_are_refused(self, name, arrays, write):
        whole = arrays.pop(name)
        assert f"`{name}`" in message_of(write(arrays))
        for wrong in (whole.swapaxes(-1, -2), whole[1:], whole[0], whole[..., :1], whole.astype(np.int32)):
            assert f"`{name}`" in message_of(write({**arrays, name: wrong}))

    def test_empty_and_huge_scenes_are_refused(self, arrays, write, monkeypatch):
        assert "at most 89 megapixels" in message_of(write({name: array[:0] for name, array in arrays.items()}))
        monkeypatch.setattr(scene_file, "MAX_PIXELS", 5)
        assert "`labels` 4 x 3 x 2" in message_of(write(arrays))

    def test_depths_and_ids_out_of_range_name_the_scene(self, arrays, write):
        for depth in (np.nan, np.inf, -1):
            spoiled = arrays["depths"].copy()
            spoiled[1, 0, 0] = depth
            path = write({**arrays, "depths": spoiled})
            assert "in scene 2" in message_of(path, 2)
            with SceneFile(path) as scenes:
                scenes.read(1)
        arrays["labels"][2, 1, 0] = 895
        assert "scene 3: " in message_of(write(arrays), 3) and "895 (1 pixel)" in message_of(write(arrays), 3)

    @pytest.mark.parametrize("content", [b"", b"MATLAB 5.0 MAT-file".ljust(128), b"\x89HDF\r\n\x1a\n"])
    def test_other_files_are_refused(self, content, tmp_path):
        (tmp_path / "a.mat").write_bytes(content)
        assert "a MATLAB 7.3 file" in message_of(tmp_path / "a.mat")
        assert "a MATLAB 7.3 file" in message_of(tmp_path / "none.mat")

    def test_truncated_files_are_refused(self, arrays, write):
        path = write(arrays)
        whole = path.read_bytes()
        for length in range(512, len(whole), 97):
            path.write_bytes(whole[:length])
            message_of(path, SCENES)
