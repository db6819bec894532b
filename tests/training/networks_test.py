import keras
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras.losses import FocalTreeMin  # noqa: E402
from hierseg_keras.training.networks import make_network, network_options  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")


def all_layers(model):
    """Those of the models inside too."""
    for layer in model.layers:
        yield from all_layers(layer) if isinstance(layer, keras.Model) else [layer]


class NetworkOptionsTest:
    def test_those_left_out_are_the_tables(self):
        assert network_options("unet", {"filters": 4, "num_stages": None}) == {"filters": 4, "num_stages": 4}

    def test_option_of_another_network_raises(self):
        message = "`unet` expects options among .*Received: backbone='resnet50'.*has it: .'deeplab_v3_plus'"
        with pytest.raises(ValueError, match=message):
            network_options("unet", {"backbone": "resnet50"})


class MakeNetworkTest:
    def test_deeplab_with_its_own_options(self):
        given = {"backbone": "resnet18_small", "output_stride": 32, "filters": 4, "synchronized_batch_norm": True}
        options = network_options("deeplab_v3_plus", given)
        model = make_network("deeplab_v3_plus", TREE, "leaves", options, "mixed_float16")
        assert (model.tree, model.output_shape[-1], model.dtype_policy.name) == (TREE, 3, "mixed_float16")
        synchronized = [
            layer.synchronized for layer in all_layers(model) if isinstance(layer, keras.layers.BatchNormalization)
        ]
        assert len(synchronized) > 10 and all(synchronized)
        logits = model(np.zeros((1, 33, 40, 3)))
        assert (logits.shape, logits.dtype) == ((1, 33, 40, 3), "float32")


class PrecisionTest:
    @pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
    def test_two_steps_are_finite_and_logits_float32(self, precision):
        model = make_network("unet", TREE, "nodes", {"filters": 2, "num_stages": 1}, precision)
        assert keras.config.dtype_policy().name == "float32"
        assert model.get_layer("encoder_0_a_conv").compute_dtype == precision.removeprefix("mixed_")
        model.compile("adamw", loss=FocalTreeMin(TREE))
        assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer) == (precision == "mixed_float16")
        images = np.random.default_rng(0).uniform(0, 255, (4, 9, 8, 3)).astype("float32")
        data = tf.data.Dataset.from_tensor_slices((images, np.zeros((4, 9, 8), "int32"))).batch(2, drop_remainder=True)
        losses = model.fit(data, shuffle=False, verbose=0).history["loss"]
        assert np.isfinite(losses).all()
        assert all(np.isfinite(weight).all() for weight in model.get_weights())
        assert model(images).dtype == "float32"

    def test_policy_comes_back_after_an_error(self):
        with pytest.raises(ValueError, match="filters"):
            make_network("unet", TREE, "nodes", {"filters": 0, "num_stages": 2}, "mixed_float16")
        assert keras.config.dtype_policy().name == "float32"
