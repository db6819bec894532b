import re

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
import tensorflow_datasets as tfds  # noqa: E402

from hierseg_keras import data  # noqa: E402
from hierseg_keras.data.record_files import RecordFiles  # noqa: E402
from hierseg_keras.data.source import Source  # noqa: E402
from hierseg_keras.data.training_order import TrainingOrder  # noqa: E402
from hierseg_keras.tree import ClassTree, TreeError  # noqa: E402
from tests.data.augmentation_test import straightforward  # noqa: E402

CROP = {"training": True, "crop_size": (40, 56), "batch_size": 4}


def batches(dataset):
    return [(image, label) for image, label in dataset.as_numpy_iterator()]


def first_labels(dataset):
    return [label.tobytes() for _, label in batches(dataset)]


# Argument -> values that are no such thing.
UNFIT = {
    "training": [1, "yes", None],
    "batch_size": [0, -1, 2.5, True, "4", None, np.nan],
    "size": [0, -3, 2.5, True, "8", (8,), (8, 8, 3), (0, 8), (8, 2.5), (8, True), np.nan],
    "crop_size": [0, 8, (8,), (8, 8, 3), (0, 8), (8.0, 8), (8, True), "88"],
    "scale_range": [1.0, (0.5,), (2, 0.5), (0, 2), (-1, 2), (0.5, np.inf), (np.nan, 2), (False, True), "12"],
    "flip": [1, None, "yes"],
    "seed": [0.5, True, "0", None, 2**63, np.nan],
    "shuffle_buffer": [0, -1, 2.5, True, None],
    "initial_epoch": [-1, 0.5, True, None],
    "weights": [3, "1", [True], [0], [np.nan]],
    "batch_shares": [4, "4", [True], [0], [4.0], [-4]],
    "label_levels": [0, -1, 1.5, True, None, "1", [0], [True], [1.0]],
    "unmapped": ["drop", None, True],
    "flip_pairs": ["ab", ("left", "right"), [("left",)], [("left", 0.5)], 3],
    "max_class_share": [0, 1, -0.5, np.nan, True, "0.75"],
    "distort_colors": [1, None, "yes"],
    "max_depth": [0, -1, np.nan, np.inf, True, "10"],
}


