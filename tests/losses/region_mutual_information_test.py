"""Region mutual information against the formula worked out in float64 NumPy, region by region."""

import json

import keras
import numpy as np
import pytest

from hierseg_keras.losses import RegionMutualInformation, region_mutual_information
from hierseg_keras.tree import ClassTree
from tests.gradients import double_precision, evaluated, value_and_gradient
from tests.wrong_shapes import SHAPE, check_wrong_shapes

TREE = ClassTree.from_text("human\n\tperson\n\trider\nvehicle\n\tcar\n\tbus\nsky")
HUMAN = TREE.index("human")
IGNORED = 255
IS_TENSORFLOW = keras.backend.backend() == "tensorflow"
only_tensorflow = pytest.mark.skipif(not IS_TENSORFLOW, reason="tf.distribute is TensorFlow's")
# Small regions, so that images are small: nine pixels each, after no pooling.
SMALL = {"pool_size": 1}
# What a covariance of float32 loses beside the regularization, in images of few regions. On JAX the small matrices are
# float32 too.
ROUNDING = 3e-4 if keras.backend.backend() == "tensorflow" else 1e-2


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def drawn_labels(rng, shape=(2, 9, 10), internal=True):
    """Patches of a class, as regions of a scene, and a corner without labels."""
    rows, columns = (np.arange(length) // 3 for length in shape[1:])
    patches = rng.integers(0, TREE.num_nodes if internal else TREE.num_leaves, (shape[0], 9, 9))
    labels = patches[:, rows][:, :, columns]
    labels[0, :2, :4] = IGNORED
    return labels


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def expected_losses(labels, y_pred, scores="nodes", radius=3, pool_size=1, regularization=1e-6, from_logits=True):
    """The loss of each image, by loops over images, channels, cells and regions."""
    y_pred = np.asarray(y_pred, "float64")
    if from_logits:
        y_pred = 1 / (1 + np.exp(-y_pred)) if scores == "nodes" else softmax(y_pred)
    return np.array(
        [
            sum(channel_loss(image, p[..., c], c, radius, pool_size, regularization) for c in range(p.shape[-1]))
            for image, p in zip(labels, y_pred)
        ]
    )


def channel_loss(label, p, channel, radius, pool_size, regularization):
    path = TREE.paths[channel] + "/"
    target, is_known = np.zeros(label.shape), np.zeros(label.shape, bool)
    for place, node in np.ndenumerate(label):
        if node != IGNORED:
            own = TREE.paths[node] + "/"
            target[place] = own.startswith(path)
            is_known[place] = target[place] or not path.startswith(own)
    height, width = (length // pool_size for length in label.shape)
    cells = {}
    for i, j in np.ndindex(height, width):
        cell = np.s_[i * pool_size : (i + 1) * pool_size, j * pool_size : (j + 1) * pool_size]
        known = is_known[cell]
        if known.any():
            cells[i, j] = target[cell][known].mean(), p[cell][known].mean()
    points = []
    for i, j in np.ndindex(height - radius + 1, width - radius + 1):
        region = [(i + k, j + m) for k in range(radius) for m in range(radius)]
        if all(place in cells for place in region):
            points.append([cells[place] for place in region])
    if not points:
        return 0.0
    identity, count = np.eye(radius**2), len(points)
    y, p = np.array(points, "float64").transpose(2, 0, 1)
    y, p = y - y.mean(0), p - p.mean(0)
    inverse = np.linalg.inv(p.T @ p / count + regularization * identity)
    m = y.T @ y / count - y.T @ p / count @ inverse @ p.T @ y / count + regularization * identity
    return np.linalg.slogdet(m)[1] / (2 * radius**2)


def drawn_logits(rng, labels, scores="nodes", dtype="float32"):
    channels = TREE.num_nodes if scores == "nodes" else TREE.num_leaves
    return rng.normal(0, 2, (*labels.shape, channels)).astype(dtype)


class RegionMutualInformationTest:
    @pytest.mark.parametrize("scores", ["nodes", "leaves"])
    @pytest.mark.parametrize("options", [{"pool_size": 1}, {"pool_size": 2, "radius": 2, "regularization": 1e-3}])
    def test_matches_numpy_reference(self, rng, scores, options):
        labels = drawn_labels(rng)
        logits = drawn_logits(rng, labels, scores)
        loss = RegionMutualInformation(TREE, scores, **options)
        mean, per_image = evaluated(lambda x: [loss(labels, x), loss.call(labels, x)], logits)
        expected = expected_losses(labels, logits, scores, **options)
        assert per_image.shape == (2,) and mean.dtype == per_image.dtype == np.float32
        np.testing.assert_allclose(per_image, expected, rtol=ROUNDING)
        np.testing.assert_allclose(mean, expected.mean(), rtol=ROUNDING)
        with double_precision():
            loss = RegionMutualInformation(TREE, scores, **options, dtype="float64")
            (mean,) = evaluated(lambda x: [loss(labels, x)], logits.astype("float64"))
        assert mean.dtype == np.float64
        np.testing.assert_allclose(mean, expected.mean(), rtol=1e-7)

    def test_the_papers_sizes_are_the_defaults(self, rng):
        labels = drawn_labels(rng, (1, 25, 26))
        logits = drawn_logits(rng, labels)
        (value,) = evaluated(lambda x: [region_mutual_information(TREE, labels, x)], logits)
        np.testing.assert_allclose(value, expected_losses(labels, logits, pool_size=4), rtol=ROUNDING)

    def test_the_function_computes_what_the_class_does(self, rng):
        labels = drawn_labels(rng)
        p = rng.uniform(size=(*labels.shape, TREE.num_nodes)).astype("float32")
        expected = RegionMutualInformation(TREE, **SMALL, regularization=1e-2, from_logits=False).call(labels, p)
        labels[labels == IGNORED] = -1
        options = {**SMALL, "regularization": 1e-2, "from_logits": False, "ignore_class": -1}
        for losses in (
            region_mutual_information(TREE.to_text(), labels, p, **options),
            RegionMutualInformation(TREE, **options).call(labels, p),
        ):
            np.testing.assert_array_equal(losses, expected)

    def test_right_answers_are_exact_in_float32(self, rng):
        """A matrix that is all rounding: the labels themselves are predicted."""
        labels = drawn_labels(rng, internal=False)
        labels[labels == IGNORED] = 0
        right = (40.0 * TREE.ancestor_matrix[:, labels].transpose(1, 2, 3, 0) - 20).astype("float32")
        (value,) = evaluated(lambda x: [RegionMutualInformation(TREE, **SMALL)(labels, x)], right)
        np.testing.assert_allclose(value, expected_losses(labels, right).mean(), rtol=ROUNDING)
        wrong = evaluated(lambda x: [RegionMutualInformation(TREE, **SMALL)(labels, x)], drawn_logits(rng, labels))[0]
        assert value < wrong

    @pytest.mark.parametrize("scores", ["nodes", "leaves"])
    def test_gradient_matches_central_differences(self, rng, scores):
        labels = drawn_labels(rng, (1, 5, 6))
        logits = drawn_logits(rng, labels, scores, "float64")
        # Differences are exact where the determinants of these few regions are not all regularization.
        direction, step, regularization = rng.normal(size=logits.shape), 1e-5, 1e-2
        with double_precision():
            options = {**SMALL, "regularization": regularization, "dtype": "float64"}
            loss = RegionMutualInformation(TREE, scores, **options)
            _, gradient = value_and_gradient(lambda x: loss(labels, x), logits, jit=True)
        options = {"scores": scores, "regularization": regularization}
        ahead, behind = (expected_losses(labels, logits + sign * step * direction, **options) for sign in (1, -1))
        np.testing.assert_allclose((gradient * direction).sum(), ((ahead - behind) / (2 * step)).sum(), rtol=1e-5)
        pixel = np.zeros_like(logits)
        pixel[0, 3, 4, 1] = step
        ahead, behind = (expected_losses(labels, logits + sign * pixel, **options) for sign in (1, -1))
        np.testing.assert_allclose(gradient[0, 3, 4, 1], (ahead - behind).sum() / (2 * step), rtol=1e-4)

    def test_ignored_pixels_have_no_effect(self, rng):
        labels, loss = drawn_labels(rng, internal=False), RegionMutualInformation(TREE, **SMALL)
        logits = drawn_logits(rng, labels)
        value, gradient = value_and_gradient(lambda x: loss(labels, x), logits)
        assert (gradient[labels == IGNORED] == 0).all() and np.isfinite(gradient).all() and (gradient != 0).any()
        logits[labels == IGNORED] = np.nan
        other_value, other_gradient = value_and_gradient(lambda x: loss(labels, x), logits)
        assert other_value == value
        np.testing.assert_array_equal(other_gradient, gradient)

    def test_nodes_below_an_internal_label_are_unknown(self, rng):
        loss, below = RegionMutualInformation(TREE, **SMALL), [TREE.index("person"), TREE.index("rider")]
        labels = np.full((1, 6, 6), TREE.index("sky"))
        labels[:, :, 4:] = HUMAN
        logits = drawn_logits(rng, labels)
        _, gradient = value_and_gradient(lambda x: loss(labels, x), logits)
        assert (gradient[:, :, 4:, below] == 0).all() and (gradient[:, :, 4:, HUMAN] != 0).any()

    def test_all_ignored_is_zero_not_nan(self, rng):
        loss, labels = RegionMutualInformation(TREE, **SMALL), np.full((2, 4, 5), IGNORED)
        value, gradient = value_and_gradient(lambda x: loss(labels, x), drawn_logits(rng, labels))
        assert value == 0 and (gradient == 0).all()

    def test_labels_without_a_whole_region_are_zero_not_the_best_value(self, rng):
        loss, labels = RegionMutualInformation(TREE, **SMALL), drawn_labels(rng)
        labels[0] = IGNORED
        labels[0, ::3, ::3] = 0
        logits = drawn_logits(rng, labels)
        of_images = evaluated(lambda: region_mutual_information(TREE, labels, logits, **SMALL))
        np.testing.assert_allclose(of_images, [0, expected_losses(labels, logits)[1]], rtol=ROUNDING)
        value, gradient = value_and_gradient(lambda x: loss(labels, x), logits)
        np.testing.assert_allclose(value, of_images[1], rtol=ROUNDING)
        assert (gradient[0] == 0).all()

    @pytest.mark.parametrize("wrong", [np.nan, np.inf])
    @pytest.mark.parametrize("scores", ["nodes", "leaves"])
    def test_a_score_that_is_not_finite_is_nan(self, rng, scores, wrong):
        labels = drawn_labels(rng, internal=False)
        logits = drawn_logits(rng, labels, scores)
        logits[1, 4, 4, 1] = wrong
        of_images = evaluated(lambda: region_mutual_information(TREE, labels, logits, scores, **SMALL))
        # A sigmoid of infinity is 1.
        is_right = scores == "nodes" and wrong == np.inf
        assert np.isfinite(of_images).tolist() == [True, is_right]
        value, _ = value_and_gradient(lambda x: RegionMutualInformation(TREE, scores, **SMALL)(labels, x), logits)
        assert np.isfinite(value) == is_right

    @only_tensorflow
    @pytest.mark.parametrize("size", [(8, 8), (2, 2), (12, 11)])
    def test_images_smaller_than_a_region_are_nan_where_a_graph_does_not_know_their_size(self, rng, size):
        import tensorflow as tf

        shapes = [tf.TensorSpec((None, None, None), "int32"), tf.TensorSpec((None, None, None, TREE.num_nodes))]
        loss = tf.function(RegionMutualInformation(TREE).__call__, input_signature=shapes)
        labels = rng.integers(0, TREE.num_leaves, (2, *size))
        assert np.isnan(loss(labels, drawn_logits(rng, labels)))
        labels = rng.integers(0, TREE.num_leaves, (2, 12, 12))
        assert np.isfinite(loss(labels, drawn_logits(rng, labels)))

    def test_images_without_labels_are_left_out_of_the_mean(self, rng):
        loss, labels = RegionMutualInformation(TREE, **SMALL), drawn_labels(rng)
        labels[0] = IGNORED
        logits = drawn_logits(rng, labels)
        np.testing.assert_allclose(loss(labels, logits), expected_losses(labels, logits)[1], rtol=ROUNDING)

    def test_sample_weight(self, rng):
        labels, loss = drawn_labels(rng, internal=False), RegionMutualInformation(TREE, **SMALL)
        logits = drawn_logits(rng, labels)
        losses = expected_losses(labels, logits)
        np.testing.assert_allclose(loss(labels, logits, np.array([2.0, 0.5])), losses @ [1, 0.25], rtol=ROUNDING)
        weights = rng.uniform(0.5, 2, labels.shape).astype("float32")
        means = [weights[i][labels[i] != IGNORED].mean() for i in range(2)]
        np.testing.assert_allclose(loss(labels, logits, weights), (losses * means).mean(), rtol=ROUNDING)
        # Pixels of weight 0 are as unlabeled, except in the denominators.
        weights = np.ones_like(weights)
        weights[1, 6:] = 0
        masked, share = np.where(weights == 0, IGNORED, labels), 6 / 9
        losses = expected_losses(masked, logits)
        np.testing.assert_allclose(loss(labels, logits, weights), losses @ [0.5, 0.5 * share], rtol=ROUNDING)
        _, gradient = value_and_gradient(lambda x: loss(labels, x, weights), logits)
        assert (gradient[1, 6:] == 0).all()

    def test_label_outside_the_tree_is_nan(self, rng):
        labels = drawn_labels(rng)
        labels[0, 0, 0] = 99
        assert np.isnan(RegionMutualInformation(TREE, **SMALL)(labels, drawn_logits(rng, labels)))

    def test_probabilities(self, rng):
        labels = drawn_labels(rng)
        p = rng.uniform(size=(*labels.shape, TREE.num_nodes)).astype("float32")
        loss = RegionMutualInformation(TREE, **SMALL, from_logits=False)
        np.testing.assert_allclose(loss(labels, p), expected_losses(labels, p, from_logits=False).mean(), rtol=ROUNDING)
        with pytest.raises(ValueError, match="expects logits. Received: probabilities"):
            RegionMutualInformation(TREE, **SMALL)(labels, p)

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
    def test_half_precision_scores_are_computed_in_float32(self, rng, dtype):
        labels = drawn_labels(rng)
        logits = keras.ops.cast(drawn_logits(rng, labels), dtype)
        exact = keras.ops.convert_to_numpy(keras.ops.cast(logits, "float32"))
        keras.config.set_dtype_policy("mixed_bfloat16" if dtype == "bfloat16" else "mixed_float16")
        try:
            loss = RegionMutualInformation(TREE, **SMALL)
            (value,) = evaluated(lambda x: [loss(labels, x)], logits)
        finally:
            keras.config.set_dtype_policy("float32")
        assert value.dtype == np.float32
        np.testing.assert_allclose(value, expected_losses(labels, exact).mean(), rtol=ROUNDING)

    def test_reductions(self, rng):
        labels = drawn_labels(rng)
        logits = drawn_logits(rng, labels)
        losses = expected_losses(labels, logits)
        for reduction, value in {"sum": losses.sum(), None: losses, "mean_with_sample_weight": losses.mean()}.items():
            loss = RegionMutualInformation(TREE, **SMALL, reduction=reduction)
            np.testing.assert_allclose(loss(labels, logits), value, rtol=ROUNDING)

    def test_weights_of_ones_change_nothing(self, rng):
        labels = drawn_labels(rng)
        labels[1] = IGNORED
        labels[1, 0, 0] = 0
        logits = drawn_logits(rng, labels)
        for reduction in ("sum_over_batch_size", "mean_with_sample_weight", "sum"):
            loss = RegionMutualInformation(TREE, **SMALL, reduction=reduction)
            np.testing.assert_allclose(loss(labels, logits, np.ones(len(labels))), loss(labels, logits), rtol=ROUNDING)

    def test_does_not_depend_on_the_data_format_of_keras(self, rng):
        labels = drawn_labels(rng, (2, 12, 12))
        logits = drawn_logits(rng, labels)
        loss = RegionMutualInformation(TREE, radius=2, pool_size=2)
        expected = float(loss(labels, logits))
        keras.config.set_image_data_format("channels_first")
        try:
            assert float(loss(labels, logits)) == expected
        finally:
            keras.config.set_image_data_format("channels_last")

    def test_config_round_trip(self):
        arguments = {"tree": TREE, "scores": "leaves", "radius": 2, "pool_size": 3, "regularization": 1e-3}
        arguments |= {"from_logits": False, "ignore_class": -1, "normalization": "global", "reduction": "sum"}
        arguments |= {"name": "renamed", "dtype": "float64"}
        loss = RegionMutualInformation(**arguments)
        revived = keras.saving.deserialize_keras_object(
            json.loads(json.dumps(keras.saving.serialize_keras_object(loss)))
        )
        assert revived.get_config() == loss.get_config() == {**arguments, "tree": TREE.to_text()}

    def test_invalid_arguments_raise(self):
        for options, message in (
            ({"scores": "pixels"}, '"nodes" or "leaves". Received: scores=\'pixels\''),
            ({"radius": 0}, "integer `radius` >= 1. Received: radius=0"),
            ({"pool_size": 1.5}, "integer `pool_size` >= 1. Received: pool_size=1.5"),
            ({"regularization": 0}, "regularization > 0. Received: regularization=0"),
            ({"normalization": "batch"}, '"replica" or "global"'),
            ({"normalization": "global", "reduction": "mean_with_sample_weight"}, "computes per replica"),
            ({"dtype": "float16"}, "Received: dtype=float16"),
        ):
            with pytest.raises(ValueError, match=message):
                RegionMutualInformation(TREE, **options)
        with pytest.raises(ValueError, match="images of at least 12 x 12 pixels.*Received: y_pred.shape=.1, 11, 30"):
            RegionMutualInformation(TREE)(np.zeros((1, 11, 30)), np.zeros((1, 11, 30, TREE.num_nodes)))

    def test_wrong_shapes_raise(self):
        loss = RegionMutualInformation(TREE, radius=1, **SMALL)
        check_wrong_shapes(loss, "RegionMutualInformation", TREE, np.zeros((*SHAPE, TREE.num_nodes), "float32"))

    @only_tensorflow
    def test_same_on_one_and_two_replicas(self, rng, two_replicas):
        import tensorflow as tf

        labels = drawn_labels(rng, (4, 6, 6))
        labels[0] = IGNORED
        images = rng.normal(size=(4, 6, 6, 3)).astype("float32")
        with two_replicas.scope():
            model = keras.Sequential([keras.Input((6, 6, 3)), keras.layers.Conv2D(TREE.num_nodes, 1)])
            model.compile("sgd", loss=RegionMutualInformation(TREE, **SMALL, normalization="global"))
        expected = RegionMutualInformation(TREE, **SMALL)(labels, model(images))
        data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(4, drop_remainder=True)
        np.testing.assert_allclose(model.fit(data, verbose=0).history["loss"], [expected], rtol=1e-5)
