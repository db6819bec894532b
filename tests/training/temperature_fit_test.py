"""The temperature equals that of an independent optimizer in float64, on the same logits and labels."""

import keras
import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit, logsumexp

tf = pytest.importorskip("tensorflow")
from hierseg_keras.training import find_temperature  # noqa: E402
from hierseg_keras.training.temperature_fit import fit_temperature, pixel_sums  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from hierseg_keras.tree.scores import Scores  # noqa: E402

# Nodes: person, rider, car, bus, sky, human, vehicle. The tree is ragged: sky is a leaf at depth 1.
TREE = ClassTree.from_text("human\n\tperson\n\trider\nvehicle\n\tcar\n\tbus\nsky")
NAMES = list(TREE.names)


def overconfident(kind, seed=0, scale=3.0, labels=None):
    """Batches of logits that are `scale` times those that the labels were drawn from."""
    rng = np.random.default_rng(seed)
    channels = TREE.num_nodes if kind == "nodes" else TREE.num_leaves
    logits = rng.normal(size=(6, 5, 7, channels)) * 1.5
    gumbel = rng.gumbel(size=(6, 5, 7, TREE.num_leaves))
    label = np.argmax(logits[..., : TREE.num_leaves] + gumbel, axis=-1)
    if labels == "mixed":
        coarse = TREE.level_table[-1][label]
        label = np.where(rng.random(label.shape) < 0.4, coarse, label)
    label[rng.random(label.shape) < 0.1] = 255
    return [(label[i : i + 2], (logits[i : i + 2] * scale).astype("float32")) for i in (0, 2, 4)]


def summation(kind, batches, from_logits=True):
    scores = Scores(TREE, kind, from_logits)

    def sums_at(inverse):
        return sum(pixel_sums(scores, label, y_pred, inverse).numpy() for label, y_pred in batches)

    return sums_at


def likelihood(kind, batches):
    """The mean negative log-likelihood at a temperature, pixel by pixel, in float64."""
    pixels = [(y, z.astype("float64")) for ys, zs in batches for y, z in zip(ys.ravel(), zs.reshape(-1, zs.shape[-1]))]
    pixels = [(y, z) for y, z in pixels if y != 255]

    def of_pixel(label, z):
        if kind == "leaves":
            below = [leaf for leaf in range(TREE.num_leaves) if label in (leaf, TREE.parents[leaf])]
            return logsumexp(z) - logsumexp(z[below])
        on_path = {label, TREE.parents[label]} - {-1}
        below = {node for node in range(TREE.num_nodes) if TREE.parents[node] == label}
        probabilities = {v: expit(z[v]) if v in on_path else expit(-z[v]) for v in range(len(z)) if v not in below}
        return -sum(np.log(p) for p in probabilities.values())

    return lambda temperature: np.mean([of_pixel(label, z / temperature) for label, z in pixels])


