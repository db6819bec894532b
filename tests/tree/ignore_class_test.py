import numpy as np
import pytest

from hierseg_keras.tree import ClassTree, check_ignore_class

# Eleven leaves and a group of all of them, as CamVid has it, whose files store 11 for void.
TREE = ClassTree.from_paths([f"group/{leaf}" for leaf in range(11)])


class CheckIgnoreClassTest:
    def test_integers_outside_the_tree(self):
        for ignore_class in (255, -1, 12, np.uint8(255), np.int64(-7)):
            found = check_ignore_class("Loss", TREE, ignore_class)
            assert found == ignore_class and type(found) is int

    def test_a_node_is_named_and_the_way_out_is_told(self):
        with pytest.raises(ValueError) as error:
            check_ignore_class("Loss", TREE, 11)
        message = str(error.value)
        assert "Received: ignore_class=11, which is 'group'." in message
        assert "If label maps store 11 for pixels without a label, map it to 'ignore' with a `data.ClassMap`" in message
        assert "`apply`" in message

    @pytest.mark.parametrize("ignore_class", [None, True, 255.0, np.float32(255), np.nan, np.inf, "255"])
    def test_what_is_no_integer_raises(self, ignore_class):
        with pytest.raises(ValueError, match="`Loss` expects an integer `ignore_class`. Received: ignore_class="):
            check_ignore_class("Loss", TREE, ignore_class)
