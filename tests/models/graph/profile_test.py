import keras
import pytest
from keras import layers

from hierseg_keras.models import HSSN, MultiScale, UNet, profile
from hierseg_keras.tree import ClassTree

if keras.backend.backend() != "tensorflow":
    pytest.skip("TensorFlow's graphs are counted", allow_module_level=True)


def costs(model, size):
    return {row.name: (row.parameters, row.multiply_adds) for row in profile(model, size)}


class ProfileTest:
    def test_hand_computed_layers(self):
        image = keras.Input((None, None, 3))
        x = layers.Conv2D(4, 3, strides=2, padding="same", name="conv")(image)
        x = layers.DepthwiseConv2D(5, padding="same", use_bias=False, name="depthwise")(x)
        x = layers.Conv2D(6, 3, groups=2, padding="same", name="grouped")(x)
        x = layers.Conv2D(6, 3, dilation_rate=3, padding="same", use_bias=False, name="dilated")(x)
        x = layers.Conv2DTranspose(2, 2, strides=2, name="transposed")(x)
        x = layers.BatchNormalization(name="norm")(x)
        model = keras.Model(image, layers.Dense(7, name="dense")(x))
        pixels = 5 * 7
        assert costs(model, (10, 14)) == {
            "conv": (4 * 27 + 4, pixels * 4 * 27),
            "depthwise": (4 * 25, pixels * 4 * 25),
            "grouped": (6 * 9 * 2 + 6, pixels * 6 * 9 * 2),
            "dilated": (6 * 9 * 6, pixels * 6 * 9 * 6),
            "transposed": (2 * 4 * 6 + 2, pixels * 6 * 4 * 2),
            "norm": (4, 0),
            "dense": (2 * 7 + 7, 4 * pixels * 2 * 7),
        }

    def test_attention(self):
        x = keras.Input((None, None, 8))
        flat = layers.Reshape((-1, 8))(x)
        model = keras.Model(x, layers.MultiHeadAttention(2, 3, name="attention")(flat, flat))
        tokens, projected = 4 * 5, 2 * 3
        # Queries, keys, values and the output; similarities; sums.
        expected = 4 * tokens * 8 * projected + 2 * tokens * tokens * projected
        assert costs(model, (4, 5))["attention"][1] == expected

    def test_nested_and_repeated_layers(self):
        inner_image = keras.Input((None, None, 3))
        inner = keras.Model(inner_image, layers.Conv2D(3, 1, use_bias=False, name="conv")(inner_image), name="inner")
        image = keras.Input((None, None, 3))
        model = keras.Model(image, inner(inner(image)))
        assert costs(model, (2, 2)) == {"inner/conv": (9, 2 * 4 * 9)}

    def test_what_is_for_training_only_costs_nothing(self):
        network = UNet(ClassTree(["human/person", "sky"]), filters=2, num_stages=2)
        for model in (HSSN(network), HSSN(network).inference_model):
            assert profile(model, (8, 8)) == profile(network, (8, 8))

    def test_size_that_the_model_does_not_take_raises(self):
        image = keras.Input((8, 8, 3))
        with pytest.raises(ValueError, match=r"that the model accepts, \(8, 8\). Received: size=\(8, 9\)"):
            profile(keras.Model(image, layers.Conv2D(1, 1)(image)), (8, 9))
        with pytest.raises(ValueError, match="Received: size=8"):
            profile(keras.Model(image, layers.Conv2D(1, 1)(image)), 8)

    def test_wrapper_for_prediction_raises(self):
        network = UNet(ClassTree(["human/person", "sky"]), filters=2, num_stages=2)
        with pytest.raises(TypeError, match="`profile` expects a functional `keras.Model`"):
            profile(MultiScale(network), (8, 8))
