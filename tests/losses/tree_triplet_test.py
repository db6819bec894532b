"""The tree-triplet loss against the equation worked out in float64, triplet by triplet."""

import hypothesis
import hypothesis.strategies as st
import keras
import numpy as np
import pytest

from hierseg_keras.losses import TreeTriplet, tree_triplet
from hierseg_keras.losses.tree_triplet import draw_triplets
from hierseg_keras.tree import ClassTree
from tests.gradients import compiled
from tests.random_trees import class_trees
from tests.wrong_shapes import SHAPE, check_labels_that_are_none, check_wrong_shapes, wrong_label_shapes

TREE = ClassTree.from_text("human\n\tperson\n\trider\nvehicle\n\tcar\n\t\tsedan\n\t\tvan\n\tbus\nsky")
IGNORED = 255
IS_TENSORFLOW = keras.backend.backend() == "tensorflow"


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def psi(tree, u, v):
    """The distance of two leaves, from their paths alone."""
    common = 0
    for a, b in zip(tree.paths[u].split("/"), tree.paths[v].split("/")):
        if a != b:
            break
        common += 1
    return 0 if u == v else 2 * (tree.num_levels - common)


def leaves_below(tree, node):
    path = tree.paths[node]
    return [k for k in range(tree.num_leaves) if (tree.paths[k] + "/").startswith(path + "/")]


def gap(tree, anchor, positive, negative):
    """The least difference of the distances over all leaves that the three may stand for."""
    return min(
        psi(tree, a, n) - psi(tree, a, p)
        for a in leaves_below(tree, anchor)
        for p in leaves_below(tree, positive)
        for n in leaves_below(tree, negative)
    )


def expected_losses(tree, labels, embeddings, pixels, distance="cosine", margin=None, tolerance=0.1, scale=0.5):
    labels, embeddings = labels.reshape(-1), embeddings.reshape(-1, embeddings.shape[-1]).astype(np.float64)

    def measure(x, y):
        if distance == "euclidean":
            return np.linalg.norm(x - y)
        return (1 - x @ y / (np.linalg.norm(x) * np.linalg.norm(y))) / 2

    losses = []
    for a, p, n in zip(*pixels):
        m = tolerance + scale * gap(tree, labels[a], labels[p], labels[n]) / (2 * tree.num_levels)
        m = m if margin is None else margin
        losses.append(max(measure(embeddings[a], embeddings[p]) - measure(embeddings[a], embeddings[n]) + m, 0))
    return np.array(losses)


def drawn(loss, labels):
    """The pixels of the triplets that the next call draws, and its differences and validity."""
    labels = keras.ops.convert_to_tensor(labels.reshape(-1), "int32")
    options = (loss.num_triplets, loss.positives, loss.seed_generator)
    pixels, gaps, can_draw = draw_triplets(loss.tree, labels, *options)
    return [np.asarray(p) for p in pixels], np.asarray(gaps), bool(can_draw)


