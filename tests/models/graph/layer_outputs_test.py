import keras
import numpy as np
import pytest

from hierseg_keras.models.graph.layer_outputs import call_names, layer_outputs
from hierseg_keras.models.graph.shared_layers import SharedLayers


@pytest.fixture(scope="module")
def twice():
    """A network that calls `trunk`, a model that calls `inner` twice, on the image and on its double."""
    image = keras.Input((None, None, 3), name="image")
    inner = keras.layers.Conv2D(2, 1, name="inner")
    x = keras.Input((None, None, 3))
    once = inner(keras.layers.Rescaling(3.0)(x))
    trunk = keras.Model(x, keras.layers.Add(name="sum")([once, inner(x)]), name="trunk")
    first = keras.layers.Rescaling(1.0)(keras.layers.Rescaling(2.0)(image))
    out = keras.layers.Concatenate(name="joined")([keras.layers.Rescaling(1.0)(trunk(first)), trunk(image)])
    return keras.Model(image, out)


def values_of(model, names, image):
    _, found = layer_outputs(model, names)
    values = keras.Model(model.input, found)(image)
    return {name: [keras.ops.convert_to_numpy(x) for x in calls] for name, calls in values.items()}


class LayerOutputsTest:
    def test_every_call_of_a_layer_in_the_order_of_the_graph(self, twice):
        image = np.random.default_rng(0).uniform(size=(1, 2, 3, 3)).astype("float32")
        trunk = twice.get_layer("trunk")
        found = values_of(twice, ["trunk", "trunk/inner", "trunk[1]", "trunk/inner[3]", "joined"], image)
        assert {name: len(calls) for name, calls in found.items()} == {
            "trunk": 2,
            "trunk/inner": 4,
            "trunk[1]": 1,
            "trunk/inner[3]": 1,
            "joined": 1,
        }
        # The branch with more layers runs first.
        np.testing.assert_allclose(found["trunk"][0], trunk(2 * image), rtol=1e-5)
        np.testing.assert_allclose(found["trunk"][1], trunk(image), rtol=1e-5)
        inner = trunk.get_layer("inner")
        for value, factor in zip(found["trunk/inner"], (6, 2, 3, 1), strict=True):
            np.testing.assert_allclose(value, inner(factor * image), rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(found["trunk/inner[3]"][0], found["trunk/inner"][3])
        np.testing.assert_array_equal(found["trunk[1]"][0], found["trunk"][1])

    @pytest.mark.parametrize("name, count", [("trunk[2]", 2), ("trunk/inner[4]", 4), ("image", 0)])
    def test_calls_that_are_not_there_raise(self, twice, name, count):
        with pytest.raises(ValueError, match=f"of which there are {count}, numbered from 0. Received: "):
            layer_outputs(twice, [name])

    def test_names_of_calls(self):
        assert call_names("stage", 1) == ["stage"] and call_names("a/b", 2) == ["a/b[0]", "a/b[1]"]


class SharedLayersTest:
    def test_later_calls_have_the_layers_of_the_first(self):
        built = []

        def build(x, others):
            built.append(keras.layers.Dense(2, name="shared"))
            return {"sum": keras.layers.Add()([built[0](x), others[0]])}

        shared, image = SharedLayers(build), keras.Input((3,))
        other = keras.layers.Dense(2)(image)
        sums = [shared(image, [other])["sum"], shared(keras.layers.Rescaling(2.0)(image), [other])["sum"]]
        model = keras.Model(image, sums)
        assert len(built) == 1 and [layer.name for layer in model.layers].count("shared") == 1
        x = np.ones((1, 3), "float32")
        first, second = (keras.ops.convert_to_numpy(value) for value in model(x))
        np.testing.assert_allclose(second - first, keras.ops.convert_to_numpy(built[0](x)), rtol=1e-5, atol=1e-6)
