"""Data sets whose classes tell left from right: a mirror image has them changed."""

import warnings

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

import tfds_builders  # noqa: F401  Importing registers its data sets with TFDS.

pytest.importorskip("tensorflow")
from hierseg_keras import data  # noqa: E402
from hierseg_keras.data.class_ids import nodes_of_pairs  # noqa: E402
from hierseg_keras.data.node_table import replaced  # noqa: E402
from hierseg_keras.data.sided_classes import sided_classes  # noqa: E402
from hierseg_keras.models import UNet  # noqa: E402
from hierseg_keras.training import RunConfig, for_inference  # noqa: E402
from hierseg_keras.training.build import tree_of  # noqa: E402
from hierseg_keras.training.data_sets import flip_pairs_of  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from tests.manual_data import prepare  # noqa: E402

# Every class once a row; the image is dark where the row begins.
LIP_LABEL, HELEN_LABEL = np.tile(np.arange(20, dtype=np.uint8), (8, 1)), np.tile(np.arange(11, dtype=np.uint8), (8, 1))
IMAGES = ("1_1", "1_2", "1_3", "1_4")


def write_image(path, label):
    path.parent.mkdir(parents=True, exist_ok=True)
    ramp = np.linspace(0, 255, label.shape[1]).astype(np.uint8)
    Image.fromarray(np.broadcast_to(ramp[:, None], (*label.shape, 3)).copy()).save(path, quality=95)


def write_lip(folder):
    for name in IMAGES:
        write_image(folder / "TrainVal_images" / "train_images" / f"{name}.jpg", LIP_LABEL)
        path = folder / "TrainVal_parsing_annotations" / "train_segmentations" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(LIP_LABEL).save(path)


def write_helen(folder):
    for name in IMAGES:
        write_image(folder / "images" / f"{name}.jpg", HELEN_LABEL)
        (folder / "labels" / name).mkdir(parents=True)
        for class_id in range(11):
            probability = np.where(HELEN_LABEL == class_id, 255, 0).astype(np.uint8)
            Image.fromarray(probability).save(folder / "labels" / name / f"{name}_lbl{class_id:02}.png")
    (folder / "exemplars.txt").write_text("".join(f"{n} , {name}\n" for n, name in enumerate(IMAGES, 1)))


