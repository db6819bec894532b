"""What a builder may declare."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

from hierseg_keras.tree import ClassTree, TreeError
from tfds_builders.tree_features import tree_dataset_info

TREE = ClassTree.from_text("human\n\tleft\n\tright\nsky")


def info_of(tmp_path, class_paths, **options):
    """The description of a data set that lives in this test alone."""
    with tfds.core.registered.skip_registration():

        class FourClasses(tfds.core.GeneratorBasedBuilder):
            VERSION = tfds.core.Version("1.0.0")

            def _info(self):
                return tree_dataset_info(self, TREE, class_paths, **options)

            def _split_generators(self, dl_manager):
                return {}

            def _generate_examples(self):
                yield 0, {}

    return FourClasses(data_dir=tmp_path).info


class TreeDatasetInfoTest:
    def test_ids_may_mean_inner_nodes_share_one_and_mean_nothing(self, tmp_path):
        info = info_of(tmp_path, ["human", "sky", "human/left", "sky", None, None])
        assert info.metadata["class_paths"] == ["human", "sky", "human/left", "sky", None, None]
        names = info.features["label"].names
        assert names == ["human", "sky (1)", "human/left", "sky (3)", "unlabelled (4)", "unlabelled (5)"]

    def test_unique_names_become_paths(self, tmp_path):
        info = info_of(tmp_path, ["left", "right", "sky"], flip_pairs=[("left", "right")])
        assert info.metadata["class_paths"] == ["human/left", "human/right", "sky"]
        assert info.metadata["flip_pairs"] == [["human/left", "human/right"]]

    def test_path_outside_the_tree_is_refused(self, tmp_path):
        with pytest.raises(TreeError, match="humann"):
            info_of(tmp_path, ["humann"])
        with pytest.raises(TreeError, match="middle"):
            info_of(tmp_path, ["sky"], flip_pairs=[("left", "middle")])

    def test_more_than_256_ids_are_stored_in_16_bits(self, tmp_path):
        assert info_of(tmp_path, ["sky"] + [None] * 255).features["label"].np_dtype == np.uint8
        assert info_of(tmp_path, ["sky"] + [None] * 256).features["label"].np_dtype == np.uint16

    def test_an_example_may_hold_more(self, tmp_path):
        instances = tfds.features.Image(shape=(None, None, 1), dtype=np.uint16, encoding_format="png")
        features = info_of(tmp_path, ["sky"], more_features={"instances": instances}).features
        assert sorted(features) == ["file_name", "image", "instances", "label"]
