"""Weight decay as the papers mean it, beside a reference of `torch.optim.SGD` in NumPy."""

import contextlib
import re

import keras
import numpy as np
import pytest
from keras import ops

from hierseg_keras.training import AccumulatedCoupledSGD, CoupledSGD, RunConfig
from hierseg_keras.training.optimizers import make_optimizer

IS_TENSORFLOW = keras.backend.backend() == "tensorflow"
STEPS, IMAGES = 6, 4


def data():
    """Inputs and targets of a linear regression, four examples per step."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(STEPS * IMAGES, 3)).astype("float32")
    return inputs, (inputs @ rng.normal(size=(3, 2)) + 1).astype("float32")


def network():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="dense")], name="network")
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.get_weights()])
    return model


def fitted(optimizer, batch_size=IMAGES, strategy=None, model=None, **options):
    """A network after one epoch, in order."""
    with strategy.scope() if strategy else contextlib.nullcontext():
        model = model or network()
        model.compile(optimizer() if callable(optimizer) else optimizer, loss="mse", **options)
    model.fit(*data(), batch_size=batch_size, shuffle=False, verbose=0)
    return model


def reference(rates, momentum=0.0, decay=0.0, nesterov=False, decays=(True, True), clip=None):
    """The weights after `torch.optim.SGD`, in float64, as its documentation writes it."""
    weights = [weight.astype("float64") for weight in network().get_weights()]
    buffers = [None] * len(weights)
    for step, rate in enumerate(rates):
        inputs, targets = (part[step * IMAGES : (step + 1) * IMAGES].astype("float64") for part in data())
        error = 2 * (inputs @ weights[0] + weights[1] - targets) / targets.size
        gradients = [inputs.T @ error, error.sum(axis=0)]
        if clip is not None:
            norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients))
            gradients = [gradient * min(1, clip / norm) for gradient in gradients]
        for i, gradient in enumerate(gradients):
            gradient = gradient + decay * decays[i] * weights[i]
            if momentum:
                buffers[i] = gradient if buffers[i] is None else momentum * buffers[i] + gradient
                gradient = gradient + momentum * buffers[i] if nesterov else buffers[i]
            weights[i] = weights[i] - rate * gradient
    return weights


def assert_close(model, expected):
    for weight, value in zip(model.get_weights(), expected):
        np.testing.assert_allclose(weight, value, rtol=2e-6, atol=2e-7)


def schedule():
    return keras.optimizers.schedules.PolynomialDecay(0.5, STEPS, end_learning_rate=0.0, power=0.9)


RATES = [0.5 * (1 - step / STEPS) ** 0.9 for step in range(STEPS)]
OPTIONS = {"momentum": 0.9, "weight_decay": 0.05}


class CoupledSGDTest:
    def test_share_of_a_weight_that_the_papers_decay_leaves(self):
        """2,000 of 80,000 steps with a gradient of zero; Keras's decoupled decay leaves 0.9980."""
        rate = keras.optimizers.schedules.PolynomialDecay(0.01, 80000, end_learning_rate=0.0, power=0.9)
        weight, velocity = np.float64(1), np.float64(0)
        for step in range(2000):
            velocity = 0.9 * velocity + 1e-4 * weight
            weight -= 0.01 * (1 - step / 80000) ** 0.9 * velocity
        assert weight == pytest.approx(0.9805, abs=5e-5)
        left = {}
        for make in (CoupledSGD, keras.optimizers.SGD):
            optimizer, variable = make(rate, momentum=0.9, weight_decay=1e-4), keras.Variable([1.0])
            optimizer.build([variable])
            left[make] = _after_zero_gradients(optimizer, variable, 2000)
        assert left[CoupledSGD] == pytest.approx(weight, rel=1e-5)
        assert left[keras.optimizers.SGD] == pytest.approx(0.9980, abs=5e-5)

    @pytest.mark.parametrize("momentum", [0.0, 0.9])
    @pytest.mark.parametrize("nesterov", [False, True])
    def test_matches_numpy_reference(self, momentum, nesterov):
        """Real gradients under a schedule: PyTorch multiplies the whole momentum by the present rate."""
        model = fitted(CoupledSGD(schedule(), momentum=momentum, nesterov=nesterov, weight_decay=0.05))
        assert_close(model, reference(RATES, momentum, 0.05, nesterov and momentum > 0))

    def test_decay_comes_after_clipping(self):
        model = fitted(CoupledSGD(schedule(), global_clipnorm=0.3, **OPTIONS))
        assert_close(model, reference(RATES, 0.9, 0.05, clip=0.3))

    def test_excluded_variables_are_not_decayed(self):
        expected = reference(RATES, 0.9, 0.05, decays=(True, False))
        by_name = CoupledSGD(schedule(), **OPTIONS)
        by_name.exclude_from_weight_decay(var_names=["bias"])
        assert_close(fitted(by_name), expected)
        model, by_variable = network(), CoupledSGD(schedule(), **OPTIONS)
        by_variable.exclude_from_weight_decay(var_list=[model.layers[0].bias])
        assert_close(fitted(by_variable, model=model), expected)
        with pytest.raises(ValueError, match="has not been built"):
            by_variable.exclude_from_weight_decay(var_names=["bias"])

    def test_averaged_weights(self):
        model = fitted(CoupledSGD(schedule(), use_ema=True, ema_momentum=0.0, **OPTIONS))
        assert_close(model, reference(RATES, 0.9, 0.05))

    @pytest.mark.parametrize("scale", [8.0, 2.0**10])
    def test_decay_is_not_scaled_with_the_loss(self, scale):
        inner = CoupledSGD(schedule(), **OPTIONS)
        optimizer = keras.optimizers.LossScaleOptimizer(inner, initial_scale=scale, dynamic_growth_steps=2)
        assert_close(fitted(optimizer), reference(RATES, 0.9, 0.05))

    def test_sparse_gradients_are_decayed_too(self):
        """As dense ones: PyTorch refuses to decay sparse ones."""
        model = keras.Sequential([keras.Input((1,), dtype="int32"), keras.layers.Embedding(3, 2)])
        before = model.get_weights()[0]
        model.compile(CoupledSGD(0.1, momentum=0.9, weight_decay=0.5), loss="mse")
        model.fit(np.zeros((1, 1), "int32"), before[None, :1], verbose=0)
        np.testing.assert_allclose(model.get_weights()[0], before * (1 - 0.1 * 0.5), rtol=1e-6)

    def test_saved_model_goes_on_exactly(self, tmp_path):
        def optimizer():
            # Keras (3.15) cannot call `fit` twice with averaged weights on JAX.
            made = CoupledSGD(schedule(), nesterov=True, use_ema=IS_TENSORFLOW, **OPTIONS)
            made.exclude_from_weight_decay(var_names=["bias"])
            return made

        straight = fitted(optimizer)
        straight.fit(*data(), batch_size=IMAGES, shuffle=False, verbose=0)
        fitted(optimizer).save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert type(loaded.optimizer) is CoupledSGD
        assert loaded.optimizer.get_config() == straight.optimizer.get_config()
        loaded.fit(*data(), batch_size=IMAGES, shuffle=False, verbose=0)
        for weight, expected in zip(loaded.get_weights(), straight.get_weights()):
            np.testing.assert_array_equal(weight, expected)

    def test_excluded_variables_are_saved(self):
        model, optimizer = network(), CoupledSGD(0.1)
        optimizer.exclude_from_weight_decay([model.layers[0].kernel], ["beta"])
        excluded = {"paths": ["network/dense/kernel"], "names": ["beta"]}
        assert optimizer.get_config()["excluded_from_weight_decay"] == excluded
        config = optimizer.get_config()
        for _ in range(2):
            assert CoupledSGD.from_config(config).get_config() == config == optimizer.get_config()

    @pytest.mark.parametrize("decay", [-1e-4, float("nan"), float("inf")])
    def test_invalid_decay_raises(self, decay):
        message = f"`weight_decay` >= 0, or None. Received: weight_decay={decay}"
        with pytest.raises(ValueError, match=re.escape(message)):
            CoupledSGD(0.1, weight_decay=decay)