class FlipPairsTest:
    @pytest.mark.parametrize(
        "name, write, label, pairs",
        [
            ("lip_tree", write_lip, LIP_LABEL, [(14, 15), (16, 17), (18, 19)]),
            ("helen_tree", write_helen, HELEN_LABEL, [(2, 3), (4, 5)]),
        ],
    )
    def test_left_and_right_change_places_in_a_mirror_image(self, name, write, label, pairs, tmp_path):
        write(tmp_path / "manual")
        prepare(name, tmp_path / "manual", tmp_path / "data")
        options = {"training": True, "crop_size": label.shape, "scale_range": None, "batch_size": len(IMAGES)}
        swapped = label.copy()
        for left, right in pairs:
            swapped[label == left], swapped[label == right] = right, left
        seen = set()
        for image, found in data.load(name, "train", data_dir=tmp_path / "data", **options).repeat(4):
            for picture, nodes in zip(image.numpy(), found.numpy()):
                is_mirrored = bool(picture[0, 0, 0] > picture[0, -1, 0])
                np.testing.assert_array_equal(nodes, swapped[:, ::-1] if is_mirrored else label)
                seen.add(is_mirrored)
        assert seen == {False, True}

    def test_a_tree_may_group_the_classes_otherwise(self, tmp_path):
        write_lip(tmp_path / "manual")
        prepare("lip_tree", tmp_path / "manual", tmp_path / "data")
        own = ClassTree.load("lip")
        tree = ClassTree([f"all/{name}" for name in own.names[: own.num_leaves]])
        values = RunConfig(data={"dataset": "lip_tree", "data_dir": str(tmp_path / "data")}).data
        pairs = flip_pairs_of(values, tree)
        names = [{tree.names[node] for node in pair} for pair in pairs]
        assert {"left-arm", "right-arm"} in names and len(names) == 3
        # The network that averages over mirror images has them too.
        config = RunConfig(data=values)
        wrapped = for_inference(config, UNet(tree, filters=2, num_stages=1), flip=True)
        assert wrapped.flip and tuple(wrapped.scales) == (1.0,)
        assert [{tree.names[node] for node in pair} for pair in wrapped.flip_pairs] == names
        options = {"training": True, "crop_size": LIP_LABEL.shape, "scale_range": None, "batch_size": 1}
        data.load("lip_tree", "train", tree=tree, data_dir=tmp_path / "data", **options)

    @pytest.mark.parametrize("name, num_pairs", [("lip_tree", 3), ("camvid_tree", 0), ("street_blocks", 0)])
    def test_predictions_need_no_prepared_data_set(self, name, num_pairs, tmp_path):
        config = RunConfig(data={"dataset": name, "data_dir": str(tmp_path / "none"), "manual_dir": "/gone"})
        tree = tree_of(config.data)
        wrapped = for_inference(config, UNet(tree, filters=2, num_stages=1), flip=True)
        assert len(wrapped.flip_pairs) == num_pairs and not any(tmp_path.iterdir())

    def test_of_arrays_they_are_passed_or_a_warning_is_raised(self):
        tree, label = ClassTree(["body/left arm", "body/Right_arm", "sky"]), np.array([[0, 2, 1]])
        source = data.from_arrays(np.full((4, 1, 3), 7, np.uint8), np.tile(label, (4, 1, 1)), tree)
        options = {"training": True, "crop_size": (1, 3), "scale_range": None, "batch_size": 4}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            pairs = [("left arm", "Right_arm")]
            found = {
                str(row)
                for _, rows in data.load(source, "train", flip_pairs=pairs, **options).repeat(4)
                for row in rows.numpy()
            }
            assert found == {"[[0 2 1]]"}
            data.load(source, "train", flip=False, **options)
            data.load(source, "train")
        tree = ClassTree(["body/left arm", "body/right arm", "sky"])
        source = data.from_arrays(np.full((4, 1, 3), 7, np.uint8), np.tile(label, (4, 1, 1)), tree)
        with pytest.warns(UserWarning, match=r"flip_pairs=\[\('body/left arm', 'body/right arm'\)\], or flip=False"):
            data.load(source, "train", **options)

    @pytest.mark.parametrize(
        "name, count",
        [
            *[("lip_tree", 3), ("helen_tree", 2), ("mapillary_vistas_tree/v2.0", 2)],
            *[("mapillary_vistas_tree/v2.0_official", 2), ("mapillary_vistas_tree/v1.2", 0)],
            *[("cityscapes_tree/fine", 0), ("camvid_tree/original", 0), ("pascal_person_part_tree", 0)],
        ],
    )
    def test_builders_declare_all_left_and_right_classes(self, name, count, tmp_path):
        info = tfds.builder(name, data_dir=tmp_path).info
        declared = {frozenset(pair) for pair in info.metadata["flip_pairs"]}
        assert declared == set(map(frozenset, sided_classes(ClassTree.from_tfds(info).paths)))
        assert len(declared) == count

    def test_a_run_has_its_own(self):
        config = RunConfig(data={"dataset": "street_blocks", "flip_pairs": [["car", "bus"]], "flip": False})
        tree = ClassTree.load("street_blocks")
        assert config.data.flip_pairs == (("car", "bus"),) and config.data.flip is False
        assert flip_pairs_of(config.data, tree) == [(tree.index("car"), tree.index("bus"))]

    def test_classes_without_a_row_are_left_out(self):
        tree = ClassTree(["left_eye", "right_eye", "nose"])
        pairs = [("left_eye", "right_eye"), ("left_ear", "right_ear")]
        paths = ["left_eye", "right_eye", "nose", "left_ear", "right_ear"]
        assert nodes_of_pairs(tree, pairs, paths, {0: 0, 1: 1}) == [(0, 1)]

    def test_pairs_without_two_nodes_are_left_out(self):
        tree, paths = ClassTree(["eye", "nose"]), ["left_eye", "right_eye", "nose"]
        pairs = [("left_eye", "right_eye"), ("nose", "left_eye"), ("nose", "right_eye")]
        assert nodes_of_pairs(tree, pairs, paths, {0: 0, 1: 0, 2: 1}) == [(1, 0)]
        assert nodes_of_pairs(tree, pairs, paths, {0: 255, 1: 0, 2: 1}) == [(1, 0)]

    def test_internal_nodes_change_places_too_and_other_labels_do_not(self):
        # left/eye 0, left/brow 1, right/eye 2, right/brow 3, nose 4, left 5, right 6.
        tree = ClassTree.from_paths(["left/eye", "left/brow", "right/eye", "right/brow", "nose"])
        labels = np.array([0, 1, 4, 5, 255])
        np.testing.assert_array_equal(replaced(labels, tree.swap([("left", "right")])), [2, 3, 4, 6, 255])
