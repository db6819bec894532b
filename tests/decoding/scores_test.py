"""Every function that reads a prediction takes logits and probabilities, of nodes and leaves, for what they are."""

import keras
import numpy as np
import pytest

from hierseg_keras.decoding import average_scores, best_path, confident_labels, infer_scores, node_probabilities
from hierseg_keras.tree import ClassTree

# Leaves: person, rider, sedan, sky; then car, human, vehicle.
TREE = ClassTree(["human/person", "human/rider", "vehicle/car/sedan", "sky"])
KINDS = [(scores, from_logits) for scores in ("nodes", "leaves") for from_logits in (True, False)]


def logits_of(scores, seed=0):
    channels = TREE.num_nodes if scores == "nodes" else TREE.num_leaves
    return np.random.default_rng(seed).normal(0, 2, (2, 5, 6, channels))


def probabilities_of(logits, scores):
    if scores == "nodes":
        return 1 / (1 + np.exp(-logits))
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(-1, keepdims=True)


def all_nodes(probabilities, scores):
    if scores == "nodes":
        return probabilities
    below = TREE.ancestor_matrix[TREE.num_leaves :, : TREE.num_leaves]
    return np.concatenate([probabilities, probabilities @ below.T], axis=-1)


def path_sums(nodes):
    return np.stack([sum(nodes[..., row[leaf]] for row in TREE.depth_table) for leaf in range(TREE.num_leaves)], -1)


def as_given(logits, scores, from_logits):
    return (logits if from_logits else probabilities_of(logits, scores)).astype("float32")


@pytest.mark.parametrize("scores, from_logits", KINDS)
class ScoresTest:
    def test_node_probabilities_match_numpy(self, scores, from_logits):
        logits = logits_of(scores)
        expected = all_nodes(probabilities_of(logits, scores), scores)
        given = as_given(logits, scores, from_logits)
        np.testing.assert_allclose(node_probabilities(TREE, given, from_logits=from_logits), expected, rtol=1e-5)

    def test_best_paths_match_numpy(self, scores, from_logits):
        logits = logits_of(scores)
        nodes = all_nodes(probabilities_of(logits, scores), scores)
        expected = path_sums(nodes).argmax(-1) if scores == "nodes" else logits.argmax(-1)
        leaf, score = best_path(TREE, as_given(logits, scores, from_logits), from_logits=from_logits)
        np.testing.assert_array_equal(leaf, expected)
        sums = np.take_along_axis(path_sums(nodes), expected[..., None], -1)[..., 0]
        np.testing.assert_allclose(score, sums, rtol=1e-5)

    def test_confident_labels_match_numpy(self, scores, from_logits):
        logits = logits_of(scores)
        nodes = all_nodes(probabilities_of(logits, scores), scores)
        given = as_given(logits, scores, from_logits)
        labels = keras.ops.convert_to_numpy(confident_labels(TREE, given, 0.5, from_logits=from_logits))
        for pixel in np.ndindex(labels.shape):
            # A leaf is as deep as any; a node counts for no more than those above it.
            least = [min(nodes[pixel][TREE.path(node)]) for node in range(TREE.num_nodes)]
            depth = [TREE.num_levels if node < TREE.num_leaves else TREE.depths[node] for node in range(TREE.num_nodes)]
            sure = [node for node in range(TREE.num_nodes) if least[node] >= 0.5]
            expected = max(sure, key=lambda node: (depth[node], least[node]), default=-1)
            assert labels[pixel] == expected

    def test_averages_match_numpy_and_mean_what_is_averaged(self, scores, from_logits):
        parts = [logits_of(scores, seed) for seed in range(3)]
        mean = np.mean([probabilities_of(part, scores) for part in parts], axis=0)
        average = average_scores([as_given(part, scores, from_logits) for part in parts], scores, from_logits)
        average = keras.ops.convert_to_numpy(average).astype("float64")
        np.testing.assert_allclose(probabilities_of(average, scores) if from_logits else average, mean, rtol=1e-5)

    def test_certain_probabilities_are_averaged_too(self, scores, from_logits):
        if from_logits:
            pytest.skip("logits of certain probabilities are infinite")
        certain = np.array([[1.0, 0.0, 0.0, 0.0]], "float32")
        np.testing.assert_allclose(average_scores([certain, certain], scores, False), certain, atol=1e-6)

    def test_probabilities_are_not_taken_for_logits(self, scores, from_logits):
        given = as_given(logits_of(scores), scores, from_logits)
        for read in (node_probabilities, best_path, lambda *args: confident_labels(*args, threshold=0.5)):
            if from_logits:
                read(TREE, given)
                continue
            with pytest.raises(ValueError, match="expects logits. Received: probabilities.* Pass from_logits=False"):
                read(TREE, given)
            with pytest.raises(ValueError, match="expects logits. Received: probabilities"):
                read(TREE, keras.ops.convert_to_tensor(given))


