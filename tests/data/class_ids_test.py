import numpy as np
import pytest

from hierseg_keras.data.class_ids import node_of_class_id
from hierseg_keras.tree import ClassTree, TreeError


class NodeOfClassIdTest:
    def test_any_node_and_no_label(self):
        # rider 0, sky 1, human 2.
        table = node_of_class_id(ClassTree.from_text("human\n\trider\nsky"), ["sky", "human", None, "human/rider"], 255)
        np.testing.assert_array_equal(table, [1, 2, 255, 0])

    def test_another_tree_over_the_same_classes(self):
        camvid, groups = ClassTree.load("camvid"), ClassTree.load("camvid_groups")
        table = node_of_class_id(groups, camvid.paths[:11], -1)
        np.testing.assert_array_equal(table, np.arange(11))

    def test_every_unknown_class_is_named(self):
        with pytest.raises(TreeError) as error:
            node_of_class_id(ClassTree.from_text("human\n\trider\nsky"), ["ski", "human/rider", "car"], 255)
        assert "class id 0: 'ski'" in str(error.value) and "Did you mean 'sky'" in str(error.value)
        assert "class id 2: 'car'" in str(error.value)
