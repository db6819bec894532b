import pytest

tf = pytest.importorskip("tensorflow")
import keras  # noqa: E402

from hierseg_keras.distribution import check_jit_compile, make_strategy, strategy  # noqa: E402
from hierseg_keras.models import HSSN, UNet  # noqa: E402
from hierseg_keras.models.layers.resize_to import ResizeTo  # noqa: E402
from hierseg_keras.training import AccumulatedSGD  # noqa: E402


class MakeStrategyTest:
    def test_one_device_is_tensorflows_default(self):
        assert make_strategy(1) is tf.distribute.get_strategy()
        assert not tf.distribute.has_strategy()

    @pytest.mark.parametrize("replicas", ["auto", 2])
    def test_all_visible_devices(self, replicas, two_replicas, monkeypatch):
        asked = []
        monkeypatch.setattr(strategy, "_mirrored", lambda devices: asked.append(devices) or two_replicas)
        assert make_strategy(replicas) is two_replicas
        assert asked == [("/device:CPU:0", "/device:CPU:1")]

    def test_scope_is_used(self, two_replicas):
        with two_replicas.scope():
            assert make_strategy() is two_replicas
            with pytest.raises(ValueError, match="outside of any strategy's scope"):
                make_strategy(1)

    def test_another_backend_has_its_own_devices(self, monkeypatch):
        monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
        assert make_strategy() is tf.distribute.get_strategy()
        with pytest.raises(ValueError, match="from 1 to 1"):
            make_strategy(2)

    @pytest.mark.parametrize("replicas", [0, 3, "all", 1.0, True])
    def test_other_numbers_raise(self, replicas):
        with pytest.raises(ValueError, match=f"from 1 to 2, the visible CPUs. Received: replicas={replicas!r}"):
            make_strategy(replicas)


class CheckJitCompileTest:
    def test_refused_on_several_replicas(self, two_replicas):
        with pytest.raises(ValueError, match="`jit_compile=True` expects one replica.*with 2 replicas"):
            check_jit_compile(True, two_replicas)
        with two_replicas.scope(), pytest.raises(ValueError, match="2 replicas"):
            check_jit_compile(True)

    def test_allowed_otherwise(self, two_replicas):
        check_jit_compile(True)
        check_jit_compile("auto", two_replicas)
        check_jit_compile(False, two_replicas)


class UnderXlaTest:
    """On one GPU, Keras's `jit_compile="auto"` compiles with XLA."""

    def model(self, resized):
        image = keras.Input((4, 4, 3))
        x = keras.layers.Conv2D(2, 1)(image)
        return keras.Model(image, ResizeTo()([x, image]) if resized else x)

    def test_networks_that_are_resized_are_not_compiled(self):
        strategy.check_layers_under_xla(self.model(resized=False))
        with pytest.raises(ValueError, match="`jit_compile` expects false .* not at all: ResizeTo. Received: True"):
            strategy.check_layers_under_xla(self.model(resized=True))

    def test_tensorflow_still_resizes_wrongly(self):
        """Once this fails, layers that resize may be compiled."""
        x = tf.reshape(tf.range(33.0) ** 2, (1, 33, 1, 1))
        resized = [tf.function(lambda x: tf.image.resize(x, (65, 1)), jit_compile=xla)(x) for xla in (False, True)]
        assert tf.reduce_max(tf.abs(resized[0] - resized[1])) > 1

    def test_variables_that_count_are_on_the_device(self):
        """TensorFlow keeps those of int32 on the CPU, where a step compiled for a GPU cannot read them."""
        model = HSSN(UNet("human\n\tperson\n\trider\nsky", filters=2, num_stages=1))
        model.compile(AccumulatedSGD(0.1))
        model.optimizer.build(model.trainable_variables)
        counted = [*model.weights, *model.optimizer.variables]
        dtypes = {keras.backend.standardize_dtype(variable.dtype) for variable in counted}
        assert "int64" in dtypes and "int32" not in dtypes


class CheckPrecisionTest:
    def test_scaled_losses_on_several_replicas(self, two_replicas):
        with pytest.raises(ValueError, match="mixed_float16.* expects one replica, .* Received: 2 replicas"):
            strategy.check_precision("mixed_float16", two_replicas)
        strategy.check_precision("mixed_bfloat16", two_replicas)
        strategy.check_precision("mixed_float16", make_strategy(1))


class CheckBatchSizeTest:
    def test_batch_divides_by_replicas(self, two_replicas):
        strategy.check_batch_size(4, two_replicas)
        with pytest.raises(ValueError, match=r"multiple of the number of replicas \(2\).*batch_size=3. Pass 4"):
            strategy.check_batch_size(3, two_replicas)
