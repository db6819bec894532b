"""The short list that every loss along a tree meets; a loss's own test class adds its equation."""

import inspect
import json
import re

import hypothesis.strategies as st
import keras
import numpy as np
import pytest
from hypothesis import given, settings

import hierseg_keras as hs
from hierseg_keras.tree import ClassTree
from tests import reference as equations
from tests.gradients import central_differences, compiled, double_precision, evaluated, value_and_gradient
from tests.random_trees import class_trees
from tests.reference import ReferenceTree
from tests.wrong_shapes import SHAPE, check_labels_that_are_none, check_wrong_shapes, check_wrong_sizes_in_a_graph

IS_TENSORFLOW = keras.backend.backend() == "tensorflow"
only_tensorflow = pytest.mark.skipif(not IS_TENSORFLOW, reason="tf.distribute and SavedModel are TensorFlow's")

SEEDS = st.integers(0, 2**32 - 1)
IGNORED = 255

# Nodes: person, rider, sedan, sky, car, human, vehicle; three levels, a chain and a short branch.
LEAF_PATHS = [("human", "person"), ("human", "rider"), ("vehicle", "car", "sedan"), ("sky",)]
TREE = ClassTree(LEAF_PATHS)
REFERENCE = ReferenceTree(LEAF_PATHS)
PERSON, RIDER, SEDAN, SKY, CAR, HUMAN, VEHICLE = range(7)

# Two images of 2x2 pixels: every node but two, and one ignored pixel in each.
LABELS = np.array([[[PERSON, IGNORED], [HUMAN, SEDAN]], [[IGNORED, SKY], [VEHICLE, CAR]]])