class InferScoresTest:
    def test_from_logits_overrides_the_look_at_values(self):
        uniform = np.full((1, TREE.num_leaves), 0.25, "float32")
        np.testing.assert_allclose(node_probabilities(TREE, uniform, from_logits=True)[0, :4], 0.25)

    def test_zero_logits_are_logits(self):
        for channels in (TREE.num_leaves, TREE.num_nodes):
            node_probabilities(TREE, np.zeros((2, channels)))

    def test_other_values_raise(self):
        with pytest.raises(ValueError, match="`from_logits` expects True or False. Received: from_logits='yes'"):
            infer_scores(TREE, (1, 4), from_logits="yes")


class AverageScoresTest:
    @pytest.mark.parametrize(
        "predictions, scores, from_logits, message",
        [
            ([], "nodes", True, "at least one prediction, .* Received: 0 predictions"),
            ([[0.1, 2.0]], None, True, "Received: 1 predictions, scores=None"),
            ([[0.1, 2.0]], "node", True, '`scores` expects "nodes" or "leaves"'),
            ([[0.1, 2.0]], "nodes", "no", "`from_logits` expects True or False"),
            ([[0.1, 2.0]], "nodes", False, "`y_pred` expects probabilities .* Received: values from 0.1 to 2"),
            ([[0.1, 0.9]], "leaves", None, "`y_pred` expects logits. Received: probabilities"),
        ],
    )
    def test_invalid_arguments_raise(self, predictions, scores, from_logits, message):
        with pytest.raises(ValueError, match=message):
            average_scores(predictions, scores, from_logits)

    def test_small_probabilities_in_half_precision(self):
        given = np.array([[[1e-6, 1.0]], [[1e-4, 1.0]]], "float16")
        expected = given.astype("float64").mean(0)
        averaged = average_scores(given, "leaves", False)
        np.testing.assert_allclose(averaged, expected / expected.sum(-1, keepdims=True), rtol=1e-5)

    def test_predictions_may_come_from_a_generator(self):
        logits = [logits_of("nodes", seed) for seed in range(2)]
        np.testing.assert_array_equal(average_scores(iter(logits), "nodes"), average_scores(logits, "nodes"))

    def test_predictions_of_other_shapes_raise(self):
        with pytest.raises(ValueError, match=r"predictions of one shape. Received: shapes \[\(1, 2\), \(2, 2\)\]"):
            average_scores([np.zeros((1, 2)), np.zeros((2, 2))], "nodes")

    def test_integers_are_no_scores(self):
        with pytest.raises(ValueError, match="`y_pred` expects float scores. Received: dtype int"):
            best_path(TREE, np.zeros((2, TREE.num_nodes), "int64"), from_logits=True)

    def test_none_means_logits(self):
        logits = [logits_of("nodes", seed) for seed in range(2)]
        np.testing.assert_array_equal(average_scores(logits, "nodes", None), average_scores(logits, "nodes"))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("scores", ["nodes", "leaves"])
def test_half_precision_is_decoded_as_metrics_read_it(scores, dtype):
    given = keras.ops.cast(5 * logits_of(scores), dtype)
    exact = keras.ops.cast(given, "float32")
    for decode in (node_probabilities, lambda *args: best_path(*args)[0], lambda *args: confident_labels(*args, 0.5)):
        np.testing.assert_array_equal(decode(TREE, given), decode(TREE, exact))


@pytest.mark.parametrize("channel", range(TREE.num_nodes))
def test_nan_is_not_hidden(channel):
    logits = np.zeros(TREE.num_nodes, "float32")
    logits[channel] = np.nan
    assert np.isnan(best_path(TREE, logits)[1])


def test_lists_are_read():
    logits = logits_of("nodes").astype("float32")
    for decode in (node_probabilities, lambda *args: best_path(*args)[0], lambda *args: confident_labels(*args, 0.5)):
        np.testing.assert_array_equal(decode(TREE, logits.tolist()), decode(TREE, logits))
