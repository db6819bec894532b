import keras
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras import decoding, models  # noqa: E402
from hierseg_keras.models.graph.model_scores import scores_of  # noqa: E402
from hierseg_keras.prediction.network_answers import NetworkAnswers  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402

TREE = ClassTree.from_text("human\n\tperson\n\trider\nvehicle\n\tcar\n\tbus\nsky")
_HRNET = {"width": 4, "num_modules": (1, 1, 1), "num_blocks": 1}
_OCR = {**_HRNET, "filters": 8, "key_filters": 4}
_MASKFORMER = {"backbone": "swin_nano", "filters": 16, "num_queries": 3, "num_layers": 2, "num_heads": 2}
# All networks of RGB images.
NETWORKS = [
    ("DeepLabV3Plus", {"backbone": "efficientnet_lite0", "filters": 4}),
    ("HRNet", _HRNET),
    ("HRNetOCR", _OCR),
    ("HRNetOCRScaleAttention", _OCR),
    ("MaskFormer", _MASKFORMER),
    ("UNet", {"filters": 4, "num_stages": 3}),
]
SIZES = [(8, 12), (9, 7), (16, 16), (1, 1)]


def images(size, count=2):
    return np.random.default_rng(0).integers(0, 256, (count, *size, 3), np.uint8)


def answers_of(model, **options):
    return NetworkAnswers(model, scores_of(model, "test"), **options)


def assert_same_as_eagerly(model):
    answers = answers_of(model)
    for size in [(33, 40), (48, 35)]:
        x = images(size)
        leaf = decoding.best_path(TREE, model(x, training=False), model.scores)[0]
        np.testing.assert_array_equal(answers(x)["leaf"], leaf)


class NetworkAnswersTest:
    def test_images_of_many_classes_count_more_for_the_size_of_a_batch(self):
        pixels = keras.Input((None, None, 3))
        for count, expected in ((40, 6), (80, 12)):
            tree = ClassTree([f"class {number}" for number in range(count)])
            model = keras.Model(pixels, keras.layers.Conv2D(count, 1)(pixels))
            answers = NetworkAnswers(model, scores_of(model, "test", tree, scores="leaves", from_logits=True))
            assert answers.batch_pixels(2, 3) == expected and answers.num_pixels(2, 3) == 6

    @pytest.mark.parametrize("scores", ["nodes", "leaves"])
    def test_answers_are_those_of_the_decoding_functions(self, scores):
        model = models.UNet(TREE, scores=scores, filters=4, num_stages=2)
        answers = answers_of(model, confidence=True, threshold=0.4)
        for size in SIZES:
            x = images(size)
            found, y_pred = answers(x), model(x, training=False)
            leaf = np.asarray(decoding.best_path(TREE, y_pred, scores)[0])
            np.testing.assert_array_equal(found["leaf"], leaf)
            np.testing.assert_array_equal(
                found["confident"], decoding.confident_labels(TREE, y_pred, 0.4, scores=scores)
            )
            # The smallest probability on the path of the leaf.
            probabilities = np.asarray(decoding.node_probabilities(TREE, y_pred, scores))
            on_path = TREE.ancestor_matrix.T[leaf]
            least = np.where(on_path, probabilities, 1).min(axis=-1)
            assert found["confidence"].dtype == np.uint8
            np.testing.assert_allclose(found["confidence"], 255 * least, atol=0.51)

    def test_images_of_any_size_are_traced_once(self):
        traced = []

        @keras.saving.register_keras_serializable("test")
        class Traced(keras.layers.Layer):
            def call(self, x):
                traced.append(x.shape)
                return x

        x = keras.Input((None, None, 3))
        y = keras.layers.Conv2D(TREE.num_leaves, 1)(Traced()(x))
        model = keras.Model(x, y)
        model.tree = TREE
        traced.clear()
        answers = answers_of(model)
        for size in SIZES:
            assert answers(images(size))["leaf"].shape == (2, *size)
        assert answers(images((3, 3), 1))["leaf"].shape == (1, 3, 3)
        assert len(traced) == 1

    @pytest.mark.parametrize(
        "wrap",
        [
            lambda model: models.SlidingWindow(model, (24, 24), overlap=0.5),
            lambda model: models.MultiScale(model, scales=(0.5, 1)),
            lambda model: models.Resized(model, (20, 30)),
            lambda model: models.Resized(model, 20),
        ],
    )
    def test_size_that_is_not_known_while_tracing_changes_nothing(self, wrap):
        model = wrap(models.UNet(TREE, filters=2, num_stages=1))
        assert_same_as_eagerly(model)

    @pytest.mark.large
    @pytest.mark.parametrize("name, options", NETWORKS)
    def test_size_that_is_not_known_while_tracing_changes_no_network(self, name, options):
        assert_same_as_eagerly(getattr(models, name)(TREE, **options))

    @pytest.mark.parametrize("size, expected", [(None, 6), (10, 150), ((20, 20), 400), ((1, 2), 6)])
    def test_counts_the_pixels_of_an_image_or_of_the_resized_one(self, size, expected):
        model = models.UNet(TREE, filters=2, num_stages=1)
        answers = answers_of(model if size is None else models.Resized(model, size))
        assert answers.num_pixels(2, 3) == expected

    def test_network_of_one_size_keeps_it(self):
        model = models.UNet(TREE, filters=2, num_stages=1, input_shape=(8, 12, 3))
        answers = answers_of(model)
        assert answers.size == (8, 12) and answers(images((8, 12)))["leaf"].shape == (2, 8, 12)

    def test_network_of_four_channels_is_an_error(self):
        model = models.UNet(TREE, filters=2, num_stages=1, input_shape=(None, None, 4))
        with pytest.raises(ValueError, match=r"RGB images.*Received: input_shape=\(None, None, None, 4\)"):
            answers_of(model)