class LossContract:
    """Tests of a loss class, which a subclass names.

    Attributes:
        loss: The class.
        scores: "nodes" or "leaves", which scores it takes.
        pixel_loss, pixel_gradient: Its equation and gradient in NumPy, as in `tests.reference`: functions of a
            `ReferenceTree`, of one pixel's label and logits, and of the arguments below.
        weights: Name of its argument that weighs terms, such as "depth_weights". None if it has no such argument.
        arguments: Dict from the name of each further argument of its equation to the values that tests draw from.
            The last one is not the default.
        rounding: What a loss near 0 may be off by, 0 where it has all digits.
        reference_options: What the equation has to be told to be that of the class's defaults.
        shares_code: Whether its operations are those of another loss, which JAX is tested on whole.
    """

    weights = None
    arguments = {}
    reference_options = {}
    rounding = 0.0
    shares_code = False

    @pytest.fixture(autouse=True)
    def only_equations_on_jax(self, request):
        is_equation = request.function.__name__.startswith(("test_matches", "test_gradient", "test_hand_computed"))
        if self.shares_code and not IS_TENSORFLOW and not is_equation:
            pytest.skip("another loss of the same operations is tested whole")

    # === Inputs ===

    def function(self):
        """The function of the class's equation, which has its name in snake case."""
        return getattr(hs.losses, re.sub("(?<=.)(?=[A-Z])", "_", self.loss.__name__).lower())

    def num_channels(self, tree):
        return tree.num_nodes if self.scores == "nodes" else tree.num_leaves

    def num_weights(self, tree):
        return tree.num_nodes if self.weights == "node_weights" else tree.num_levels

    def logits(self, rng, shape=LABELS.shape, tree=TREE, dtype="float32"):
        """Logits at least 0.1 apart within a pixel, so that a nudge changes no order."""
        channels = self.num_channels(tree)
        ranks = np.stack([rng.permutation(channels) for _ in range(int(np.prod(shape)))]).reshape(*shape, channels)
        return (0.3 * (ranks - channels / 2) + rng.uniform(0, 0.2, ranks.shape)).astype(dtype)

    def drawn_options(self, rng, tree):
        """Options as a user may set them, each or none."""
        options = self.drawn_weights(rng, tree) if rng.integers(2) else {}
        for name, values in self.arguments.items():
            if rng.integers(2):
                options[name] = float(rng.choice(values))
        return options

    def drawn_weights(self, rng, tree=TREE):
        return {} if self.weights is None else {self.weights: rng.uniform(0, 2, self.num_weights(tree))}

    @pytest.fixture
    def with_weights(self):
        if self.weights is None:
            pytest.skip("it has no weights per node, depth or level")

    def expected(self, labels, logits, reference=REFERENCE, ignore_class=IGNORED, equation=None, **options):
        """The reference's losses, one per pixel, with the options of the class's defaults."""
        options = {**self.reference_options, **options}
        return equations.per_pixel(
            equation or type(self).pixel_loss, reference, labels, logits, ignore_class=ignore_class, **options
        )

    @staticmethod
    def drawn_labels(rng, tree, shape=(2, 2, 2), ignore_class=IGNORED):
        """Labels at any node, internal ones included, and some ignored."""
        labels = rng.integers(0, tree.num_nodes, shape)
        return np.where(rng.uniform(size=shape) < 0.3, ignore_class, labels)

    # === The equation ===

    @given(class_trees(min_depth=4, min_leaves=4), SEEDS)
    def test_matches_numpy_reference(self, trees, seed):
        tree, reference = trees
        rng = np.random.default_rng(seed)
        options, ignore_class = self.drawn_options(rng, tree), int(rng.choice([IGNORED, -1, tree.num_nodes]))
        labels = self.drawn_labels(rng, tree, ignore_class=ignore_class)
        logits = rng.normal(0, 3, (*labels.shape, self.num_channels(tree))).astype("float32")
        loss = self.loss(tree, ignore_class=ignore_class, **options)
        mean, per_pixel = evaluated(lambda x: [loss(labels, x), loss.call(labels, x)], logits)
        expected = self.expected(labels, logits, reference, ignore_class, **options)
        assert mean.dtype == per_pixel.dtype == np.float32
        np.testing.assert_allclose(per_pixel, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(mean, equations.masked_mean(expected, labels, ignore_class), rtol=1e-5, atol=1e-6)

    @given(class_trees(min_depth=4, min_leaves=4), SEEDS)
    @settings(max_examples=6 if IS_TENSORFLOW else 1)
    def test_gradient_matches_central_differences(self, trees, seed):
        tree, _ = trees
        rng = np.random.default_rng(seed)
        labels = self.drawn_labels(rng, tree)
        logits = self.logits(rng, labels.shape, tree, "float64")
        options = self.drawn_options(rng, tree)
        with double_precision():
            loss = self.loss(tree, reduction="sum", dtype="float64", **options)
            _, gradient = value_and_gradient(lambda x: loss(labels, x), logits, jit=True)

            def pixel_losses(nudged):
                copies = len(nudged) // len(labels)
                (losses,) = evaluated(lambda x: [loss.call(np.tile(labels, (copies, 1, 1)), x)], nudged)
                return losses

            expected = central_differences(pixel_losses, logits)
        assert gradient.dtype == np.float64
        np.testing.assert_allclose(gradient, expected, atol=1e-8)

    @given(class_trees(min_depth=4, min_leaves=4), SEEDS)
    def test_gradient_where_logits_tie(self, trees, seed):
        tree, reference = trees
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, tree.num_nodes, (2, 2, 2))
        logits = rng.integers(-1, 2, (2, 2, 2, self.num_channels(tree))).astype("float64")
        # The second image's are all zero, as those of a zero-initialized head are.
        logits[1] = 0
        options = self.drawn_options(rng, tree)
        with double_precision():
            loss = self.loss(tree, reduction="sum", dtype="float64", **options)
            _, gradient = value_and_gradient(lambda x: loss(labels, x), logits, jit=True)
        expected = self.expected(labels, logits, reference, equation=type(self).pixel_gradient, **options)
        np.testing.assert_allclose(gradient, expected, atol=1e-8)

    @pytest.mark.parametrize("dtype", ["float16", "float32"])
    def test_the_function_computes_what_the_class_does(self, rng, dtype):
        options, logits = self.drawn_options(rng, TREE), self.logits(rng, dtype=dtype)
        function = self.function()
        (losses,) = evaluated(lambda x: [function(TREE, LABELS, x, **options)], logits)
        assert losses.dtype == np.float32
        expected = self.loss(TREE, **options).call(LABELS, logits.astype("float32"))
        np.testing.assert_allclose(losses, expected, rtol=1e-6)
        losses = function(TREE.to_text(), LABELS[..., None].astype("float32"), logits, **options)
        np.testing.assert_array_equal(losses, expected)

    def test_arguments_of_the_function_are_checked(self, rng):
        function, logits = self.function(), self.logits(rng)
        name = f"`{function.__name__}` expects"
        with pytest.raises(ValueError, match=f"{name} one channel per"):
            function(TREE, LABELS, logits[..., 1:])
        with pytest.raises(ValueError, match=f"{name} an `ignore_class` outside"):
            function(TREE, LABELS, logits, ignore_class=SKY)
        with pytest.raises(ValueError, match=f"{name} one integer label per pixel"):
            function(TREE, LABELS[:, :1], logits)
        with pytest.raises(ValueError, match=f"{name} `from_logits` to be True or False"):
            function(TREE, LABELS, logits, from_logits=None)

    @pytest.mark.usefixtures("with_weights")
    def test_weights_of_the_function_are_checked(self, rng):
        function = self.function()
        with pytest.raises(ValueError, match=f"`{function.__name__}` expects one finite weight >= 0 per"):
            function(TREE, LABELS, self.logits(rng), **{self.weights: [1.0]})

    def test_the_function_takes_arguments_of_the_class(self):
        """All but those that are about a mean over pixels or about Keras."""
        of_class = set(inspect.signature(self.loss).parameters)
        of_function = set(inspect.signature(self.function()).parameters) - {"y_true", "y_pred"}
        assert of_function == of_class - {"class_weights", "normalization", "averaging", "reduction", "name", "dtype"}

    def test_graph_equals_eager(self, rng):
        logits, loss = self.logits(rng), self.loss(TREE)
        np.testing.assert_allclose(compiled(loss)(LABELS, logits), loss(LABELS, logits), rtol=1e-6)

    # === Logits and probabilities ===

    def probabilities(self, logits):
        return equations.probabilities_of(logits, self.scores)

    @given(class_trees(min_leaves=2), SEEDS)
    @settings(max_examples=4 if IS_TENSORFLOW else 1)
    def test_probabilities_match_numpy_reference(self, trees, seed):
        tree, reference = trees
        rng = np.random.default_rng(seed)
        labels, options = self.drawn_labels(rng, tree), self.drawn_options(rng, tree)
        logits = rng.normal(0, 2, (*labels.shape, self.num_channels(tree)))
        loss = self.loss(tree, from_logits=False, **options)
        (per_pixel,) = evaluated(lambda x: [loss.call(labels, x)], self.probabilities(logits).astype("float32"))
        np.testing.assert_allclose(per_pixel, self.expected(labels, logits, reference, **options), rtol=1e-4, atol=1e-5)

    def test_gradient_through_probabilities_is_that_of_the_logits(self, rng):
        logits = self.logits(rng)
        activation = keras.ops.sigmoid if self.scores == "nodes" else keras.ops.softmax
        loss, of_probabilities = (self.loss(TREE, from_logits=flag) for flag in (True, False))
        expected = value_and_gradient(lambda x: loss(LABELS, x), logits)
        result = value_and_gradient(lambda x: of_probabilities(LABELS, activation(x)), logits)
        np.testing.assert_allclose(result[0], expected[0], rtol=1e-5)
        np.testing.assert_allclose(result[1], expected[1], rtol=1e-4, atol=1e-6)

    @pytest.mark.parametrize("probability", [0.0, 1.0])
    def test_probability_of_zero_or_one_is_finite(self, probability):
        loss = self.loss(TREE, from_logits=False)
        probabilities = np.full((*LABELS.shape, self.num_channels(TREE)), probability, "float32")
        value, gradient = value_and_gradient(lambda x: loss(LABELS, x), probabilities)
        assert np.isfinite(value) and np.isfinite(gradient).all()

    def test_nan_probability_at_an_ignored_pixel_reaches_nothing(self, rng):
        loss, probabilities = self.loss(TREE, from_logits=False), self.probabilities(self.logits(rng)).astype("float32")
        value, gradient = value_and_gradient(lambda x: loss(LABELS, x), probabilities)
        probabilities[LABELS == IGNORED] = np.nan
        other_value, other_gradient = value_and_gradient(lambda x: loss(LABELS, x), probabilities)
        np.testing.assert_allclose(value, other_value, rtol=1e-6)
        np.testing.assert_allclose(gradient, other_gradient, rtol=1e-6, atol=1e-7)

    def test_values_of_probabilities_are_no_logits(self, rng):
        labels, logits = np.tile(LABELS, (4, 2, 1)), self.logits(rng, (8, 4, 2))
        probabilities = self.probabilities(logits).astype("float32")
        with pytest.raises(ValueError) as caught:
            self.loss(TREE)(labels, probabilities)
        message = str(caught.value)
        start = f"`{self.loss.__name__}` expects logits. Received: probabilities, because all values lie in"
        assert message.startswith(start)
        assert message.endswith("Pass from_logits=False.")
        assert np.isfinite(self.loss(TREE, from_logits=False)(labels, probabilities))

    def test_logits_are_no_probabilities(self, rng):
        with pytest.raises(
            ValueError, match="`y_pred` expects probabilities because from_logits=False. Received: values"
        ):
            self.loss(TREE, from_logits=False)(LABELS, 3 * self.logits(rng))

    @pytest.mark.parametrize("from_logits", [None, "no", 2])
    def test_unknown_from_logits_raises(self, from_logits):
        received = f"Received: from_logits={from_logits!r}"
        message = f"{self.loss.__name__}` expects `from_logits` to be True or False. {received}"
        with pytest.raises(ValueError, match=message):
            self.loss(TREE, from_logits=from_logits)

    def test_few_logits_between_0_and_1_are_logits(self):
        logits = np.linspace(0.1, 0.9, self.num_channels(TREE), dtype="float32").reshape(1, 1, 1, -1)
        assert np.isfinite(self.loss(TREE)(np.array([[[PERSON]]]), logits))

    @only_tensorflow
    def test_output_of_an_activation_is_no_logit_in_a_graph(self, rng):
        """Here after an enlargement."""
        import tensorflow as tf

        activation = tf.nn.sigmoid if self.scores == "nodes" else tf.nn.softmax
        graph = tf.function(lambda x: self.loss(TREE)(LABELS, tf.image.resize(activation(x), (2, 2))))
        with pytest.raises(
            ValueError, match="because they are the output of a (sigmoid|softmax). Pass from_logits=False"
        ):
            graph(self.logits(rng, (2, 1, 1)))

    @only_tensorflow
    def test_sizes_unknown_until_run(self, rng):
        import tensorflow as tf

        loss, logits = self.loss(TREE), self.logits(rng)
        sizes = [tf.TensorSpec((None, None, None), tf.int64)]
        sizes += [tf.TensorSpec((None, None, None, logits.shape[-1]), tf.float32)]
        np.testing.assert_allclose(tf.function(loss, sizes)(LABELS, logits), loss(LABELS, logits), rtol=1e-6)

    def test_depths_sum_to_the_loss(self, rng):
        weights = {} if self.weights is None else {self.weights: np.zeros(self.num_weights(TREE))}
        logits, loss = self.logits(rng), self.loss(TREE, **weights)
        per_depth, is_counted = loss.per_depth(LABELS, logits)
        assert tuple(per_depth.shape) == (2, 2, 2, TREE.num_levels)
        np.testing.assert_array_equal(is_counted, (LABELS != IGNORED)[..., None])
        # Unweighted, whatever the weights of the loss itself.
        np.testing.assert_allclose(np.sum(per_depth, axis=-1), self.expected(LABELS, logits), rtol=1e-5)

    # === Averaging by depth ===

    def weights_at(self, reference, depth, options=None):
        """The equation's arguments for the terms of one depth alone; level `l` is depth `D - l + 1`."""
        options = options or {}
        weights = np.asarray(options.get(self.weights, np.ones(self.num_weights(reference))))
        places = range(1, reference.num_levels + 1)
        depths = {
            "node_weights": [reference.depth(v) for v in range(reference.num_nodes)],
            "depth_weights": places,
            "level_weights": places[::-1],
        }
        is_there = np.array(depths[self.weights]) == depth
        return {**options, self.weights: weights * is_there}

    def expected_terms(self, reference, labels, logits, equation=None, **options):
        """The reference's terms of each pixel and depth, or their gradients: a list of `D` arrays."""
        return [
            self.expected(labels, logits, reference, equation=equation, **self.weights_at(reference, depth, options))
            for depth in range(1, reference.num_levels + 1)
        ]

    @given(class_trees(min_depth=3, min_leaves=3), SEEDS)
    @settings(max_examples=6 if IS_TENSORFLOW else 1)
    def test_matches_numpy_reference_by_depth(self, trees, seed):
        """Value and gradient of every reduction, with all weights."""
        tree, reference = trees
        rng = np.random.default_rng(seed)
        options, labels = self.drawn_options(rng, tree), self.drawn_labels(rng, tree)
        if rng.integers(2):
            # Without labels at leaves no pixel has terms at the greatest depth.
            labels = np.where(labels < tree.num_leaves, IGNORED, labels)
        logits = self.logits(rng, labels.shape, tree, "float64")
        classes = rng.uniform(0, 3, tree.num_nodes) * rng.integers(0, 2, tree.num_nodes)
        classes = classes if rng.integers(2) else np.ones(tree.num_nodes)
        by_pixel = equations.pixel_weights(labels, IGNORED, classes)
        sample_weight = rng.uniform(0, 2, labels.shape) if rng.integers(2) else np.ones(labels.shape)
        terms = np.stack(self.expected_terms(reference, labels, logits, **options), axis=-1)
        slopes = self.expected_terms(
            reference, labels, logits, type(self).pixel_gradient, **{**self.reference_options, **options}
        )
        means, weighted, gradient = 0, 0, 0
        per_pixel = np.zeros(labels.shape)
        for depth in range(1, tree.num_levels + 1):
            reaches = equations.labels_at(reference, depth, labels) != IGNORED
            counted, both = by_pixel * reaches, by_pixel * reaches * sample_weight
            means += (terms[..., depth - 1] * both).sum() / (counted.sum() or 1)
            weighted += (terms[..., depth - 1] * both).sum() / (both.sum() or 1)
            gradient += slopes[depth - 1] * both[..., None] / (counted.sum() or 1)
            per_pixel += terms[..., depth - 1] * both * by_pixel.sum() / (counted.sum() or 1)
        expected = {
            "sum_over_batch_size": means,
            "mean_with_sample_weight": weighted,
            "sum": means * by_pixel.sum(),
            None: per_pixel,
        }
        np.testing.assert_allclose(
            equations.depth_mean(reference, terms, labels, IGNORED, sample_weight, classes), means, rtol=1e-10
        )
        with double_precision():
            options |= {"class_weights": classes, "averaging": "depth", "dtype": "float64"}
            losses = {reduction: self.loss(tree, reduction=reduction, **options) for reduction in expected}
            values = evaluated(lambda x: [loss(labels, x, sample_weight) for loss in losses.values()], logits)
            for value, right in zip(values, expected.values()):
                assert value.dtype == np.float64
                np.testing.assert_allclose(value, right, rtol=1e-9, atol=1e-12)
            loss = losses["sum_over_batch_size"]
            _, slope = value_and_gradient(lambda x: loss(labels, x, sample_weight), logits, jit=True)
        np.testing.assert_allclose(slope, gradient, atol=1e-8)

    def test_matches_averaging_by_pixels_if_all_labels_are_leaves(self, rng):
        labels = np.where(LABELS == IGNORED, IGNORED, rng.integers(0, TREE.num_leaves, LABELS.shape))
        options = {**self.drawn_weights(rng), "class_weights": rng.uniform(0, 3, TREE.num_nodes)}
        logits, sample_weight = self.logits(rng), rng.uniform(0, 2, LABELS.shape).astype("float32")
        for reduction in ("sum_over_batch_size", "mean_with_sample_weight", "sum", None):
            plain = self.loss(TREE, reduction=reduction, **options)
            by_depth = self.loss(TREE, reduction=reduction, averaging="depth", **options)
            expected = keras.ops.convert_to_numpy(plain(labels, logits, sample_weight))
            np.testing.assert_allclose(by_depth(labels, logits, sample_weight), expected, rtol=2e-6)

    def test_averaging_by_depth_of_labels_of_one_depth_is_by_pixels_down_to_it(self, rng):
        """Labels at depth 1 alone: the mean of the terms of depth 1, and nothing of deeper ones."""
        labels, logits = (
            np.where(LABELS == IGNORED, IGNORED, rng.choice([HUMAN, VEHICLE], LABELS.shape)),
            self.logits(rng),
        )
        value, gradient = value_and_gradient(lambda x: self.loss(TREE, averaging="depth")(labels, x), logits)
        only = self.weights_at(REFERENCE, 1)
        expected, slope = value_and_gradient(lambda x: self.loss(TREE, **only)(labels, x), logits)
        np.testing.assert_allclose(value, expected, rtol=1e-6)
        np.testing.assert_allclose(gradient, slope, rtol=1e-6, atol=1e-8)

    def test_coarse_pixels_have_no_part_in_the_terms_of_deeper_depths(self, rng):
        """Their gradient is exactly 0, and they leave the denominator."""
        labels, logits = LABELS.copy(), self.logits(rng)
        for depth in (2, 3):
            loss = self.loss(TREE, averaging="depth", **self.weights_at(REFERENCE, depth))
            value, gradient = value_and_gradient(lambda x: loss(labels, x), logits)
            is_coarse = equations.labels_at(REFERENCE, depth, labels) == IGNORED
            assert is_coarse.sum() == {2: 4, 3: 5}[depth]
            assert (gradient[is_coarse] == 0).all() and (gradient[~is_coarse] != 0).any()
            cut = np.where(is_coarse, IGNORED, labels)
            np.testing.assert_allclose(
                value, self.loss(TREE, **self.weights_at(REFERENCE, depth))(cut, logits), rtol=1e-6
            )

    @pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight", "mean"])
    def test_nothing_labeled_is_zero_not_nan_by_depth(self, rng, reduction):
        logits = self.logits(rng)
        plain = self.loss(TREE, averaging="depth", reduction=reduction)
        no_weight = self.loss(TREE, averaging="depth", reduction=reduction, class_weights=np.zeros(TREE.num_nodes))
        for loss, labels in ((plain, np.full_like(LABELS, IGNORED)), (no_weight, LABELS)):
            value, gradient = value_and_gradient(lambda x: loss(labels, x), logits)
            assert value == 0 and (gradient == 0).all()

    def test_ignored_pixels_have_no_effect_by_depth(self, rng):
        loss, logits = self.loss(TREE, averaging="depth"), self.logits(rng)
        value, gradient = value_and_gradient(lambda x: loss(LABELS, x), logits)
        logits[LABELS == IGNORED] = np.nan
        other_value, other_gradient = value_and_gradient(lambda x: loss(LABELS, x), logits)
        np.testing.assert_allclose(value, other_value, rtol=1e-6)
        np.testing.assert_allclose(gradient, other_gradient, rtol=1e-6, atol=1e-7)
        padded = np.pad(LABELS, ((0, 0), (0, 3), (0, 1)), constant_values=IGNORED)
        (cut,) = evaluated(lambda x: [loss(padded, x)], np.pad(logits, ((0, 0), (0, 3), (0, 1), (0, 0))))
        np.testing.assert_allclose(value, cut, rtol=1e-6)

    @pytest.mark.parametrize("label", [-1, TREE.num_nodes, 254])
    def test_label_outside_the_tree_is_nan_by_depth(self, rng, label):
        labels, logits = np.where(LABELS < TREE.num_leaves, IGNORED, LABELS), self.logits(rng)
        labels[0, 0, 0] = label
        loss = self.loss(TREE, averaging="depth")
        losses = keras.ops.convert_to_numpy(loss.call(labels, logits))
        assert np.isnan(losses[0, 0, 0]) and np.isnan(losses).sum() == 1
        assert np.isnan(loss(labels, logits))
        no_weight = self.loss(TREE, averaging="depth", class_weights=np.zeros(TREE.num_nodes))
        assert np.isnan(no_weight(labels, logits))

    def test_nan_logit_at_a_coarse_pixel_is_noticed_by_depth(self, rng):
        """Also one that the label excludes at a deeper depth, whose term has no part in the mean."""
        logits = self.logits(rng, (1, 1, 1))
        logits[..., SEDAN] = np.nan
        value, gradient = value_and_gradient(
            lambda x: self.loss(TREE, averaging="depth")(np.array([[[HUMAN]]]), x), logits
        )
        assert np.isnan(value) and np.isnan(gradient).any()

    def test_call_by_depth_has_the_loss_as_its_mean(self, rng):
        weights, logits = rng.uniform(0, 3, TREE.num_nodes), self.logits(rng)
        loss = self.loss(TREE, averaging="depth", class_weights=weights)
        losses = keras.ops.convert_to_numpy(loss.call(LABELS, logits))
        expected = equations.masked_mean(losses, LABELS, IGNORED, class_weights=weights)
        np.testing.assert_allclose(loss(LABELS, logits), expected, rtol=1e-6)

    @only_tensorflow
    def test_graph_and_xla_equal_eager_by_depth(self, rng):
        """In a graph, with sizes unknown until it runs."""
        import tensorflow as tf

        if self.shares_code:
            pytest.skip("slow, and averaging is code of the base class")
        loss, logits = self.loss(TREE, averaging="depth"), self.logits(rng)
        expected = float(loss(LABELS, logits))
        np.testing.assert_allclose(tf.function(loss, jit_compile=True)(LABELS, logits), expected, rtol=1e-6)
        sizes = [tf.TensorSpec((None, None, None), tf.int64)]
        sizes += [tf.TensorSpec((None, None, None, logits.shape[-1]), tf.float32)]
        np.testing.assert_allclose(tf.function(loss, sizes)(LABELS, logits), expected, rtol=1e-6)

    def test_per_depth_tells_which_pixels_each_depth_is_averaged_over(self, rng):
        logits, weights = self.logits(rng), {self.weights: np.zeros(self.num_weights(TREE))}
        terms, is_counted = self.loss(TREE, averaging="depth", **weights).per_depth(LABELS, logits)
        expected = np.stack(self.expected_terms(REFERENCE, LABELS, logits), axis=-1)
        reaches = [equations.labels_at(REFERENCE, depth, LABELS) != IGNORED for depth in (1, 2, 3)]
        np.testing.assert_array_equal(is_counted, np.stack(reaches, axis=-1))
        np.testing.assert_allclose(terms, expected * np.stack(reaches, axis=-1), rtol=1e-5, atol=1e-6)

    @pytest.mark.parametrize("averaging", ["levels", None, 1])
    def test_unknown_averaging_raises(self, averaging):
        message = (
            f'{self.loss.__name__}` expects `averaging` to be "pixels" or "depth". Received: averaging={averaging!r}'
        )
        with pytest.raises(ValueError, match=message):
            self.loss(TREE, averaging=averaging)

    def test_config_without_averaging_makes_a_loss_by_pixels(self):
        config = self.loss(TREE).get_config()
        assert config.pop("averaging") == "pixels"
        assert self.loss.from_config(config).averaging == "pixels"

    # === Labels and ignored pixels ===

    def test_call_gives_one_value_per_pixel(self, rng):
        losses = keras.ops.convert_to_numpy(self.loss(TREE).call(LABELS, self.logits(rng)))
        assert losses.shape == LABELS.shape
        assert ((losses == 0) == (LABELS == IGNORED)).all()

    @pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float32"])
    def test_labels_of_any_dtype_with_or_without_channel(self, rng, dtype):
        loss, logits = self.loss(TREE), self.logits(rng)
        expected = float(loss(LABELS, logits))
        assert float(loss(LABELS.astype(dtype), logits)) == expected
        assert float(loss(LABELS.astype(dtype)[..., None], logits)) == expected

    def test_image_of_width_one(self, rng):
        """Not to be mistaken for a label map with a channel."""
        labels, loss = LABELS[:, :, :1], self.loss(TREE)
        logits = self.logits(rng, labels.shape)
        expected = equations.masked_mean(self.expected(labels, logits), labels)
        for value in evaluated(lambda x: [loss(labels, x), loss(labels[..., None], x)], logits):
            np.testing.assert_allclose(value, expected, rtol=1e-5)

    def test_ignored_pixels_have_no_effect(self, rng):
        loss, logits = self.loss(TREE), self.logits(rng)
        is_ignored = LABELS == IGNORED
        other = np.where(is_ignored[..., None], 1e4 * np.sign(self.logits(rng)), logits)
        value, gradient = value_and_gradient(lambda x: loss(LABELS, x), logits)
        other_value, other_gradient = value_and_gradient(lambda x: loss(LABELS, x), other.astype("float32"))
        np.testing.assert_allclose(value, other_value, rtol=1e-6)
        np.testing.assert_allclose(gradient, other_gradient, rtol=1e-6, atol=1e-7)
        assert (gradient[is_ignored] == 0).all() and (gradient[~is_ignored] != 0).any()

    @pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
    def test_ignored_pixels_are_as_if_cut_off(self, rng, reduction):
        """They leave the denominator too."""
        loss, logits = self.loss(TREE, reduction=reduction), self.logits(rng)
        padded_labels = np.pad(LABELS, ((0, 0), (0, 3), (0, 1)), constant_values=IGNORED)
        padded_logits = np.pad(logits, ((0, 0), (0, 3), (0, 1), (0, 0)))
        (value,) = evaluated(lambda x: [loss(padded_labels, x)], padded_logits)
        np.testing.assert_allclose(value, loss(LABELS, logits), rtol=1e-6)

    def test_batch_without_images_is_zero(self, rng):
        assert float(self.loss(TREE)(LABELS[:0], self.logits(rng)[:0])) == 0

    @pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight", "mean"])
    def test_all_ignored_is_zero_not_nan(self, rng, reduction):
        labels, loss = np.full_like(LABELS, IGNORED), self.loss(TREE, reduction=reduction)
        value, gradient = value_and_gradient(lambda x: loss(labels, x), self.logits(rng))
        assert value == 0
        assert (gradient == 0).all()

    @pytest.mark.parametrize("ignore_class", [-1, -100, TREE.num_nodes, 1000])
    def test_ignore_class_outside_the_nodes(self, rng, ignore_class):
        logits = self.logits(rng)
        labels = np.where(LABELS == IGNORED, ignore_class, LABELS)
        loss = self.loss(TREE, ignore_class=ignore_class)
        assert float(loss(labels, logits)) == float(self.loss(TREE)(LABELS, logits))
        # 255 is then a label as wrong as any.
        assert np.isnan(loss(LABELS, logits))

    @pytest.mark.parametrize("label", [-1, TREE.num_nodes, 254, 256])
    def test_label_outside_the_tree_is_nan(self, rng, label):
        labels, logits, loss = LABELS.copy(), self.logits(rng), self.loss(TREE)
        labels[0, 0, 0] = label
        losses = keras.ops.convert_to_numpy(loss.call(labels, logits))
        assert np.isnan(losses[0, 0, 0]) and np.isnan(losses).sum() == 1
        assert np.isnan(loss(labels, logits))

    def test_what_is_no_label_never_becomes_one(self, rng):
        tree = ClassTree(["a/b", "a/c", "d"])
        loss, logits = self.loss(tree), self.logits(rng, (1, 1, 2), tree)
        graph = compiled(lambda labels: loss(labels, logits))
        check_labels_that_are_none(lambda labels: loss(labels, logits), graph, self.loss.__name__)

    def test_labels_of_wrong_shapes_raise(self, rng):
        loss = self.loss(TREE)
        check_wrong_shapes(loss, self.loss.__name__, TREE, self.logits(rng, SHAPE))

    @only_tensorflow
    def test_wrong_sizes_unknown_until_run_are_not_broadcast(self, rng):
        check_wrong_sizes_in_a_graph(self.loss(TREE), self.logits(rng, SHAPE))

    # === Class weights ===

    def test_class_weights_match_numpy_reference(self, rng):
        """Value and gradient, a label at an internal node by its own weight, with and without sample weights."""
        weights = rng.uniform(0, 3, TREE.num_nodes)
        logits = self.logits(rng, dtype="float64")
        losses = self.expected(LABELS, logits)
        gradients = self.expected(LABELS, logits, equation=type(self).pixel_gradient)
        by_pixel = equations.pixel_weights(LABELS, IGNORED, weights)
        with double_precision():
            for sample_weight in (None, rng.uniform(0, 2, LABELS.shape)):
                of_pixels = by_pixel if sample_weight is None else by_pixel * sample_weight
                expected = equations.masked_mean(losses, LABELS, IGNORED, sample_weight, weights)
                for reduction, divisor in (("sum_over_batch_size", by_pixel.sum()), ("sum", 1)):
                    loss = self.loss(TREE, class_weights=weights, reduction=reduction, dtype="float64")
                    value, gradient = value_and_gradient(lambda x: loss(LABELS, x, sample_weight), logits)
                    np.testing.assert_allclose(value, (losses * of_pixels).sum() / divisor, rtol=1e-10)
                    np.testing.assert_allclose(gradient, gradients * of_pixels[..., None] / divisor, atol=1e-8)
                np.testing.assert_allclose((losses * of_pixels).sum() / by_pixel.sum(), expected)
            weighted = self.loss(TREE, class_weights=weights, reduction="mean_with_sample_weight", dtype="float64")
            value = (losses * of_pixels).sum() / of_pixels.sum()
            np.testing.assert_allclose(weighted(LABELS, logits, sample_weight), value, rtol=1e-10)

    def test_equal_class_weights_change_nothing(self, rng):
        logits = self.logits(rng)
        loss = self.loss(TREE, class_weights=np.full(TREE.num_nodes, 7.5))
        np.testing.assert_allclose(loss(LABELS, logits), self.loss(TREE)(LABELS, logits), rtol=1e-6)

    def test_class_weights_by_node(self):
        """A name, a path and an index; other nodes weigh 1."""
        loss = self.loss(TREE, class_weights={"sky": 3, "vehicle/car": 0, HUMAN: 0.5})
        assert loss.class_weights == [1, 1, 1, 3, 0, 0.5, 1]

    @pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
    def test_all_class_weights_zero_is_zero_not_nan(self, rng, reduction):
        loss = self.loss(TREE, class_weights=np.zeros(TREE.num_nodes), reduction=reduction)
        value, gradient = value_and_gradient(lambda x: loss(LABELS, x), self.logits(rng))
        assert value == 0 and (gradient == 0).all()

    def test_label_outside_the_tree_is_nan_whatever_classes_weigh(self, rng):
        labels = np.where(LABELS == PERSON, 100, LABELS)
        assert np.isnan(self.loss(TREE, class_weights=np.zeros(TREE.num_nodes))(labels, self.logits(rng)))

    @pytest.mark.parametrize(
        "weights, message",
        [
            ([1.0] * 6, r"one finite weight >= 0 per node of `tree` \(7\). Received: class_weights=\[1.0, "),
            ([-1.0] * 7, "one finite weight >= 0"),
            ({"sky": np.nan}, "one finite weight >= 0"),
            ({"sky": 1, SKY: 2}, "expects each node once in `class_weights`"),
            ("inverse_frequency", "`data.class_weights` computes weights from the counts"),
            ({"skye": 1}, "'skye' is not a node of the tree"),
            ({"sky": "heavy"}, "one finite weight >= 0 .* Received: class_weights=.*'heavy'"),
            ([[1], 2, 3, 4, 5, 6, 7], "one finite weight >= 0 "),
        ],
    )
    def test_invalid_class_weights_raise(self, weights, message):
        with pytest.raises(ValueError, match=message):
            self.loss(TREE, class_weights=weights)

    def test_name_of_a_top_class_and_of_a_class_below_it_is_refused(self):
        tree = ClassTree(["human/person", "sky/sky"])
        with pytest.raises(ValueError, match="'sky', the name of the top class and of 'sky/sky'. Pass the path"):
            self.loss(tree, class_weights={"sky": 2})
        for key, node in (("sky/sky", 1), (("sky",), 3)):
            weights = np.ones(tree.num_nodes)
            weights[node] = 2
            assert self.loss(tree, class_weights={key: 2}).class_weights == weights.tolist()

    # === Weights and reductions ===

    @pytest.mark.parametrize("shape", [(2,), (2, 2, 2), (2, 2, 2, 1)])
    def test_sample_weight(self, rng, shape):
        logits = self.logits(rng)
        sample_weight = rng.uniform(0, 2, shape).astype("float32")
        by_pixel = sample_weight.reshape(2, 1, 1) if len(shape) == 1 else sample_weight.reshape(2, 2, 2)
        losses = self.expected(LABELS, logits)
        is_labeled = LABELS != IGNORED
        expected = {
            "sum_over_batch_size": equations.masked_mean(losses, LABELS, sample_weight=by_pixel),
            "mean": equations.masked_mean(losses, LABELS, sample_weight=by_pixel),
            "sum": (losses * by_pixel).sum(),
            "mean_with_sample_weight": (losses * by_pixel).sum() / (is_labeled * by_pixel).sum(),
            "none": losses * by_pixel,
            None: losses * by_pixel,
        }
        for reduction, value in expected.items():
            loss = self.loss(TREE, reduction=reduction)
            np.testing.assert_allclose(loss(LABELS, logits, sample_weight), value, rtol=1e-5)

    def test_nan_at_an_ignored_pixel_reaches_nothing(self, rng):
        logits, loss = self.logits(rng), self.loss(TREE)
        value, gradient = value_and_gradient(lambda x: loss(LABELS, x), logits)
        logits[LABELS == IGNORED] = np.nan
        other_value, other_gradient = value_and_gradient(lambda x: loss(LABELS, x), logits)
        np.testing.assert_allclose(value, other_value, rtol=1e-6)
        np.testing.assert_allclose(gradient, other_gradient, rtol=1e-6, atol=1e-7)

    def test_reductions(self, rng):
        logits = self.logits(rng)
        losses = self.expected(LABELS, logits)
        mean = losses.sum() / 6
        expected = {"sum": losses.sum(), "none": losses, None: losses, "mean": mean, "mean_with_sample_weight": mean}
        for reduction, value in expected.items():
            np.testing.assert_allclose(self.loss(TREE, reduction=reduction)(LABELS, logits), value, rtol=1e-5)

    # === Extreme logits ===

    def extreme_logits(self, rng):
        """±1e4 with random signs, all equal, and 1e4 against 1e4 less a little; a pixel for every label.

        The little is 16, as 1e4 - 10 is no float16, so that all precisions hold the same logits.
        """
        shape = (1, TREE.num_nodes, 8, self.num_channels(TREE))
        random_signs = 1e4 * rng.choice([-1.0, 1.0], shape)
        all_equal = np.full(shape, 1e4)
        close = 1e4 - 16 * rng.integers(0, 2, shape)
        return np.concatenate([random_signs, all_equal, -all_equal, close, -close])

    @pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
    def test_extreme_logits(self, rng, dtype):
        logits = keras.ops.cast(self.extreme_logits(rng), dtype)
        exact = keras.ops.convert_to_numpy(keras.ops.cast(logits, "float32"))
        labels = np.broadcast_to(np.arange(TREE.num_nodes)[:, None], exact.shape[:-1])
        keras.config.set_dtype_policy("mixed_bfloat16" if dtype == "bfloat16" else "mixed_float16")
        try:
            per_pixel, total = self.loss(TREE, reduction=None), self.loss(TREE, reduction="sum")
            (losses,) = evaluated(lambda x: [per_pixel(labels, x)], logits)
            value, gradient = value_and_gradient(lambda x: total(labels, x), logits, jit=True)
        finally:
            keras.config.set_dtype_policy("float32")
        expected = self.expected(labels, exact)
        assert losses.dtype == value.dtype == np.float32
        np.testing.assert_allclose(losses, expected, rtol=1e-6, atol=self.rounding)
        # A sum of hundreds of terms rounds more than each: by up to half a unit in the last place per term.
        np.testing.assert_allclose(value, expected.sum(), rtol=expected.size * 2.0**-24)
        assert np.isfinite(gradient.astype("float32")).all()

    def test_logits_a_little_apart_at_1e4(self, rng):
        shape = (1, TREE.num_nodes, 8, self.num_channels(TREE))
        logits = (1e4 - 10 * rng.integers(0, 2, shape)).astype("float32")
        labels = np.broadcast_to(np.arange(TREE.num_nodes)[:, None], shape[:-1])
        loss = self.loss(TREE)
        (losses,) = evaluated(lambda x: [loss.call(labels, x)], logits)
        np.testing.assert_allclose(losses, self.expected(labels, logits), rtol=1e-6, atol=self.rounding)

    def test_nan_logits_are_not_hidden(self, rng):
        """A NaN in any channel that a label speaks of."""
        channels = self.num_channels(TREE)
        logits = self.logits(rng, (channels, TREE.num_nodes, 1))
        logits[np.arange(channels), :, :, np.arange(channels)] = np.nan
        labels = np.broadcast_to(np.arange(TREE.num_nodes)[:, None], logits.shape[:-1])
        loss = self.loss(TREE)
        value, losses = evaluated(lambda x: [loss(labels, x), loss.call(labels, x)], logits)
        for channel, label, _ in np.ndindex(*labels.shape):
            if self.scores == "leaves" or REFERENCE.is_known(label, channel):
                assert np.isnan(losses[channel, label, 0]), (channel, label)
        assert np.isnan(value)

    def test_tree_of_one_class(self):
        tree = ClassTree(["road"])
        logits, labels = np.full((1, 1, 2, 1), 2, "float32"), np.array([[[0, IGNORED]]])
        expected, loss = self.expected(labels, logits, ReferenceTree([("road",)])).sum(), self.loss(tree)
        (value,) = evaluated(lambda x: [loss(labels, x)], logits)
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-7)

    # === Arguments ===

    def test_tree_may_be_given_as_text(self):
        assert self.loss(TREE.to_text()).tree == TREE

    def test_config_round_trip(self, rng):
        arguments = {
            "tree": TREE,
            **self.drawn_weights(rng),
            **{name: values[-1] for name, values in self.arguments.items()},
            "ignore_class": -7,
            "reduction": "sum",
            "name": "renamed",
            "normalization": "global",
            "averaging": "depth",
            "from_logits": False,
            "class_weights": rng.uniform(0, 2, TREE.num_nodes),
            "dtype": "float64",
        }
        parameters = inspect.signature(self.loss).parameters
        assert arguments.keys() == parameters.keys()
        with double_precision():
            loss = self.loss(**arguments)
            config = json.loads(json.dumps(keras.saving.serialize_keras_object(loss)))
            assert parameters.keys() <= config["config"].keys()
            revived = keras.saving.deserialize_keras_object(config)
            assert type(revived) is self.loss
            assert revived.get_config() == loss.get_config()
            assert revived.tree == TREE and revived.dtype == "float64"
            labels = np.where(LABELS == IGNORED, -7, LABELS)
            probabilities = self.probabilities(self.logits(rng, dtype="float64"))
            value, revived_value = evaluated(lambda x: [loss(labels, x), revived(labels, x)], probabilities)
            assert value == revived_value != 0 and value.dtype == np.float64

    def test_default_config_makes_the_same_loss(self, rng):
        logits, loss = self.logits(rng), self.loss(TREE)
        revived = self.loss.from_config(loss.get_config())
        assert revived.get_config() == loss.get_config()
        assert float(revived(LABELS, logits)) == float(loss(LABELS, logits))

    @pytest.mark.usefixtures("with_weights")
    def test_weights_multiply_terms(self, rng):
        logits, twos = self.logits(rng), np.full(self.num_weights(TREE), 2)
        loss = self.loss(TREE, **{self.weights: twos})
        np.testing.assert_allclose(loss(LABELS, logits), 2 * float(self.loss(TREE)(LABELS, logits)), rtol=1e-6)

    @pytest.mark.usefixtures("with_weights")
    @pytest.mark.parametrize("make", [lambda n: [1] * (n + 1), lambda n: [-1] * n, lambda n: [np.nan] * n])
    def test_invalid_weights_raise(self, make):
        count = self.num_weights(TREE)
        message = rf"{self.loss.__name__}` expects one finite weight >= 0 per .*\({count}\). Received: {self.weights}="
        with pytest.raises(ValueError, match=message):
            self.loss(TREE, **{self.weights: make(count)})

    @pytest.mark.parametrize("ignore_class", [0, SKY, VEHICLE])
    def test_ignore_class_that_is_a_node_raises(self, ignore_class):
        with pytest.raises(ValueError, match=rf"outside \[0, 7\).*ignore_class={ignore_class}, .*a negative integer"):
            self.loss(TREE, ignore_class=ignore_class)

    @pytest.mark.parametrize("ignore_class", [True, 254.5])
    def test_ignore_class_that_is_no_integer_raises(self, ignore_class):
        with pytest.raises(ValueError, match=f"an integer `ignore_class`. Received: ignore_class={ignore_class}"):
            self.loss(TREE, ignore_class=ignore_class)

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
    def test_half_precision_raises(self, dtype):
        with pytest.raises(ValueError, match=f"Received: dtype={dtype}. Pass dtype='float32'"):
            self.loss(TREE, dtype=dtype)

    def test_tree_of_a_wrong_type_raises(self):
        with pytest.raises(TypeError, match="`tree` expects a `ClassTree`"):
            self.loss(["human", "sky"])

    def test_wrong_channel_count_raises(self):
        right = self.num_channels(TREE)
        wrong, remedy = (4, "number of leaves") if right == 7 else (7, "number of nodes")
        kind = {4: "leaf", 7: "node"}[right]
        for channels, message in ((wrong, f"{wrong} is the {remedy}"), (5, "the same tree")):
            with pytest.raises(ValueError) as caught:
                self.loss(TREE)(LABELS, np.zeros((2, 2, 2, channels), "float32"))
            assert f"`{self.loss.__name__}` expects one channel per {kind} of `tree` ({right})" in str(caught.value)
            assert f"Received: y_pred.shape=(2, 2, 2, {channels})" in str(caught.value)
            assert message in str(caught.value)

    # === Under Keras ===

    def small_model(self, rng):
        model = keras.Sequential([keras.Input((2, 2, 3)), keras.layers.Conv2D(self.num_channels(TREE), 1)])
        model.set_weights([rng.normal(size=weight.shape) for weight in model.get_weights()])
        return model

    def test_saved_model_loads_without_custom_objects(self, rng, tmp_path):
        model, images = self.small_model(rng), rng.normal(size=(2, 2, 2, 3)).astype("float32")
        loss = self.loss(TREE, **self.drawn_weights(rng), ignore_class=-1)
        model.compile("sgd", loss=loss)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert type(loaded.loss) is self.loss
        assert loaded.loss.get_config() == loss.get_config()
        labels = np.where(LABELS == IGNORED, -1, LABELS)
        np.testing.assert_allclose(loaded.test_on_batch(images, labels), loss(labels, model(images)), rtol=1e-6)

    def test_unknown_normalization_raises(self):
        with pytest.raises(ValueError, match='"replica" with `reduction="mean_with_sample_weight"`'):
            self.loss(TREE, normalization="global", reduction="mean_with_sample_weight")
        with pytest.raises(ValueError, match='"replica" or "global". Received: normalization=\'batch\''):
            self.loss(TREE, normalization="batch")

    @only_tensorflow
    @pytest.mark.parametrize("averaging", ["pixels", "depth"])
    def test_same_on_one_and_two_replicas(self, rng, two_replicas, averaging):
        import tensorflow as tf

        images, labels = rng.normal(size=(4, 2, 2, 3)).astype("float32"), np.concatenate([LABELS, LABELS[::-1]])
        # The first replica's half holds one labeled pixel only, by depth a coarse one.
        labels[:2] = IGNORED
        labels[0, 0, 0] = RIDER if averaging == "pixels" else HUMAN
        weights = rng.uniform(0, 3, TREE.num_nodes)
        with two_replicas.scope():
            model = self.small_model(rng)
            loss = self.loss(TREE, class_weights=weights, normalization="global", averaging=averaging)
            model.compile(keras.optimizers.SGD(0.1), loss=loss)
        with tf.GradientTape() as tape:
            loss = self.loss(TREE, class_weights=weights, averaging=averaging)(labels, model(images))
        gradients = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
        expected = [weight - 0.1 * gradient for weight, gradient in zip(model.get_weights(), gradients)]
        data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(4, drop_remainder=True)
        history = model.fit(data, shuffle=False, verbose=0).history
        np.testing.assert_allclose(history["loss"], [loss], rtol=1e-5)
        for weight, stepped in zip(model.get_weights(), expected):
            np.testing.assert_allclose(weight, stepped, rtol=1e-4, atol=1e-6)