@pytest.mark.skipif(not IS_TENSORFLOW, reason="of tf.distribute")
class ReplicasTest:
    def test_decay_is_added_once(self, two_replicas):
        model = fitted(lambda: CoupledSGD(schedule(), **OPTIONS), strategy=two_replicas)
        assert_close(model, reference(RATES, 0.9, 0.05))

    def test_excluded_on_every_replica(self, two_replicas):
        def optimizer():
            made = CoupledSGD(schedule(), **OPTIONS)
            made.exclude_from_weight_decay(var_names=["bias"])
            return made

        model = fitted(optimizer, strategy=two_replicas)
        assert_close(model, reference(RATES, 0.9, 0.05, decays=(True, False)))


@pytest.mark.skipif(not IS_TENSORFLOW, reason="of tf.distribute")
class AccumulatedCoupledSGDTest:
    def test_step_is_that_of_the_larger_batch(self, two_replicas):
        for strategy in (None, two_replicas):
            model = fitted(lambda: AccumulatedCoupledSGD(schedule(), accumulation_steps=2, **OPTIONS), 2, strategy)
            assert_close(model, reference(RATES, 0.9, 0.05))

    def test_saved_optimizer_loads(self):
        optimizer = AccumulatedCoupledSGD(0.1, accumulation_steps=3, **OPTIONS)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        loaded = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
        assert type(loaded) is AccumulatedCoupledSGD and loaded.get_config() == optimizer.get_config()


class RunTest:
    def test_sgd_of_a_run_decays_as_the_papers_do(self):
        config = RunConfig.from_recipe("hssn_cityscapes_deeplabv3plus_r101")
        assert type(make_optimizer(config, 8)) is CoupledSGD
        assert make_optimizer(config, 8).weight_decay == 1e-4 and make_optimizer(config, 8).momentum == 0.9


def _after_zero_gradients(optimizer, variable, steps):
    """The variable after steps with a gradient of zero."""
    zero = ops.zeros_like(variable.value)
    if not IS_TENSORFLOW:
        values, state = [variable.value], [each.value for each in optimizer.variables]
        for _ in range(steps):
            values, state = optimizer.stateless_apply(state, [zero], values)
        return float(values[0][0])
    import tensorflow as tf

    @tf.function
    def run():
        for _ in tf.range(steps):
            optimizer.apply([zero], [variable])

    run()
    return float(variable.numpy()[0])
