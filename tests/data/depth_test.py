"""Depth as an image's fourth channel."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import tensorflow_datasets as tfds  # noqa: E402

from hierseg_keras.data import load  # noqa: E402
from tests.manual_data import FOLDER, prepare  # noqa: E402

DUMMY_DATA = FOLDER / "nyu_depth_v2_tree" / "dummy_data"
MAX_DEPTH = 3.0


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    return prepare("nyu_depth_v2_tree", DUMMY_DATA, tmp_path_factory.mktemp("data"))


def load_scenes(builder, split="train", **options):
    return load("nyu_depth_v2_tree", split, data_dir=str(builder.data_path.parents[1]), batch_size=1, **options)


class DepthTest:
    def test_is_the_fourth_channel(self, builder):
        stored = tfds.as_numpy(builder.as_dataset(split="train"))
        with_depth, without = load_scenes(builder, max_depth=MAX_DEPTH), load_scenes(builder)
        for scene, (image, label), (colors, same_label) in zip(stored, with_depth, without, strict=True):
            assert (image.shape[-1], colors.shape[-1]) == (4, 3)
            np.testing.assert_array_equal(image[..., :3], colors)
            np.testing.assert_array_equal(label, same_label)
            expected = np.minimum(scene["depth"][..., 0] / MAX_DEPTH, 1) * 255
            np.testing.assert_allclose(image[0, ..., 3], expected, rtol=1e-5)
            assert 0 < expected.min() < expected.max()

    def test_moves_with_its_image(self, builder):
        """Mirrored, moved and padded as one."""
        scenes = [image[0].numpy() for image, _ in load_scenes(builder, max_depth=MAX_DEPTH)]
        crop = tuple(np.max([scene.shape[:2] for scene in scenes], axis=0) + 3)
        options = {"training": True, "crop_size": crop, "scale_range": None, "max_depth": MAX_DEPTH}
        mirrored = set()
        for image, label in load_scenes(builder, **options).repeat(6):
            assert image.shape == (1, *crop, 4) and label.shape == (1, *crop)
            (rows, columns) = np.nonzero((image[0] != 127.5).numpy().any(-1))
            inside = image[0, rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].numpy()
            found = [
                is_mirrored
                for scene in scenes
                for is_mirrored in (False, True)
                if np.array_equal(inside, scene[:, ::-1] if is_mirrored else scene)
            ]
            assert len(found) == 1
            mirrored.update(found)
        assert mirrored == {False, True}

    def test_unfit_arguments_raise(self, builder, data_dir):
        with pytest.raises(ValueError, match="meters, a number above 0, .* Received: max_depth=0"):
            load_scenes(builder, max_depth=0)
        with pytest.raises(ValueError, match="Received: street_blocks/.*'file_name', 'image', 'label'"):
            load("street_blocks", "train", data_dir=str(data_dir), max_depth=10.0)