class LoadTest:
    @pytest.fixture(autouse=True)
    def street_blocks(self, data_dir):
        def load(split="train[:12]", **options):
            return data.load("street_blocks", split, data_dir=data_dir, **options)

        self.load = load

    def test_augmentation_of_the_released_code_follows_from_the_seed(self):
        """Colors change, labels do not; and no class fills more of a crop than it may."""
        [(image, label)] = batches(self.load("train[:4]", **CROP))
        dataset = self.load("train[:4]", **CROP, distort_colors=True)
        [(distorted, same)] = batches(dataset)
        np.testing.assert_array_equal(label, same)
        assert not np.array_equal(image, distorted) and distorted.min() >= 0 and distorted.max() <= 255
        dataset.set_epoch(0)
        np.testing.assert_array_equal(batches(dataset)[0][0], distorted)

        def shares(label):
            labeled = [each[each != 255] for each in label]
            return np.array([np.bincount(each).max() / len(each) for each in labeled])

        dataset = self.load("train[:4]", **CROP, max_class_share=0.4)
        [(_, balanced)] = batches(dataset)
        dataset.set_epoch(0)
        np.testing.assert_array_equal(batches(dataset)[0][1], balanced)
        assert (shares(balanced) < 0.4).sum() > (shares(label) < 0.4).sum()

    def test_padding_keeps_its_color(self):
        options = {**CROP, "crop_size": (200, 260)}
        [(image, _)] = batches(self.load("train[:4]", **options))
        [(distorted, _)] = batches(self.load("train[:4]", **options, distort_colors=True))
        is_padding = (image == 127.5).all(-1)
        assert is_padding.any() and not np.array_equal(image, distorted)
        assert (distorted[is_padding] == 127.5).all()

    def test_training_batches(self):
        dataset = self.load("train[:11]", **CROP)
        assert len(dataset) == 2
        for image, label in batches(dataset):
            assert image.shape == (4, 40, 56, 3) and image.dtype == np.float32
            assert label.shape == (4, 40, 56) and label.dtype == np.int32
            assert 0 <= image.min() and 1 < image.max() <= 255
            assert set(np.unique(label)) <= {*range(17), 255}

    def test_evaluation_takes_every_image_whole_and_in_order(self):
        dataset = self.load("validation[:5]", batch_size=4)
        shapes = [label.shape for _, label in batches(dataset)]
        assert shapes == [(4, 96, 128), (1, 96, 128)]
        assert first_labels(dataset) == first_labels(self.load("validation[:5]", batch_size=4))

    def test_batches_are_those_of_the_straightforward_pipeline(self, data_dir):
        """Whole images decoded, cut and mirrored one after the other, in the order and by the seeds of the epoch."""
        builder = data.prepare("street_blocks", data_dir=data_dir)
        examples = list(builder.as_dataset(split="train[:8]", read_config=tfds.ReadConfig(interleave_cycle_length=1)))
        source = Source(builder, "street_blocks", ClassTree.from_tfds(builder.info), 255, None, "error", None, None)
        order = TrainingOrder([source], [RecordFiles(builder, "train[:8]")], None, 1000, seed=0)
        drawn = list(tf.data.Dataset.range(1).flat_map(order.epoch))
        assert sorted(int(example["index"]) for example in drawn) == list(range(8))
        # An image that fits into the crop is resampled as a whole.
        for crop_size, scale_range in (((40, 56), None), ((200, 260), (0.5, 2.0))):
            expected = []
            for example in drawn:
                image, label = (examples[example["index"]][name] for name in ("image", "label"))
                label = tf.where(label == 17, tf.cast(255, tf.uint8), label)
                expected.append(straightforward(image, label, example["seed"], scale_range, crop_size, 255, flip=True))
            options = {**CROP, "crop_size": crop_size, "scale_range": scale_range}
            for (image, label), first in zip(batches(self.load("train[:8]", **options)), (0, 4), strict=True):
                np.testing.assert_array_equal(label, [label[..., 0] for _, label in expected[first : first + 4]])
                np.testing.assert_allclose(image, [image for image, _ in expected[first : first + 4]], atol=0.01)

    def test_nothing_is_tuned_while_it_runs(self):
        for dataset in (self.load(**CROP), self.load("validation")):
            assert dataset.options().autotune.enabled is False

    def test_order_changes_with_the_epoch(self):
        whole = {"crop_size": (96, 128), "scale_range": None, "flip": False, "training": True, "batch_size": 1}
        dataset = self.load(**whole)
        first, second = first_labels(dataset), first_labels(dataset)
        assert sorted(first) == sorted(second) and first != second

    def test_size_resizes_first_and_serves_as_crop(self):
        dataset = self.load(training=True, size=(24, 32), batch_size=2)
        assert dataset.element_spec[0].shape == (2, 24, 32, 3)

    def test_shorter_side_needs_a_crop(self):
        dataset = self.load(training=True, size=24, crop_size=(24, 24), scale_range=None, batch_size=2)
        assert dataset.element_spec[0].shape == (2, 24, 24, 3)
        assert batches(self.load("validation[:1]", size=24))[0][0].shape == (1, 24, 32, 3)
        with pytest.raises(ValueError, match=r"a pair \(height, width\), in training. Received: crop_size=24"):
            self.load(training=True, size=24)

    def test_another_tree_and_ignore_class(self):
        tree = ClassTree.load("street_blocks")
        # The same leaves, all top classes, in reverse.
        flat = ClassTree.from_paths([path.rpartition("/")[2] for path in reversed(tree.paths[:17])])
        ours = batches(self.load("validation[:4]", ignore_class=-1))[0][1]
        theirs = batches(self.load("validation[:4]", tree=flat, ignore_class=-1))[0][1]
        np.testing.assert_array_equal(np.where(ours < 0, -1, 16 - ours), theirs)

    @pytest.mark.parametrize("name", UNFIT)
    def test_arguments_of_another_type_or_range_raise(self, name):
        for value in UNFIT[name]:
            with pytest.raises(ValueError, match=f"as `{name}`. Received: {name}="):
                self.load("train[:4]", **{**CROP, name: value})

    def test_all_unfit_arguments_are_told_at_once(self):
        with pytest.raises(ValueError) as error:
            self.load("train[:4]", **{**CROP, "batch_size": 2.5, "seed": 0.5})
        assert len(str(error.value).splitlines()) == 2

    def test_numbers_of_numpy_are_numbers(self):
        sizes = {"size": np.int64(24), "crop_size": np.array([24, 32]), "batch_size": np.int32(2)}
        dataset = self.load("train[:4]", training=True, **sizes, scale_range=np.array([1, 2.0]), seed=np.int64(3))
        assert dataset.element_spec[0].shape == (2, 24, 32, 3)

    def test_invalid_arguments_raise(self, data_dir, tmp_path):
        with pytest.raises(ValueError, match="crop_size"):
            self.load(training=True)
        with pytest.raises(ValueError, match="at least one full batch"):
            self.load("train[:3]", **CROP)
        for split in ("tests", "train[", "train[:10", "trian[:10%]", "", "train[:0]", "train[500:]"):
            with pytest.raises(ValueError, match=re.escape(f"Received: split={split!r}")) as error:
                self.load(split)
            assert "'train' (400 images)" in str(error.value) and "\n" not in str(error.value)
        with pytest.raises(ValueError, match="outside"):
            self.load(ignore_class=5)
        with pytest.raises(TreeError, match="class id 0"):
            self.load(tree=ClassTree.load("helen"))
        with pytest.raises(ValueError, match="street_block"):
            data.load("street_block", "train", data_dir=data_dir)
        with pytest.raises(ValueError, match="Received: 3 for 1 data sets"):
            self.load(["train"] * 3)
        with pytest.raises(ValueError, match="expects a dict from a data set's name, or None, as `class_maps`"):
            self.load(class_maps="map.csv")
        with pytest.raises(ValueError, match="manual_dir"):
            data.load("camvid_tree", "train", data_dir=data_dir, manual_dir=tmp_path / "none")
