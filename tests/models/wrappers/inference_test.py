"""Averages over scales, mirror images and windows, against their definition in NumPy."""

import keras
import numpy as np
import pytest

from hierseg_keras.losses import FocalTreeMin
from hierseg_keras.metrics import LevelMeanIoU
from hierseg_keras.models import HSSN, Calibrated, MultiScale, Resized, SlidingWindow, UNet
from hierseg_keras.models.layers.resize_to import resize
from hierseg_keras.tree import ClassTree

TREE = ClassTree(["person/left_eye", "person/right_eye", "person/nose", "left_wall/brick", "right_wall/brick"])
PAIRS = [("left_eye", "right_eye"), ("left_wall", "right_wall")]
IS_TENSORFLOW = keras.backend.backend() == "tensorflow"


@pytest.fixture
def image():
    return np.random.default_rng(0).uniform(0, 255, (2, 20, 30, 3)).astype("float32")


def network(scores="nodes", size=3):
    keras.utils.set_random_seed(1)
    pixels = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 100, offset=-1)(pixels)
    channels = TREE.num_nodes if scores == "nodes" else TREE.num_leaves
    x = keras.layers.Conv2D(channels, size, padding="same", kernel_initializer="he_normal")(x)
    model = keras.Model(pixels, x)
    model.tree, model.scores = TREE, scores
    return model


def probabilities(logits, scores):
    logits = np.asarray(logits, np.float64)
    if scores == "nodes":
        return 1 / (1 + np.exp(-logits))
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


class FixedSizeTest:
    def test_other_sizes_are_refused_at_once(self):
        pixels = keras.Input((20, 30, 3))
        fixed = keras.Model(pixels, network()(pixels))
        with pytest.raises(ValueError, match=r"`MultiScale` expects `scales` .* of 20 x 30 pixels. Pass scales=\(1.0,"):
            MultiScale(fixed, TREE, from_logits=True)
        with pytest.raises(ValueError, match=r"`SlidingWindow` expects `window` .* Pass window=\(20, 30\)"):
            SlidingWindow(fixed, (20, 20), tree=TREE, from_logits=True)
        assert MultiScale(fixed, TREE, scales=[1], from_logits=True).scales == (1.0,)


@pytest.mark.parametrize("scores", ["nodes", "leaves"])
class MultiScaleTest:
    def test_matches_the_mean_of_probabilities(self, image, scores):
        model = network(scores)
        # Left and right eyes, walls, and the bricks below them; 5 and 6 are the walls' own nodes.
        names = [path.replace("left", "x").replace("right", "left").replace("x", "right") for path in TREE.paths]
        swap = [TREE.paths.index(name) for name in names][: model.output_shape[-1]]
        assert swap != list(range(len(swap)))
        parts = []
        for scale in (0.5, 1.0, 1.3):
            scaled = resize(image, (round(20 * scale), round(30 * scale)))
            parts.append(resize(model(scaled), (20, 30)))
            mirrored = np.asarray(model(np.asarray(scaled)[:, :, ::-1]))[:, :, ::-1][..., swap]
            parts.append(resize(mirrored.copy(), (20, 30)))
        expected = np.mean([probabilities(part, scores) for part in parts], axis=0)
        averaged = MultiScale(model, scales=(0.5, 1.0, 1.3), flip_pairs=PAIRS)
        np.testing.assert_allclose(probabilities(averaged(image), scores), expected, atol=1e-5)

    def test_pairs_may_be_an_iterator(self, image, scores):
        model, options = network(scores), {"scales": (1,)}
        expected = MultiScale(model, flip_pairs=PAIRS, **options)(image)
        np.testing.assert_array_equal(MultiScale(model, flip_pairs=iter(PAIRS), **options)(image), expected)

    def test_one_scale_is_the_network_itself(self, image, scores):
        model = network(scores)
        logits = np.asarray(MultiScale(model, scales=(1,), flip=False)(image))
        expected = np.asarray(model(image))
        if scores == "leaves":
            expected = np.log(probabilities(expected, scores))
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)

    @pytest.mark.parametrize(
        "size, window", [((20, 30), (8, 8)), ((7, 30), (16, 9)), ((5, 6), (8, 8)), ((8, 8), (8, 8))]
    )
    def test_windows_of_a_network_of_pixels_change_nothing(self, image, scores, size, window):
        """Each pixel's answer depends on it alone, so that windows must give the whole image's."""
        model = network(scores, size=1)
        image = image[:, : size[0], : size[1]]
        for overlap in (0, 1 / 3, 0.9):
            windowed = SlidingWindow(model, window, overlap)(image)
            np.testing.assert_allclose(
                probabilities(windowed, scores), probabilities(model(image), scores), rtol=1e-4, atol=1e-6
            )

    def test_windows_match_their_mean(self, image, scores):
        model = network(scores)
        total, times = np.zeros((2, 20, 30, model.output_shape[-1])), np.zeros((20, 30, 1))
        for top in (0, 4, 8, 12):
            for left in (0, 5, 10, 15, 20):
                part = model(image[:, top : top + 8, left : left + 10])
                total[:, top : top + 8, left : left + 10] += probabilities(part, scores)
                times[top : top + 8, left : left + 10] += 1
        windowed = SlidingWindow(model, (8, 10), overlap=0.5)(image)
        np.testing.assert_allclose(probabilities(windowed, scores), total / times, atol=1e-5)