class TreeTripletTest:
    def test_steps_have_the_draws_of_as_many_calls(self, rng):
        labels = rng.integers(0, TREE.num_leaves, (2, 8, 8))
        embeddings = rng.normal(size=(2, 8, 8, 3)).astype("float32")
        loss, resumed = (TreeTriplet(TREE, num_triplets=5, seed=1) for _ in range(2))
        values = [float(loss(labels, embeddings)) for _ in range(3)]
        resumed.go_to_step(2)
        assert len(set(values)) == 3 and float(resumed(labels, embeddings)) == values[2]

    @pytest.mark.parametrize(
        "options",
        [{"margin": 0.2, "distance": "euclidean"}, {"positives": "class", "tolerance": 0.3, "margin_scale": 0.1}],
    )
    def test_the_function_computes_what_the_class_does(self, rng, options):
        labels, embeddings = rng.integers(0, TREE.num_nodes, (2, 4, 5)), rng.normal(size=(2, 4, 5, 3)).astype("float32")
        loss = TreeTriplet(TREE, 20, **options, seed=3)
        seed_generator = keras.random.SeedGenerator(3)
        for _ in range(2):
            losses = tree_triplet(TREE.to_text(), labels, embeddings, seed_generator, 20, **options)
            np.testing.assert_array_equal(losses, loss.call(labels, embeddings))

    def test_the_function_names_itself_in_errors(self, rng):
        labels, embeddings = np.zeros((1, 2, 2), int), rng.normal(size=(1, 2, 2, 3))
        seed_generator = keras.random.SeedGenerator(3)
        for options, message in (
            ({"num_triplets": 0}, "`num_triplets` >= 1"),
            ({"distance": "city"}, "`distance` among"),
            ({"ignore_class": 0}, "`ignore_class` outside"),
        ):
            with pytest.raises(ValueError, match=f"`tree_triplet` expects .*{message}"):
                tree_triplet(TREE, labels, embeddings, seed_generator, **options)

    @pytest.mark.parametrize("distance", ["cosine", "euclidean"])
    @pytest.mark.parametrize("margin", ["tree", 0.3])
    def test_matches_numpy_reference(self, rng, distance, margin):
        labels = rng.integers(0, TREE.num_leaves, (2, 4, 5))
        embeddings = rng.normal(size=(2, 4, 5, 3)).astype("float32")
        options = {"distance": distance, "margin": margin, "tolerance": 0.2, "margin_scale": 0.7, "seed": 1}
        pixels, _, _ = drawn(TreeTriplet(TREE, 50, **options), labels)
        losses = expected_losses(
            TREE, labels, embeddings, pixels, distance, None if margin == "tree" else margin, 0.2, 0.7
        )
        assert losses.max() > 0
        value = np.asarray(TreeTriplet(TREE, 50, **options).call(labels, embeddings))
        np.testing.assert_allclose(value, losses, rtol=1e-4, atol=1e-6)
        assert float(TreeTriplet(TREE, 50, **options)(labels, embeddings)) == pytest.approx(losses.mean(), rel=1e-5)

    def test_projecting_drawn_pixels_equals_projecting_the_map(self, rng):
        labels, embeddings = (
            rng.integers(0, TREE.num_leaves, (2, 4, 5)),
            rng.normal(size=(2, 4, 5, 3)).astype("float32"),
        )
        layers = [keras.layers.Conv2D(6, 1, activation="relu"), keras.layers.Conv2D(2, 1)]
        projection = keras.Sequential([keras.Input((None, None, 3)), *layers])
        weights = (rng.random((2, 4, 5)) > 0.3).astype("float32")
        whole = np.asarray(TreeTriplet(TREE, 50, seed=1)(labels, projection(embeddings), weights))
        sizes = []

        def counted(pixels):
            sizes.append(tuple(pixels.shape))
            return projection(pixels)

        value = np.asarray(TreeTriplet(TREE, 50, seed=1)(labels, embeddings, weights, projection=counted))
        np.testing.assert_allclose(value, whole, rtol=1e-5)
        assert whole > 0 and sizes == [(150, 1, 1, 3)]
        seed_generator = keras.random.SeedGenerator(1)
        losses = tree_triplet(TREE, labels, embeddings, seed_generator, 50, projection=projection)
        expected = TreeTriplet(TREE, 50, seed=1).call(labels, projection(embeddings))
        np.testing.assert_allclose(losses, expected, rtol=1e-4, atol=1e-6)

    @hypothesis.given(trees=class_trees(min_leaves=2), seed=st.integers(0, 2**31 - 1))
    def test_triplets_are_ordered_for_every_leaf(self, trees, seed):
        """Internal labels too: of any height, on any tree."""
        tree, _ = trees
        labels = np.random.default_rng(seed).integers(0, tree.num_nodes, 12)
        (anchor, positive, negative), gaps, can_draw = drawn(TreeTriplet(tree, 20, seed=seed), labels)
        possible = any(
            gap(tree, labels[a], labels[p], labels[n]) > 0
            for a in range(12)
            for p in range(12)
            for n in range(12)
            if a != p
        )
        assert can_draw == possible
        if possible:
            assert (anchor != positive).all()
            for triplet, difference in zip(zip(labels[anchor], labels[positive], labels[negative]), gaps):
                assert gap(tree, *triplet) == difference > 0

    @hypothesis.given(trees=class_trees())
    def test_distance_bounds_are_those_of_the_leaves(self, trees):
        tree, _ = trees
        least, largest = tree.distance_bounds
        for u in range(tree.num_nodes):
            for v in range(tree.num_nodes):
                distances = [psi(tree, a, b) for a in leaves_below(tree, u) for b in leaves_below(tree, v)]
                assert (min(distances), max(distances)) == (least[u, v], largest[u, v])

    def test_classes_are_drawn_alike_however_many_pixels_they_have(self, rng):
        labels = np.zeros((1, 40, 50), int)
        labels[0, 0, :5] = range(1, 6)
        labels[0, 1, :5] = range(1, 6)
        (anchor, _, _), _, can_draw = drawn(TreeTriplet(TREE, 6000, seed=0), labels)
        counts = np.bincount(labels.reshape(-1)[anchor], minlength=6)
        assert can_draw and counts.min() > 850 and counts.max() < 1150
        assert len(np.unique(anchor[labels.reshape(-1)[anchor] == 0])) > 700

    def test_every_possible_pair_of_classes_is_drawn(self):
        (_, positive, negative), _, _ = drawn(TreeTriplet(TREE, 3000, seed=0), np.array([0, 0, 1, 1, 2, 5, 5]))
        # Of the sedan there is one pixel, and nothing that is nearer to it than all others.
        assert set(positive) == {0, 1, 2, 3, 5, 6} and set(negative) == {0, 1, 2, 3, 4, 5, 6}

    def test_positives_of_the_class(self):
        loss = TreeTriplet(TREE, 300, positives="class", seed=0)
        labels = np.array([0, 0, 1, 1, 2, 7])
        (anchor, positive, negative), _, _ = drawn(loss, labels)
        # One pixel alone has no positive of its class, and 7, an internal node, none of a known leaf.
        assert set(labels[anchor]) == {0, 1} and (labels[anchor] == labels[positive]).all()
        assert (anchor != positive).all() and (labels[anchor] != labels[negative]).all()

    def test_draws_anew_and_the_same_for_the_same_seed(self, rng):
        labels, embeddings = rng.integers(0, 6, (1, 9, 9)), rng.normal(size=(1, 9, 9, 4))
        one, two, other = (TreeTriplet(TREE, seed=seed) for seed in (1, 1, 2))
        first = [float(one(labels, embeddings)) for _ in range(3)]
        assert len(set(first)) == 3
        assert [float(two(labels, embeddings)) for _ in range(3)] == first
        assert float(other(labels, embeddings)) not in first

    @pytest.mark.parametrize(
        "labels", [np.full((1, 4, 4), IGNORED), np.zeros((1, 4, 4), int), np.array([[[0, IGNORED]]])]
    )
    def test_nothing_valid_is_zero_with_zero_gradient(self, labels, rng):
        embeddings = rng.normal(size=(*labels.shape, 4)).astype("float32")
        loss = TreeTriplet(TREE, seed=0)
        assert float(loss(labels, embeddings)) == 0
        if IS_TENSORFLOW:
            assert not np.asarray(gradient(loss, labels, embeddings)).any()

    def test_embeddings_of_any_stride(self, rng):
        """A pixel of the embedding has the label in the middle of its part of the image."""
        labels = rng.integers(0, 6, (2, 3, 4))
        embeddings = rng.normal(size=(2, 3, 4, 5))
        large = np.full((2, 15, 20), IGNORED)
        large[:, 2::5, 2::5] = labels
        values = [float(TreeTriplet(TREE, seed=3)(y, embeddings)) for y in (labels, large, large[..., None])]
        assert values[0] == values[1] == values[2] > 0

    def test_ignored_and_weightless_pixels_are_not_drawn(self, rng):
        labels, embeddings = rng.integers(0, 6, (2, 4, 4)), rng.normal(size=(2, 4, 4, 5))
        expected = np.where(np.arange(4) < 2, labels, IGNORED)
        embeddings[:, :, 2:] = np.nan
        weights = np.broadcast_to(np.arange(4) < 2, labels.shape).astype("float32")
        assert np.isfinite(float(TreeTriplet(TREE, seed=3)(expected, embeddings)))
        value = float(TreeTriplet(TREE, seed=3)(labels, embeddings, weights))
        assert value == float(TreeTriplet(TREE, seed=3)(expected, embeddings))
        of_image = float(TreeTriplet(TREE, seed=3)(labels[:, :, :2], embeddings[:, :, :2], np.array([1.0, 0.0])))
        assert of_image == float(TreeTriplet(TREE, seed=3)(labels[:1, :, :2], embeddings[:1, :, :2]))

    @pytest.mark.parametrize("label", [-1, 9, 254])
    def test_label_outside_the_tree_is_nan(self, label, rng):
        labels = rng.integers(0, 6, (1, 8, 8))
        labels[0, 0, 0] = label
        assert np.isnan(float(TreeTriplet(TREE, seed=0)(labels, rng.normal(size=(1, 4, 4, 3)))))

    @pytest.mark.parametrize("distance", ["cosine", "euclidean"])
    def test_equal_and_empty_embeddings_have_finite_gradients(self, distance):
        labels = np.array([[[0, 0, 1, 5]]])
        for embeddings in (np.zeros((1, 1, 4, 3), "float32"), np.ones((1, 1, 4, 3), "float32")):
            loss = TreeTriplet(TREE, distance=distance, seed=0)
            assert float(loss(labels, embeddings)) > 0
            if IS_TENSORFLOW:
                assert np.isfinite(gradient(loss, labels, embeddings)).all()

    @pytest.mark.skipif(not IS_TENSORFLOW, reason="tf.function")
    def test_compiled_equals_eager(self, rng):
        import tensorflow as tf

        labels, embeddings = rng.integers(0, 6, (1, 9, 9)), rng.normal(size=(1, 9, 9, 4)).astype("float32")
        eager, compiled = TreeTriplet(TREE, seed=1), TreeTriplet(TREE, seed=1)
        function = tf.function(lambda y, x: compiled(y, x))
        for _ in range(2):
            assert float(function(labels, embeddings)) == pytest.approx(float(eager(labels, embeddings)), rel=1e-5)
        # XLA draws numbers of its own.
        function = tf.function(lambda y, x: compiled(y, x), jit_compile=True)
        values = [float(function(labels, embeddings)) for _ in range(2)]
        assert values == pytest.approx([float(eager(labels, embeddings))] * 2, rel=0.3) and values[0] != values[1]

    @pytest.mark.skipif(not IS_TENSORFLOW, reason="tf.distribute")
    def test_replicas_draw_apart_and_their_losses_are_averaged(self, rng, two_replicas):
        import tensorflow as tf

        labels, embeddings = rng.integers(0, 6, (1, 9, 9)), rng.normal(size=(1, 9, 9, 4)).astype("float32")
        with two_replicas.scope():
            loss = TreeTriplet(TREE, seed=1)

        @tf.function
        def run():
            return two_replicas.run(lambda: (loss(labels, embeddings), loss.call(labels, embeddings)))

        shares, values = run()
        one, two = (np.asarray(v) for v in two_replicas.experimental_local_results(values))
        assert abs(one.mean() - two.mean()) > 1e-6
        # Keras adds what the replicas give.
        shares = [float(share) for share in two_replicas.experimental_local_results(shares)]
        assert 0 < shares[0] < one.mean() and sum(shares) == pytest.approx(one.mean(), rel=0.2)

    def test_configuration_makes_the_same_loss(self, rng):
        options = {"positives": "class", "margin": 0.2, "distance": "euclidean", "ignore_class": -1, "seed": 3}
        options |= {"num_triplets": 30, "tolerance": 0.3, "margin_scale": 0.1}
        loss = TreeTriplet(TREE, **options)
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
        assert options.items() <= again.get_config().items() and again.get_config() == loss.get_config()
        labels, embeddings = rng.integers(-1, 6, (1, 9, 9)), rng.normal(size=(1, 9, 9, 4))
        assert float(loss(labels, embeddings)) == float(again(labels, embeddings)) > 0

    @pytest.mark.parametrize(
        "options, message",
        [
            ({"num_triplets": 0}, "`num_triplets` >= 1. Received: 0"),
            ({"distance": "manhattan"}, "`distance` among .*Received: distance='manhattan'"),
            ({"positives": "all"}, "`positives` among"),
            ({"margin": "constant"}, '"tree" or a number'),
            ({"margin": -1}, '"tree" or a number'),
            ({"tolerance": float("nan")}, "expects finite tolerance >= 0. Received: tolerance=nan"),
            ({"margin_scale": -0.5}, "expects finite margin_scale >= 0"),
            ({"ignore_class": 2}, "ignore_class"),
        ],
    )
    def test_invalid_arguments_raise(self, options, message):
        with pytest.raises(ValueError, match=message):
            TreeTriplet(TREE, **options)

    def test_embeddings_of_another_rank_raise(self):
        with pytest.raises(ValueError, match=r"embeddings \(B, h, w, C\).*Add a batch axis"):
            TreeTriplet(TREE)(np.zeros((1, 2, 2)), np.zeros((1, 2, 2)))

    def test_labels_of_wrong_shapes_raise(self, rng):
        """But for another size, which those of embeddings have."""
        embeddings = rng.normal(size=(*SHAPE, 4)).astype("float32")
        shapes = {shape: advice for shape, advice in wrong_label_shapes(TREE).items() if "Resize" not in advice}
        check_wrong_shapes(TreeTriplet(TREE), "TreeTriplet", TREE, embeddings, shapes)

    def test_labels_with_height_and_width_swapped_raise(self, rng):
        embeddings = rng.normal(size=(1, 4, 6, 4)).astype("float32")
        for height, width in ((16, 24), (15, 23), (31, 47), (4, 6)):
            TreeTriplet(TREE)(np.zeros((1, height, width), "int32"), embeddings)
            with pytest.raises(ValueError, match="Swap its last two axes"):
                TreeTriplet(TREE)(np.zeros((1, width, height), "int32"), embeddings)

    def test_what_is_no_label_never_becomes_one(self, rng):
        tree, embeddings = ClassTree(["a/b", "a/c", "d"]), rng.normal(size=(1, 1, 2, 4)).astype("float32")
        # One triplet can be drawn, whatever the seed.
        loss = TreeTriplet(tree, positives="class")
        # JAX keeps the seed's state outside of graphs.
        graph = compiled(lambda labels: loss(labels, embeddings)) if IS_TENSORFLOW else None
        check_labels_that_are_none(lambda labels: loss(labels, embeddings), graph, "TreeTriplet")

    def test_class_weights_are_no_argument(self):
        """Classes are drawn alike: there is nothing for weights to balance."""
        with pytest.raises(TypeError, match="class_weights"):
            TreeTriplet(TREE, class_weights=[1.0] * TREE.num_nodes)

    def test_half_precision_raises(self):
        with pytest.raises(ValueError, match="`TreeTriplet` expects dtype float32 or float64"):
            TreeTriplet(TREE, dtype="bfloat16")


def gradient(loss, labels, embeddings):
    import tensorflow as tf

    embeddings = tf.convert_to_tensor(embeddings)
    with tf.GradientTape() as tape:
        tape.watch(embeddings)
        value = loss(labels, embeddings)
    return tf.convert_to_tensor(tape.gradient(value, embeddings)).numpy()
