"""What the two signatures answer, and what they refuse; one SavedModel for all."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
import keras  # noqa: E402

from hierseg_keras import export  # noqa: E402
from hierseg_keras.export.signatures import decoding_function, serving_function  # noqa: E402
from hierseg_keras.models import HSSN, MultiScale, SlidingWindow, UNet  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from tests import image_samples  # noqa: E402
from tests.image_samples import SUFFIXES, encoded, header_only_png, picture, png  # noqa: E402
from tfds_builders.reading.image_files import read_image  # noqa: E402

# Nodes: person, rider, sky, human.
TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")
DTYPES = {"level_1": "int32", "level_2": "int32", "leaf_probabilities": "float32", "path_score": "float32"}


def convolution(activation=None, channels=4, size=(None, None)):
    image = keras.Input((*size, 3))
    return keras.Model(image, keras.layers.Conv2D(channels, 3, padding="same", activation=activation)(image))


@pytest.fixture(scope="module")
def signatures(tmp_path_factory):
    path = export.saved_model(convolution(), tmp_path_factory.mktemp("models") / "1", tree=TREE)
    return tf.saved_model.load(str(path)).signatures


def assert_shapes(answers, batch, height, width):
    shapes = {name: answer.shape.as_list() for name, answer in answers.items()}
    expected = dict.fromkeys(DTYPES, [batch, height, width])
    assert shapes == {**expected, "leaf_probabilities": [batch, height, width, 3]}
    assert {name: answer.dtype.name for name, answer in answers.items()} == DTYPES


class ServingDefaultTest:
    @pytest.mark.parametrize("shape", [(), (3,), (8, 8, 3), (1, 8, 8, 1), (1, 8, 8, 4), (1, 1, 8, 8, 3)])
    def test_request_of_another_shape_is_refused_and_the_process_goes_on(self, shape, signatures):
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            signatures["serving_default"](image=tf.zeros(shape, tf.uint8))
        received = " ".join(map(str, shape))
        assert f"`image` expects the shape [?, ?, ?, 3]. Received: [{received}]. Send a batch" in str(caught.value)
        assert_shapes(signatures["serving_default"](image=tf.zeros((1, 2, 3, 3), tf.uint8)), 1, 2, 3)

    @pytest.mark.parametrize("size", [(0, 8, 6), (0, 0, 0), (2, 0, 6), (2, 8, 0), (1, 1, 1), (3, 1, 5)])
    def test_sizes_of_nothing_have_empty_answers(self, size, signatures):
        assert_shapes(signatures["serving_default"](image=tf.zeros((*size, 3), tf.uint8)), *size)

    @pytest.mark.parametrize(
        "wrap",
        [
            lambda unet: HSSN(unet).inference_model,
            lambda unet: MultiScale(SlidingWindow(unet, (8, 8)), scales=(0.5, 1.0)),
        ],
    )
    def test_wrappers_have_empty_answers_too(self, wrap):
        serve = serving_function(wrap(UNet(TREE, filters=2, num_stages=2)))
        for size in ((0, 8, 6), (2, 0, 6), (1, 1, 1)):
            assert_shapes(serve(tf.zeros((*size, 3), tf.uint8)), *size)

    def test_network_of_one_size_takes_that_alone(self):
        serve = serving_function(convolution(size=(4, 6)), TREE)
        assert_shapes(serve(tf.zeros((0, 4, 6, 3), tf.uint8)), 0, 4, 6)
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"`image` expects the shape \[\?, 4, 6, 3\]"):
            serve(tf.zeros((1, 5, 6, 3), tf.uint8))


class EncodedTest:
    @pytest.mark.parametrize(
        "name, content",
        [
            *((kind, encoded(picture(size=(20, 31)), kind)) for kind in SUFFIXES),
            ("JPEG", encoded(picture(size=(20, 31)), "JPEG", quality=100)),
            *(("PNG", encoded(picture(mode), "PNG")) for mode in ("1", "L", "P")),
            ("PNG", png(4, 3, image_samples.chunk(b"PLTE", bytes(range(48))))),
        ],
    )
    def test_pixels_are_those_that_data_sets_and_predict_read(self, name, content, signatures, tmp_path):
        path = tmp_path / f"a{SUFFIXES[name]}"
        path.write_bytes(content)
        answers = signatures["encoded"](encoded=tf.constant([content]))
        expected = signatures["serving_default"](image=tf.constant(read_image(path)[None]))
        for output in DTYPES:
            np.testing.assert_array_equal(answers[output], expected[output])

    @pytest.mark.parametrize(
        "content, said",
        [
            (b"", "a PNG, JPEG or BMP file"),
            (b"no image", "a PNG, JPEG or BMP file"),
            (encoded(picture(), "GIF"), "a PNG, JPEG or BMP file"),
            (header_only_png(10_001, 10_000), "at most 89 megapixels"),
            (png(16, 0), "16 bits per channel"),
            (encoded(picture("CMYK"), "JPEG"), "CMYK"),
            (encoded(picture("RGBA"), "PNG"), "transparent"),
            (image_samples.jpeg_with(b"Exif\0\0" + image_samples.exif(6, "MM")), "orientation"),
            (encoded(picture(), "PNG")[:-30], "Invalid PNG data"),
            (encoded(picture(size=(5, 4)), "PNG"), "expected 11 x 7 pixels"),
        ],
    )
    def test_file_that_cannot_be_read_exactly_is_named_and_the_process_goes_on(self, content, said, signatures):
        good = encoded(picture(), "PNG")
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            signatures["encoded"](encoded=tf.constant([good, content]))
        assert said in str(caught.value) and ("encoded[1]: expected" in str(caught.value) or "Invalid" in said)
        assert_shapes(signatures["encoded"](encoded=tf.constant([good, good])), 2, 7, 11)

    def test_batch_of_none_has_empty_answers(self, signatures):
        assert_shapes(signatures["encoded"](encoded=tf.zeros((0,), tf.string)), 0, 1, 1)

    @pytest.mark.parametrize("shape", [(), (1, 1)])
    def test_request_of_another_shape_is_refused(self, shape, signatures):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"`encoded` expects the shape \[\?\]. Received: \["):
            signatures["encoded"](encoded=tf.fill(shape, encoded(picture(), "PNG")))

    def test_network_of_one_size_refuses_others_by_name(self):
        network = convolution(size=(4, 6))
        serve = decoding_function(serving_function(network, TREE), network.input_shape)
        assert_shapes(serve(tf.constant([encoded(picture(size=(4, 6)), "PNG")])), 1, 4, 6)
        assert_shapes(serve(tf.zeros((0,), tf.string)), 0, 4, 6)
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"encoded\[0\]: expected 6 x 4 pixels"):
            serve(tf.constant([encoded(picture(size=(4, 7)), "PNG")]))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


class ScoresTest:
    @pytest.mark.parametrize("activation, channels, apply", [(None, 4, sigmoid), ("sigmoid", 4, lambda x: x)])
    def test_node_scores(self, activation, channels, apply):
        image, model = images(), convolution(activation, channels)
        probabilities = apply(np.asarray(model(image.astype("float32")), "float64"))
        answers = serving_function(model, TREE)(tf.constant(image))
        person, rider, sky, human = np.moveaxis(probabilities, -1, 0)
        # sky stands for itself at both depths.
        sums = np.stack([human + person, human + rider, 2 * sky], axis=-1)
        self._assert_answers(answers, sums.argmax(-1), sums.max(-1), probabilities[..., :3])

    @pytest.mark.parametrize("activation, apply", [(None, softmax), ("softmax", lambda x: x)])
    def test_leaf_scores(self, activation, apply):
        image, model = images(), convolution(activation, channels=3)
        probabilities = apply(np.asarray(model(image.astype("float32")), "float64"))
        answers = serving_function(model, TREE)(tf.constant(image))
        leaf = probabilities.argmax(-1)
        human = probabilities[..., 0] + probabilities[..., 1]
        score = np.where(leaf == 2, 2 * probabilities[..., 2], human + probabilities.max(-1))
        self._assert_answers(answers, leaf, score, probabilities)

    def test_arguments_say_what_cannot_be_inferred(self):
        model = convolution("relu")
        with pytest.raises(ValueError, match="Pass from_logits=True or from_logits=False"):
            serving_function(model, TREE)
        answers = serving_function(model, TREE, from_logits=True)(tf.constant(images()))
        probabilities = sigmoid(np.asarray(model(images().astype("float32"))))
        np.testing.assert_allclose(answers["leaf_probabilities"], probabilities[..., :3], atol=1e-6)

    def _assert_answers(self, answers, leaf, score, probabilities):
        np.testing.assert_array_equal(answers["level_1"], leaf)
        np.testing.assert_array_equal(answers["level_2"], np.where(leaf == 2, 2, 3))
        np.testing.assert_allclose(answers["path_score"], score, atol=1e-5)
        np.testing.assert_allclose(answers["leaf_probabilities"], probabilities, atol=1e-6)


def images():
    # Dark, so that no sigmoid is so near to 1 that sums of two tie.
    return np.random.default_rng(0).integers(0, 3, (2, 5, 4, 3), np.uint8)


class NetworkTest:
    def test_networks_that_cannot_be_exported_say_what_to_pass(self):
        class Subclassed(keras.Model):
            def call(self, image):
                return image

        image = keras.Input((None, None, 3))
        features = keras.layers.Conv2D(4, 1)(image)
        for model, error, said in [
            (Subclassed(), TypeError, r"Pass keras.Model\(image, model\(image\)\)"),
            (keras.Sequential([keras.layers.Conv2D(4, 1)]), TypeError, r"Pass keras.Model\(image, model\(image\)\)"),
            (keras.Model([image, keras.Input((None, None, 3))], features), ValueError, "one image input"),
            (keras.Model(image, [features, features]), ValueError, "one output of scores"),
        ]:
            with pytest.raises(error, match=f"`saved_model` expects .*{said}"):
                serving_function(model, TREE)
        with pytest.raises(ValueError, match="expects a `tree`"):
            serving_function(convolution())
