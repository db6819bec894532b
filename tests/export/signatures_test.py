"""What the signatures answer, and what they refuse; one SavedModel for all."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
import keras  # noqa: E402

from hierseg_keras import decoding, export  # noqa: E402
from hierseg_keras.export.answers import Answers  # noqa: E402
from hierseg_keras.export.signatures import signature_functions  # noqa: E402
from hierseg_keras.models import HSSN, Calibrated, MultiScale, Resized, SlidingWindow, UNet  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from tests import image_samples  # noqa: E402
from tests.image_samples import SUFFIXES, encoded, header_only_png, picture, png  # noqa: E402
from tfds_builders.reading.image_files import read_image  # noqa: E402

# Nodes: person, rider, sky, human.
TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")
LEVELS = {"level_1": "uint8", "level_2": "uint8"}
OUTPUTS = {
    "serving_default": LEVELS,
    "probabilities": {**LEVELS, "node_probabilities": "float32", "path_score": "float32"},
    "confident": {"label": "uint8"},
}
OUTPUTS |= {
    "encoded" if name == "serving_default" else f"encoded_{name}": {**outputs, "sizes": "int32"}
    for name, outputs in OUTPUTS.items()
}
OF_IMAGES = ("serving_default", "probabilities", "confident")
OF_FILES = ("encoded", "encoded_probabilities", "encoded_confident")


def convolution(activation=None, channels=4, size=(None, None)):
    image = keras.Input((*size, 3))
    return keras.Model(image, keras.layers.Conv2D(channels, 3, padding="same", activation=activation)(image))


@pytest.fixture(scope="module")
def signatures(tmp_path_factory):
    path = export.saved_model(convolution(), tmp_path_factory.mktemp("models") / "1", tree=TREE)
    return tf.saved_model.load(str(path)).signatures


def functions(model, *args, **kwargs):
    """The functions behind the signatures, run eagerly."""
    answers = Answers(model, "saved_model", *args, **kwargs)

    def with_names(function):
        return lambda *args, **kwargs: function(*args, *kwargs.values())

    return {name: with_names(function) for name, (function, _) in signature_functions(answers).items()}


def ask(signatures, name, values, threshold=0.5):
    """Calls one of the signatures, with a threshold where it takes one."""
    inputs = {"encoded" if name in OF_FILES else "image": values}
    if name.endswith("confident"):
        inputs["threshold"] = tf.constant(threshold)
    return signatures[name](**inputs)


def assert_shapes(name, answers, batch, height, width):
    further = {"node_probabilities": [batch, height, width, 4], "sizes": [batch, 2]}
    shapes = {output: further.get(output, [batch, height, width]) for output in OUTPUTS[name]}
    assert {output: answer.shape.as_list() for output, answer in answers.items()} == shapes
    assert {output: answer.dtype.name for output, answer in answers.items()} == OUTPUTS[name]


class ImageSignaturesTest:
    def test_names(self, signatures):
        assert set(signatures) == set(OUTPUTS)

    @pytest.mark.parametrize("name", OF_IMAGES)
    @pytest.mark.parametrize("shape", [(), (3,), (8, 8, 3), (1, 8, 8, 1), (1, 8, 8, 4), (1, 1, 8, 8, 3)])
    def test_request_of_another_shape_is_refused_and_the_process_goes_on(self, shape, name, signatures):
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            ask(signatures, name, tf.zeros(shape, tf.uint8))
        received = " ".join(map(str, shape))
        assert f"`image` expects the shape [?, ?, ?, 3]. Received: [{received}]. Send a batch" in str(caught.value)
        assert_shapes(name, ask(signatures, name, tf.zeros((1, 2, 3, 3), tf.uint8)), 1, 2, 3)

    @pytest.mark.parametrize("name", OF_IMAGES)
    @pytest.mark.parametrize("size", [(0, 8, 6), (0, 0, 0), (2, 0, 6), (2, 8, 0), (1, 1, 1), (3, 1, 5)])
    def test_sizes_of_nothing_have_empty_answers(self, size, name, signatures):
        assert_shapes(name, ask(signatures, name, tf.zeros((*size, 3), tf.uint8)), *size)

    @pytest.mark.parametrize(
        "wrap",
        [
            lambda unet: HSSN(unet).inference_model,
            lambda unet: MultiScale(SlidingWindow(unet, (8, 8)), scales=(0.5, 1.0)),
            lambda unet: Resized(unet, 6),
        ],
    )
    def test_wrappers_have_empty_answers_too(self, wrap):
        serve = functions(wrap(UNet(TREE, filters=2, num_stages=2)))["serving_default"]
        for size in ((0, 8, 6), (2, 0, 6), (1, 1, 1)):
            assert_shapes("serving_default", serve(tf.zeros((*size, 3), tf.uint8)), *size)

    @pytest.mark.parametrize("wrap", [lambda resized: resized, lambda resized: Calibrated(resized, 1.5)])
    @pytest.mark.parametrize("name", ["serving_default", "encoded"])
    def test_image_that_would_become_too_large_is_refused(self, name, wrap):
        serve = functions(wrap(Resized(UNet(TREE, filters=2, num_stages=1), 512)))[name]
        thin = tf.zeros((1, 400_000, 3), tf.uint8)
        with pytest.raises(tf.errors.InvalidArgumentError, match="at most 89 megapixels when .* 400000 x 1 "):
            serve(tf.io.encode_png(thin)[None] if name == "encoded" else thin[None])

    @pytest.mark.parametrize("size", [8, (8,), (8, 8, 3), (8, 0), (8.0, 8.0), "88"])
    def test_other_sizes_raise(self, size):
        with pytest.raises(ValueError, match=r"expects `size=\(height, width\)`.*Received: size="):
            functions(UNet(TREE, filters=2, num_stages=1), size=size)

    def test_network_of_one_size_takes_that_alone(self):
        serve = functions(convolution(size=(4, 6)), TREE, size=(4, 6))["serving_default"]
        assert_shapes("serving_default", serve(tf.zeros((0, 4, 6, 3), tf.uint8)), 0, 4, 6)
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"`image` expects the shape \[\?, 4, 6, 3\]"):
            serve(tf.zeros((1, 5, 6, 3), tf.uint8))

    @pytest.mark.parametrize("num_nodes, dtype", [(255, "uint8"), (256, "uint16")])
    def test_maps_have_the_smallest_dtype_with_a_value_that_is_no_node(self, num_nodes, dtype):
        tree = ClassTree.from_text("\n".join(f"class_{i}" for i in range(num_nodes)))
        image = keras.Input((None, None, 3))
        # The last class everywhere.
        bias = np.eye(num_nodes)[-1]
        scores = keras.layers.Conv2D(num_nodes, 1, kernel_initializer="zeros", name="scores")(image)
        model = keras.Model(image, scores)
        model.get_layer("scores").bias.assign(bias)
        serve = functions(model, tree, scores="leaves", from_logits=True)
        answer = serve["serving_default"](tf.zeros((1, 1, 2, 3), tf.uint8))["level_1"]
        assert answer.dtype.name == dtype and answer.numpy().tolist() == [[[num_nodes - 1] * 2]]
        label = serve["confident"](tf.zeros((1, 1, 2, 3), tf.uint8), tf.constant(0.9))["label"]
        assert label.dtype.name == dtype and (label.numpy() == np.iinfo(dtype).max).all()


class ConfidentTest:
    @pytest.mark.parametrize("threshold", [0.0, 0.4, 0.6, 0.9, 1.0])
    def test_labels_are_those_of_confident_labels_at_any_threshold(self, threshold, signatures):
        image = tf.constant(images())
        probabilities = signatures["probabilities"](image=image)["node_probabilities"]
        expected = decoding.confident_labels(TREE, probabilities.numpy(), threshold, from_logits=False).numpy()
        label = ask(signatures, "confident", image, threshold)["label"]
        np.testing.assert_array_equal(label, np.where(expected < 0, 255, expected))

    @pytest.mark.parametrize("name", ["confident", "encoded_confident"])
    @pytest.mark.parametrize("threshold", [-0.1, 1.1, np.nan, np.inf])
    def test_threshold_that_is_no_probability_is_refused(self, threshold, name, signatures):
        values = tf.constant([encoded(picture(), "PNG")]) if name in OF_FILES else tf.constant(images())
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"`threshold` expects a number in \[0, 1\]"):
            ask(signatures, name, values, np.float32(threshold))


@pytest.fixture(scope="module")
def pooled():
    """A network whose answer in every pixel depends on the whole image, as with the image pooling of DeepLab."""
    image = keras.Input((None, None, 3))
    features = keras.layers.Conv2D(4, 3, padding="same")(image / 64)
    mean = keras.layers.GlobalAveragePooling2D(keepdims=True)(features)
    return functions(keras.Model(image, features - mean), TREE, from_logits=True)


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
        image = read_image(path)
        answers = signatures["encoded_probabilities"](encoded=tf.constant([content]))
        expected = signatures["probabilities"](image=tf.constant(image[None]))
        for output in OUTPUTS["probabilities"]:
            np.testing.assert_array_equal(answers[output], expected[output])
        assert answers["sizes"].numpy().tolist() == [list(image.shape[:2])]

    def test_files_of_different_sizes_are_answered_at_their_own_and_padded(self, pooled):
        sizes = [(7, 11), (13, 5), (1, 1)]
        pictures = [picture(size=size) for size in sizes]
        files = tf.constant([encoded(picture, "PNG") for picture in pictures])
        for of_files, of_images in zip(OF_FILES, OF_IMAGES):
            together = ask(pooled, of_files, files)
            assert_shapes(of_files, together, 3, 13, 11)
            assert together["sizes"].numpy().tolist() == [list(size) for size in sizes]
            for i, (one, (height, width)) in enumerate(zip(pictures, sizes)):
                alone = ask(pooled, of_images, tf.constant(np.asarray(one)[None]))
                for output, values in alone.items():
                    padded = together[output][i].numpy()
                    np.testing.assert_array_equal(padded[:height, :width], values[0])
                    padding = 255 if padded.dtype == np.uint8 else 0
                    assert (padded[height:] == padding).all() and (padded[:, width:] == padding).all()

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
            (encoded(picture(), "PNG")[:-30], "a damaged or truncated file"),
            (encoded(picture(), "BMP")[:-3], "a damaged or truncated file"),
            (encoded(picture(), "JPEG")[:-10], "a damaged or truncated file"),
            # Nothing but the start of the header.
            (encoded(picture(), "JPEG")[:20], "a damaged or truncated file"),
        ],
    )
    def test_file_that_cannot_be_read_exactly_is_named_and_the_process_goes_on(self, content, said, signatures):
        good = encoded(picture(), "PNG")
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            signatures["encoded"](encoded=tf.constant([good, content, good]))
        assert "encoded[1]: expected" in str(caught.value) and said in str(caught.value)
        assert_shapes("encoded", signatures["encoded"](encoded=tf.constant([good, good])), 2, 7, 11)

    @pytest.mark.parametrize("sizes", [[(80_000, 1_000), (1_000, 80_000)], [(8_000, 8_000)] * 2, [(1, 2**31)] * 3])
    def test_request_that_would_fill_the_memory_is_refused_by_the_headers(self, sizes, signatures):
        files = tf.constant([header_only_png(*size) for size in sizes])
        with pytest.raises(tf.errors.InvalidArgumentError, match="at most 89 megapixels"):
            signatures["encoded"](encoded=files)

    @pytest.mark.parametrize("name", OF_FILES)
    def test_batch_of_none_has_empty_answers(self, name, signatures):
        assert_shapes(name, ask(signatures, name, tf.zeros((0,), tf.string)), 0, 1, 1)

    @pytest.mark.parametrize("shape", [(), (1, 1)])
    def test_request_of_another_shape_is_refused(self, shape, signatures):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"`encoded` expects the shape \[\?\]. Received: \["):
            signatures["encoded"](encoded=tf.fill(shape, encoded(picture(), "PNG")))

    def test_network_of_one_size_refuses_others_by_name(self):
        network = convolution(size=(4, 6))
        serve = functions(network, TREE, size=(4, 6))["encoded"]
        assert_shapes("encoded", serve(tf.constant([encoded(picture(size=(4, 6)), "PNG")])), 1, 4, 6)
        assert_shapes("encoded", serve(tf.zeros((0,), tf.string)), 0, 4, 6)
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
        answers = functions(model, TREE)["probabilities"](tf.constant(image))
        person, rider, sky, human = np.moveaxis(probabilities, -1, 0)
        # sky stands for itself at both depths.
        sums = np.stack([human + person, human + rider, 2 * sky], axis=-1)
        self._assert_answers(answers, sums.argmax(-1), sums.max(-1), probabilities)

    @pytest.mark.parametrize("activation, apply", [(None, softmax), ("softmax", lambda x: x)])
    def test_leaf_scores(self, activation, apply):
        image, model = images(), convolution(activation, channels=3)
        probabilities = apply(np.asarray(model(image.astype("float32")), "float64"))
        answers = functions(model, TREE)["probabilities"](tf.constant(image))
        leaf = probabilities.argmax(-1)
        human = probabilities[..., 0] + probabilities[..., 1]
        score = np.where(leaf == 2, 2 * probabilities[..., 2], human + probabilities.max(-1))
        self._assert_answers(answers, leaf, score, np.concatenate([probabilities, human[..., None]], axis=-1))

    def test_arguments_say_what_cannot_be_inferred(self):
        model = convolution("relu")
        with pytest.raises(ValueError, match="Pass from_logits=True or from_logits=False"):
            functions(model, TREE)
        answers = functions(model, TREE, from_logits=True)["probabilities"](tf.constant(images()))
        probabilities = sigmoid(np.asarray(model(images().astype("float32"))))
        np.testing.assert_allclose(answers["node_probabilities"], probabilities, atol=1e-6)

    def _assert_answers(self, answers, leaf, score, probabilities):
        np.testing.assert_array_equal(answers["level_1"], leaf)
        np.testing.assert_array_equal(answers["level_2"], np.where(leaf == 2, 2, 3))
        np.testing.assert_allclose(answers["path_score"], score, atol=1e-5)
        np.testing.assert_allclose(answers["node_probabilities"], probabilities, atol=1e-6)


def images():
    # Dark, so that no sigmoid is so near to 1 that sums of two tie.
    return np.random.default_rng(0).integers(0, 3, (2, 5, 4, 3), np.uint8)


class NetworkTest:
    def test_network_of_one_size_is_exported_with_a_warning(self):
        flat = keras.Sequential([keras.layers.Conv2D(TREE.num_nodes, 1)])
        flat.compile(loss="mse")
        flat.fit(np.zeros((1, 4, 6, 3)), np.zeros((1, 4, 6, TREE.num_nodes)), verbose=0)
        said = r"`saved_model`: the network accepts only images of 4 x 6 pixels, .* keras.Input\(\(None, None, 3\)\)"
        with pytest.warns(UserWarning, match=said):
            assert set(functions(flat, TREE)) == set(OUTPUTS)
        with pytest.warns(UserWarning, match="images of any x 6 pixels"):
            functions(convolution(size=(None, 6)), TREE)
        # No warning, because the size is named.
        functions(flat, TREE, size=(4, 6))

    def test_networks_that_cannot_be_exported_say_what_to_pass(self):
        class Subclassed(keras.Model):
            def call(self, image):
                return image

        class Nested(keras.Model):
            def __init__(self):
                super().__init__()
                self.scores = keras.layers.Conv2D(4, 1)

            def call(self, image):
                return self.scores(image)

        image = keras.Input((None, None, 3))
        features = keras.layers.Conv2D(4, 1)(image)
        for model, error, said in [
            (Subclassed(), TypeError, r"Pass keras.Model\(image, model\(image\)\)"),
            (keras.Sequential([keras.layers.Conv2D(4, 1)]), TypeError, r"Pass keras.Model\(image, model\(image\)\)"),
            (keras.Model(image, Nested()(image)), ValueError, "Pass from_logits=True or from_logits=False"),
            (keras.Model([image, keras.Input((None, None, 3))], features), ValueError, "one image input"),
            (keras.Model(image, [features, features]), ValueError, "one output of scores"),
        ]:
            with pytest.raises(error, match=f"`saved_model` expects .*{said}"):
                functions(model, TREE)
        with pytest.raises(ValueError, match="expects a `tree`"):
            functions(convolution())

    def test_scores_of_another_size_are_refused(self):
        image = keras.Input((None, None, 3))
        coarse = keras.layers.Conv2D(4, 3, 4, "same")(image)
        model = keras.Model(image, keras.layers.Conv2DTranspose(4, 4, 4)(coarse))
        signatures = functions(model, TREE, from_logits=True)
        assert signatures["serving_default"](tf.zeros((1, 8, 12, 3), tf.uint8))["level_1"].shape == (1, 8, 12)
        said = r"scores have the size of the image, \[9 13\]. Received: \[12 16\]"
        files = tf.constant([encoded(picture(size=(9, 13)), "PNG")])
        for name, inputs in (("serving_default", tf.zeros((1, 9, 13, 3), tf.uint8)), ("encoded", files)):
            with pytest.raises(tf.errors.InvalidArgumentError, match=said):
                signatures[name](inputs)

    def test_exports_take_probabilities_for_what_they_are(self, tmp_path):
        image = keras.Input((None, None, 3))
        x = keras.layers.Conv2D(4, 3, padding="same")(keras.layers.Rescaling(0.2)(image))
        model = keras.Model(image, keras.layers.ReLU(max_value=1.0)(x))
        options = {"tree": TREE, "from_logits": False}
        served = tf.saved_model.load(str(export.saved_model(model, tmp_path / "1", **options)))
        lite = tf.lite.Interpreter(model_path=str(export.litert(model, tmp_path / "a.tflite", size=(5, 4), **options)))
        given = images()[:1]
        expected = np.asarray(model(given))
        assert 0 < expected.mean() < 1
        for answer in (served.signatures["probabilities"], lite.get_signature_runner("probabilities")):
            np.testing.assert_allclose(answer(image=given)["node_probabilities"], expected, atol=1e-5)

    def test_logits_that_were_declared_probabilities_are_refused(self):
        signatures = functions(convolution("relu"), TREE, from_logits=False)
        assert_shapes("serving_default", signatures["serving_default"](tf.zeros((0, 4, 6, 3), tf.uint8)), 0, 4, 6)
        bright = tf.fill((1, 4, 6, 3), tf.constant(255, tf.uint8))
        with pytest.raises(tf.errors.InvalidArgumentError, match="a network that answers with probabilities"):
            signatures["probabilities"](bright)