class FitTemperatureTest:
    @pytest.mark.parametrize("kind", ["nodes", "leaves"])
    def test_blocks_of_pixels_do_not_change_the_sums(self, kind, monkeypatch):
        batches = overconfident(kind, labels="mixed")
        whole = summation(kind, batches)(0.7)
        # Blocks of two pixels of nodes, and of three of leaves. The last one is smaller.
        monkeypatch.setattr("hierseg_keras.training.temperature_fit._BLOCK", 17)
        np.testing.assert_allclose(summation(kind, batches)(0.7), whole, rtol=1e-12)

    @pytest.mark.parametrize("kind", ["leaves", "nodes"])
    @pytest.mark.parametrize("labels", [None, "mixed"])
    @pytest.mark.parametrize("scale", [0.3, 3.0])
    def test_minimizes_the_likelihood_as_scipy_does(self, kind, labels, scale):
        batches = overconfident(kind, scale=scale, labels=labels)
        before, after = fit_temperature(summation(kind, batches))
        nll = likelihood(kind, batches)
        assert before.negative_log_likelihood == pytest.approx(nll(1.0), rel=1e-6)
        best = minimize_scalar(nll, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-7})
        assert after.temperature == pytest.approx(best.x, rel=1e-3)
        assert after.negative_log_likelihood == pytest.approx(best.fun, rel=1e-6)

    @pytest.mark.parametrize("kind", ["leaves", "nodes"])
    def test_derivatives_are_those_of_the_likelihood(self, kind):
        batches, step = overconfident(kind, labels="mixed"), 1e-4
        sums_at, nll = summation(kind, batches), likelihood(kind, batches)
        _, _, slope, curvature = sums_at(0.7)[:4] / sums_at(0.7)[0]
        low, middle, high = (nll(1 / (0.7 + offset)) for offset in (-step, 0, step))
        assert slope == pytest.approx((high - low) / (2 * step), rel=1e-4)
        assert curvature == pytest.approx((high - 2 * middle + low) / step**2, rel=1e-2)

    def test_needs_few_passes_and_recovers_a_known_temperature(self):
        passes = []
        _, after = fit_temperature(summation("leaves", overconfident("leaves", scale=3.0)), passes.append)
        assert len(passes) <= 8 and 2.4 < after.temperature < 3.8

    def test_calibration_error_by_hand(self):
        # Two pixels of confidence 0.8, one of them right, and one of 0.6 that is right: (|1.6 - 1| + |0.6 - 1|) / 3.
        y_pred = np.log([[[[0.8, 0.05, 0.05, 0.05, 0.05], [0.05, 0.8, 0.05, 0.05, 0.05], [0.1, 0.1, 0.1, 0.1, 0.6]]]])
        label = np.array([[[0, 0, NAMES.index("sky")]]])
        before, _ = fit_temperature(summation("leaves", [(label, y_pred)]))
        assert before.calibration_error == pytest.approx(1 / 3) and before.num_pixels == 3

    def test_coarse_label_is_compared_at_its_depth(self):
        # Human: 0.5 + 0.4, although person alone has 0.5.
        y_pred = np.log([[[[0.5, 0.4, 0.04, 0.03, 0.03]]]])
        before, _ = fit_temperature(summation("leaves", [(np.array([[[NAMES.index("human")]]]), y_pred)]))
        assert before.calibration_error == pytest.approx(0.1)

    def test_probabilities_are_read_as_their_logits(self):
        batches = overconfident("leaves")
        softmax = [(y, np.exp(z - logsumexp(z, axis=-1, keepdims=True))) for y, z in batches]
        from_logits = fit_temperature(summation("leaves", batches))[1]
        from_probabilities = fit_temperature(summation("leaves", softmax, from_logits=False))[1]
        assert from_probabilities.temperature == pytest.approx(from_logits.temperature, rel=1e-2)

    def test_separable_labels_end_at_the_smallest_temperature(self):
        logits = np.eye(TREE.num_leaves)[None, None]
        _, after = fit_temperature(summation("leaves", [(np.arange(TREE.num_leaves)[None, None], logits)]))
        assert after.temperature == pytest.approx(1 / 20, rel=1e-3)

    def test_no_labeled_pixel_and_nan_are_errors(self):
        with pytest.raises(ValueError, match="labeled pixels"):
            fit_temperature(summation("leaves", [(np.full((1, 1, 2), 255), np.zeros((1, 1, 2, 5)))]))
        with pytest.raises(FloatingPointError, match="finite logits"):
            fit_temperature(summation("leaves", [(np.zeros((1, 1, 1), int), np.full((1, 1, 1, 5), np.nan))]))


class FindTemperatureTest:
    def test_network_of_ones_own(self):
        image = keras.Input((None, None, 5))
        network = keras.Model(image, keras.layers.Rescaling(3.0)(image))
        batches = [(logits / 3, label) for label, logits in overconfident("leaves")]
        examples = tf.data.Dataset.from_generator(
            lambda: iter(batches),
            output_signature=(tf.TensorSpec((None, 5, 7, 5)), tf.TensorSpec((None, 5, 7), tf.int64)),
        )
        before, after = find_temperature(network, examples, tree=TREE, from_logits=True)
        expected = fit_temperature(summation("leaves", overconfident("leaves")))
        assert after.temperature == pytest.approx(expected[1].temperature, rel=1e-3)
        assert (before.temperature, before.num_pixels) == (1, expected[0].num_pixels)

    def test_ignored_label_may_be_another(self):
        image = keras.Input((2, 2, 5))
        network, label = keras.Model(image, keras.layers.Rescaling(1.0)(image)), np.array([[[0, -1], [-1, 3]]])
        examples = tf.data.Dataset.from_tensors((np.ones((1, 2, 2, 5), "float32"), label))
        before, _ = find_temperature(network, examples, TREE, "leaves", True, ignore_class=-1)
        assert before.num_pixels == 2
        with pytest.raises(ValueError, match="`find_temperature` expects an `ignore_class`"):
            find_temperature(network, examples, TREE, "leaves", True, ignore_class=3)

    def test_scope_of_several_replicas_is_refused(self, two_replicas):
        with two_replicas.scope(), pytest.raises(ValueError, match="`find_temperature` expects to be called outside"):
            find_temperature(None, None)
