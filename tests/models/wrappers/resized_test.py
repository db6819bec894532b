import keras
import numpy as np
import pytest

from hierseg_keras.decoding import node_probabilities
from hierseg_keras.models import HSSN, Calibrated, MultiScale, Resized, SlidingWindow, UNet
from hierseg_keras.tree import ClassTree

# Nodes: person, rider, sky, human.
TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")
IS_TENSORFLOW = keras.backend.backend() == "tensorflow"


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).uniform(0, 255, (2, 24, 36, 3)).astype("float32")


@pytest.fixture(scope="module")
def unet():
    return UNet(TREE, filters=4, num_stages=2)


def classifier(activation, channels=4, size=(None, None)):
    image = keras.Input((*size, 3))
    scaled = keras.layers.Rescaling(1 / 64)(image)
    return keras.Model(image, keras.layers.Conv2D(channels, 3, padding="same", activation=activation)(scaled))


def means(image, factor):
    """The mean of each square of pixels."""
    batch, height, width, channels = image.shape
    parts = image.reshape(batch, height // factor, factor, width // factor, factor, channels)
    return parts.mean(axis=(2, 4))


def bilinear(x, factor):
    """Two axes, the second and third: pixel centers at halves, edges repeated."""
    for axis in (1, 2):
        length = x.shape[axis]
        places = np.clip((np.arange(length * factor) + 0.5) / factor - 0.5, 0, length - 1)
        low = np.minimum(places.astype(int), max(length - 2, 0))
        share = np.expand_dims(places - low, [i for i in range(4) if i != axis])
        x = np.take(x, low, axis) * (1 - share) + np.take(x, np.minimum(low + 1, length - 1), axis) * share
    return x


class ResizedTest:
    @pytest.mark.parametrize("size", [(8, 12), 8])
    def test_scores_are_those_of_the_resized_image_enlarged(self, size, unet, image):
        expected = bilinear(np.asarray(unet(means(image, 3))), 3)
        found = np.asarray(Resized(unet, size)(image))
        assert found.shape == (2, 24, 36, 4)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
        # The answer to the whole image differs.
        assert np.abs(np.asarray(unet(image)) - expected).max() > 0.01

    @pytest.mark.parametrize("size", [(24, 36), 24])
    def test_image_of_the_size_gets_the_scores_of_the_network(self, size, unet, image):
        np.testing.assert_allclose(Resized(unet, size)(image), unet(image), rtol=1e-5, atol=1e-5)

    def test_shorter_side_may_be_the_width(self, unet, image):
        upright = np.swapaxes(image, 1, 2)
        np.testing.assert_allclose(Resized(unet, 8)(upright), Resized(unet, (12, 8))(upright), rtol=1e-5, atol=1e-5)
        assert Resized(unet, 8).resized_size(36, 25) == (12, 8)

    @pytest.mark.parametrize("channels, activation", [(4, "sigmoid"), (3, "softmax")])
    def test_probabilities_stay_probabilities(self, channels, activation, image):
        model = classifier(activation, channels)
        resized = Resized(model, 8, tree=TREE)
        assert not resized.from_logits and resized.scores == ("nodes" if channels == 4 else "leaves")
        expected = bilinear(np.asarray(model(means(image, 3))), 3)
        np.testing.assert_allclose(resized(image), expected, atol=1e-5)
        probabilities = node_probabilities(TREE, resized(image), resized.scores, from_logits=False)
        np.testing.assert_allclose(probabilities[..., :channels], expected, atol=1e-5)

    def test_scales_and_windows_are_those_of_the_resized_image(self, unet, image):
        inner = MultiScale(SlidingWindow(Calibrated(unet, 2.0), (6, 8)), scales=(0.5, 1.0), flip=False)
        expected = bilinear(np.asarray(inner(means(image, 3))), 3)
        np.testing.assert_allclose(Resized(inner, 8)(image), expected, rtol=1e-4, atol=1e-4)

    def test_images_may_have_a_fourth_channel(self, image):
        model = UNet(TREE, filters=2, num_stages=1, input_shape=(None, None, 4))
        image = np.concatenate([image, image[..., :1] / 2], axis=-1)
        expected = bilinear(np.asarray(model(means(image, 3))), 3)
        np.testing.assert_allclose(Resized(model, 8)(image), expected, rtol=1e-4, atol=1e-4)

    def test_network_of_one_size_takes_any_image(self, image):
        model = classifier(None, size=(8, 12))
        resized = Resized(model, (8, 12), tree=TREE)
        assert resized.input_shape == (None, None, None, 3) and resized.output_shape == (None, None, None, 4)
        assert resized(image[:, :19]).shape == (2, 19, 36, 4)
        for size in ((8, 11), 8):
            with pytest.raises(ValueError, match=r"for a network of images of 8 x 12 pixels. Pass size=\(8, 12\)"):
                Resized(model, size, tree=TREE)

    @pytest.mark.parametrize("size", [(8, 12), 8])
    def test_is_saved_and_loaded_with_its_size(self, size, image, tmp_path):
        resized = Resized(HSSN(UNet(TREE, filters=2, num_stages=1)), size)
        resized.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert loaded.size == size and loaded.tree == TREE
        assert (loaded.scores, loaded.from_logits) == (resized.scores, resized.from_logits)
        np.testing.assert_allclose(loaded(image), resized(image), atol=1e-6)

    @pytest.mark.parametrize("size", [0, -1, 8.0, True, "8", None, (8,), (8, 0), (8, 9, 3), (8.0, 9), []])
    def test_size_that_is_neither_an_integer_nor_a_pair_is_an_error(self, size, unet):
        with pytest.raises(ValueError, match="`Resized` expects `size="):
            Resized(unet, size)

    @pytest.mark.skipif(not IS_TENSORFLOW, reason="data pipelines of TensorFlow")
    @pytest.mark.parametrize("size", [(9, 14), 9, 50])
    def test_network_gets_the_pixels_of_the_data_pipeline(self, size):
        import tensorflow as tf

        from hierseg_keras.data import augmentation

        seen = []

        class Seen(keras.layers.Layer):
            def call(self, x):
                seen.append(np.asarray(x))
                return x

            def compute_output_spec(self, x):
                return keras.KerasTensor(x.shape, x.dtype)

        pixels = keras.Input((None, None, 3))
        model = keras.Model(pixels, keras.layers.Conv2D(4, 1)(Seen()(pixels)))
        # The halves of 9 * 45 / 30 and 50 * 45 / 30 are rounded to even numbers, or are none.
        for height, width in ((30, 45), (31, 77), (30, 45)[::-1]):
            image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
            expected, _ = augmentation.resize(tf.constant(image), tf.zeros((height, width, 1), tf.int32), size)
            Resized(model, size, tree=TREE, scores="nodes", from_logits=True)(image[None])
            np.testing.assert_allclose(seen[-1][0], expected, atol=0.01)