class SlidingWindowTest:
    @pytest.mark.parametrize("scores", ["nodes", "leaves"])
    def test_small_images_are_padded_in_gray(self, image, scores):
        model, small = network(scores), image[:, :5, :6]
        padded = np.pad(small, ((0, 0), (0, 3), (0, 2), (0, 0)), constant_values=127.5)
        windowed = SlidingWindow(model, (8, 8))(small)
        expected = probabilities(model(padded)[:, :5, :6], scores)
        np.testing.assert_allclose(probabilities(windowed, scores), expected, rtol=1e-4, atol=1e-6)

    def test_scores_of_another_size_are_refused(self):
        image = keras.Input((None, None, 3))
        network = keras.Model(image, keras.layers.Conv2D(TREE.num_nodes, 3, 4, "same")(image))
        with pytest.raises(ValueError, match=r"size of the window, \(8, 8\). Received: scores of \(2, 2\)"):
            SlidingWindow(network, (8, 8), tree=TREE)(np.zeros((1, 12, 12, 3), "float32"))


WRAPPERS = [
    lambda m: MultiScale(m, scales=(0.5, 1)),
    lambda m: SlidingWindow(m, (8, 8)),
    lambda m: Calibrated(m, 2.0),
    lambda m: Resized(m, (12, 16)),
    lambda m: Resized(MultiScale(Calibrated(m, 2.0), scales=(1,)), 12),
]


class TrainedAndExportedTest:
    @pytest.mark.parametrize("wrap", WRAPPERS)
    def test_training_is_refused(self, wrap, image):
        model, labels = wrap(network()), np.zeros((2, 20, 30), "int32")
        model.compile("sgd", loss=FocalTreeMin(TREE))
        for train in (model.fit, model.train_on_batch):
            with pytest.raises(ValueError, match=f"{train.__name__}`. Train the network itself, then wrap it"):
                train(image, labels)

    @pytest.mark.skipif(not IS_TENSORFLOW, reason="exports")
    @pytest.mark.parametrize("wrap", WRAPPERS)
    def test_export_of_keras_returns_the_same_scores(self, wrap, image, tmp_path):
        import tensorflow as tf

        # Not called before.
        model = wrap(network())
        model.export(tmp_path / "export", verbose=False)
        served = tf.saved_model.load(tmp_path / "export")
        for pixels in (image, image[:1, :17]):
            np.testing.assert_allclose(served.serve(pixels), np.asarray(model(pixels)), rtol=1e-4, atol=1e-5)


class InPredictEvaluateAndExportTest:
    @pytest.mark.large
    @pytest.mark.skipif(not IS_TENSORFLOW, reason="exports")
    @pytest.mark.parametrize(
        "wrap", [lambda m: MultiScale(m, scales=(0.5, 1), flip_pairs=PAIRS), lambda m: SlidingWindow(m, (16, 16))]
    )
    def test_predict_evaluate_save_and_export(self, wrap, image, tmp_path):
        import tensorflow as tf

        from hierseg_keras.decoding import best_path
        from hierseg_keras.export import saved_model

        model = wrap(HSSN(UNet(TREE, filters=2, num_stages=2)))
        labels = np.random.default_rng(0).integers(0, TREE.num_leaves, (2, 20, 30))
        model.compile(loss=FocalTreeMin(TREE), metrics=[LevelMeanIoU(TREE)])
        expected = np.asarray(model(image))
        np.testing.assert_allclose(model.predict(image, verbose=0), expected, rtol=1e-3, atol=1e-4)
        values = model.evaluate(image, labels, return_dict=True, verbose=0)
        assert values["loss"] == pytest.approx(float(FocalTreeMin(TREE)(labels, expected)), rel=1e-3)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(np.asarray(loaded(image)), expected, rtol=1e-5, atol=1e-5)

        served = tf.saved_model.load(saved_model(model, tmp_path / "export"))
        pixels = image.astype("uint8")
        answer = served.signatures["serving_default"](image=tf.constant(pixels))
        leaf, _ = best_path(TREE, model(pixels))
        assert (answer["level_1"].numpy() == np.asarray(leaf)).mean() > 0.99
        answer = served.signatures["serving_default"](image=tf.constant(pixels[:, :17]))
        assert answer["level_1"].shape == (2, 17, 30)

    @pytest.mark.parametrize(
        "make, message",
        [
            (lambda m: MultiScale(m, scales=()), "at least one scale, all above 0"),
            (lambda m: MultiScale(m, scales=(0, 1)), "at least one scale, all above 0"),
            (lambda m: MultiScale(m, scales=(1, float("nan"))), "all above 0 and finite"),
            (lambda m: MultiScale(m, scales=(float("inf"),)), "all above 0 and finite"),
            (lambda m: MultiScale(m, scales=0.5), "at least one scale, .* Received: scales=0.5"),
            (lambda m: SlidingWindow(m, (8,)), "`window="),
            (lambda m: SlidingWindow(m, (8, 0)), "`window="),
            (lambda m: SlidingWindow(m, (8, 8), overlap=1), r"`overlap` in \[0, 1\)"),
            (lambda m: MultiScale(m, tree=ClassTree(["a", "b"])), "one channel per node"),
        ],
    )
    def test_invalid_arguments_raise(self, make, message):
        with pytest.raises(ValueError, match=message):
            make(network())

    def test_network_without_a_tree_raises(self):
        pixels = keras.Input((8, 8, 3))
        for make in (MultiScale, lambda m: SlidingWindow(m, (8, 8))):
            with pytest.raises(ValueError, match="expects a `tree`"):
                make(keras.Model(pixels, keras.layers.Conv2D(3, 1)(pixels)))
