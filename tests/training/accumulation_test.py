import contextlib
import inspect
import subprocess
import sys

import keras
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras.losses import FocalTreeMin  # noqa: E402
from hierseg_keras.training import AccumulatedAdamW, AccumulatedSGD  # noqa: E402
from hierseg_keras.training.accumulation import accumulated  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402


def optimizers_of_keras():
    return [
        name
        for name, cls in vars(keras.optimizers).items()
        if inspect.isclass(cls) and "learning_rate" in inspect.signature(cls).parameters
    ]


TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")
STEPS = 3


def fitted(optimizer, batch_size, strategy=None, **options):
    """A network after three batches of four images, or six of two."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(4 * STEPS, 4, 4, 3)).astype("float32")
    labels = rng.integers(0, TREE.num_nodes, (4 * STEPS, 4, 4))
    keras.utils.set_random_seed(0)
    with strategy.scope() if strategy else contextlib.nullcontext():
        # Every labeled pixel weighs the same in either batch.
        model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Conv2D(TREE.num_nodes, 3, padding="same")])
        model.compile(optimizer(), loss=FocalTreeMin(TREE), **options)
    data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(batch_size, drop_remainder=True)
    model.fit(data, shuffle=False, verbose=0)
    return model


def assert_same_weights(model, expected):
    for weight, other in zip(model.get_weights(), expected.get_weights()):
        np.testing.assert_allclose(weight, other, rtol=1e-4, atol=1e-6)


class AccumulationTest:
    @pytest.mark.large
    def test_step_is_that_of_the_larger_batch(self, two_replicas):
        """Weights, schedule and averaged weights, on one replica, on two, and under XLA."""
        options = {"momentum": 0.9, "weight_decay": 1e-2, "use_ema": True, "ema_momentum": 0.5}
        rate = keras.optimizers.schedules.PolynomialDecay(0.1, STEPS, end_learning_rate=0.0)
        expected = fitted(lambda: keras.optimizers.SGD(rate, **options), 4)
        for strategy, compiling in ((None, {}), (None, {"jit_compile": True}), (two_replicas, {})):
            model = fitted(lambda: AccumulatedSGD(rate, accumulation_steps=2, **options), 2, strategy, **compiling)
            assert_same_weights(model, expected)
            assert int(model.optimizer.iterations.numpy()) == STEPS
            assert float(model.optimizer.learning_rate) == 0

    @pytest.mark.large
    def test_adamw(self):
        expected = fitted(lambda: keras.optimizers.AdamW(0.01), 4)
        assert_same_weights(fitted(lambda: AccumulatedAdamW(0.01, accumulation_steps=2), 2), expected)

    @pytest.mark.large
    def test_batches_left_over_take_no_part(self):
        before = fitted(lambda: AccumulatedSGD(0.1, accumulation_steps=7), 2)
        untouched = fitted(lambda: keras.optimizers.SGD(0.0), 2)
        assert_same_weights(before, untouched)

    def test_saved_model_loads(self, tmp_path):
        model = fitted(lambda: AccumulatedAdamW(0.01, accumulation_steps=2), 2)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert type(loaded.optimizer) is AccumulatedAdamW
        assert loaded.optimizer.get_config() == model.optimizer.get_config()
        assert loaded.optimizer.accumulation_steps == 2

    @pytest.mark.parametrize("name", sorted(optimizers_of_keras()))
    def test_models_with_any_optimizer_of_keras_load(self, name, tmp_path):
        made = accumulated(getattr(keras.optimizers, name))
        assert made is accumulated(getattr(keras.optimizers, name))
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile(made(0.1, accumulation_steps=3), loss="mse")
        model.save(tmp_path / "model.keras")
        optimizer = keras.models.load_model(tmp_path / "model.keras").optimizer
        assert type(optimizer) is made and optimizer.get_config() == model.optimizer.get_config()

    def test_a_process_that_made_no_class_loads_them(self):
        code = "import keras, hierseg_keras\nassert keras.saving.get_registered_object('hierseg_keras>AccumulatedLion')"
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)

    def test_an_optimizer_of_the_user_may_have_the_name_of_one_of_keras(self):
        own = type("Lion", (keras.optimizers.Lion,), {})
        made = accumulated(own)
        assert keras.saving.get_registered_name(made) == f"hierseg_keras>{__name__}.AccumulatedLion"
        assert keras.saving.get_registered_object("hierseg_keras>AccumulatedLion") is accumulated(keras.optimizers.Lion)

    @pytest.mark.parametrize("steps", [0, 1.5, 2.0, "a"])
    def test_invalid_steps_raise(self, steps):
        with pytest.raises(ValueError, match=f"`accumulation_steps` >= 1. Received: accumulation_steps={steps!r}"):
            AccumulatedSGD(0.1, accumulation_steps=steps)

    def test_keras_own_argument_is_refused(self):
        with pytest.raises(ValueError, match="instead of Keras's"):
            AccumulatedSGD(0.1, gradient_accumulation_steps=2)
