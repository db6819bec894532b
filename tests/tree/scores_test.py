import keras
import numpy as np
import pytest

from hierseg_keras.tree import ClassTree
from hierseg_keras.tree.probabilities_seen import activation_behind
from hierseg_keras.tree.scores import Scores, infer_scores

LEAF_PATHS = [("human", "person"), ("human", "rider"), ("sky",)]
TREE = ClassTree(LEAF_PATHS)
IS_TENSORFLOW = keras.backend.backend() == "tensorflow"


class ScoresTest:
    def test_kind_is_inferred_from_the_channels(self):
        assert infer_scores(TREE, (1, 2, 2, 4)).kind == "nodes"
        assert infer_scores(TREE, (1, 2, 2, 3)).kind == "leaves"
        with pytest.raises(ValueError, match="per node.*or per leaf"):
            infer_scores(TREE, (1, 2, 2, 5))
        with pytest.raises(ValueError, match='Pass scores="leaves"'):
            infer_scores(ClassTree(["a", "b"]), (1, 2))

    @pytest.mark.parametrize("kind", ["nodes", "leaves"])
    def test_logits_and_probabilities_are_each_others(self, kind):
        rng = np.random.default_rng(0)
        logits = rng.normal(size=(2, 3, Scores(TREE, kind).num_channels)).astype("float32")
        probabilities = Scores(TREE, kind, True).probabilities(logits)
        back = keras.ops.convert_to_numpy(Scores(TREE, kind, False).logits(probabilities))
        # Those of a softmax up to a number of each pixel's.
        difference = back - logits
        np.testing.assert_allclose(difference - (kind == "leaves") * difference[..., :1], 0, atol=1e-5)
        for read in ("probabilities", "node_probabilities"):
            given = ((True, logits), (False, probabilities))
            values = [getattr(Scores(TREE, kind, from_logits), read)(x) for from_logits, x in given]
            np.testing.assert_allclose(*values, rtol=1e-6)

    @pytest.mark.parametrize("kind, values", [("nodes", [0.9, 0.0, 0.3, 1.0]), ("leaves", [0.5, 0.25, 0.25])])
    def test_values_of_probabilities_are_refused_unless_they_are_expected(self, kind, values):
        values = np.array([values], "float32")
        with pytest.raises(ValueError, match=r"`y_pred` expects logits.*all values lie in \[0, 1\].*from_logits=False"):
            Scores(TREE, kind).checked(values)
        for from_logits in (True, False):
            Scores(TREE, kind, from_logits).checked(values)

    @pytest.mark.parametrize("values", [[-0.2, 0.5, 0.2, 0.1], [0.5, 1.2, 0.3, 0.1], [0.0, 0.0, 0.0, 0.0]])
    def test_other_values_are_logits(self, values):
        for from_logits in (None, True):
            Scores(TREE, "nodes", from_logits).checked(np.array(values, "float32"))

    @pytest.mark.parametrize("false", [False, np.False_, 0])
    def test_any_false_means_probabilities(self, false):
        values = np.array([[0.9, 0.0, 0.3, 1.0]], "float32")
        np.testing.assert_array_equal(Scores(TREE, "nodes", false).probabilities(values), values)
        assert infer_scores(TREE, values.shape, "nodes", false) == Scores(TREE, "nodes", False)

    def test_a_look_at_the_first_values_is_not_all(self):
        values = np.full((1000, 4), 0.5, "float32")
        values[-1, -1] = 7
        Scores(TREE, "nodes").checked(values)

    def test_logits_are_refused_where_probabilities_are_expected(self):
        expected = "expects probabilities because from_logits=False. Received: values from -3 to 2"
        with pytest.raises(ValueError, match=expected):
            Scores(TREE, "nodes", False).checked(np.array([-3.0, 2, 0, 0]))
        # As far as a bicubic resize goes, or where something else is wrong.
        for value in (-0.1, 1.1, np.nan):
            Scores(TREE, "nodes", False).checked(np.array([value, 0.5, 0, 0]))

    @pytest.mark.skipif(not IS_TENSORFLOW, reason="graphs of TensorFlow")
    def test_in_a_graph_values_that_are_no_probabilities_become_nan(self):
        import tensorflow as tf

        checked = tf.function(Scores(TREE, "nodes", False).checked, autograph=False)
        values = np.array([[-0.05, 0.5, 1.05, 1], [-3, 0.5, 2, 0]], "float32")
        np.testing.assert_array_equal(checked(values), [values[0], [np.nan, 0.5, np.nan, 0]])


@pytest.mark.skipif(not IS_TENSORFLOW, reason="graphs of TensorFlow")
class ActivationBehindTest:
    @pytest.mark.parametrize("name", ["softmax", "sigmoid"])
    def test_is_seen_in_a_graph_past_what_moves_values(self, name):
        import tensorflow as tf

        moved = [
            lambda x: x,
            lambda x: tf.image.resize(x, (7, 5)),
            lambda x: tf.image.resize(x, (7, 5), "nearest"),
            lambda x: tf.cast(tf.cast(x, "float16"), "float32"),
            lambda x: x[:, 1:, :-1],
            lambda x: tf.pad(x, [[0, 0], [1, 1], [0, 0], [0, 0]]),
            lambda x: tf.identity(tf.transpose(x, (0, 2, 1, 3))),
            lambda x: tf.reshape(x, (1, 9, 4, 1))[..., 0][..., None],
            keras.layers.UpSampling2D(2),
            keras.layers.UpSampling2D(2, interpolation="bilinear"),
            keras.layers.Activation("linear", dtype="float64"),
        ]
        changed = [lambda x: x - 0.5, lambda x: tf.math.log(x), lambda x: x * x, lambda x: tf.nn.relu(x)]
        seen = []

        @tf.function(autograph=False)
        def graph(x):
            for activation in (getattr(tf.nn, name), getattr(keras.activations, name), getattr(keras.ops, name)):
                seen.extend(activation_behind(move(activation(x))) for move in moved)
            seen.extend(activation_behind(change(getattr(tf.nn, name)(x))) for change in changed)
            seen.append(activation_behind(x))

        graph.get_concrete_function(tf.TensorSpec((1, 3, 3, 4), tf.float32))
        assert seen == [f"a {name}"] * 3 * len(moved) + [None] * (len(changed) + 1)

    def test_is_remembered_by_eager_tensors_of_keras(self):
        x = keras.ops.convert_to_tensor([[2.0, -1.0]])
        assert activation_behind(keras.activations.softmax(x)) == "a softmax or sigmoid"
        assert activation_behind(keras.layers.Activation("sigmoid")(x)) == "a softmax or sigmoid"
        assert activation_behind(x) is None and activation_behind(np.zeros(2)) is None
