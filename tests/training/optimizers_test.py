import keras
import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.training import AccumulatedCoupledSGD, RunConfig  # noqa: E402
from hierseg_keras.training.optimizers import make_optimizer  # noqa: E402


class MakeOptimizerTest:
    def test_rate_falls_to_0_over_the_steps(self):
        optimizer = {"name": "CoupledSGD", "learning_rate": 0.1}
        config = RunConfig(optimizer=optimizer, schedule={"power": 1.0, "accumulation_steps": 3})
        optimizer = make_optimizer(config, num_batches=14)
        assert type(optimizer) is AccumulatedCoupledSGD
        assert float(optimizer.learning_rate) == pytest.approx(0.1)
        optimizer.iterations.assign(2)
        assert float(optimizer.learning_rate) == pytest.approx(0.05)
        optimizer.iterations.assign(4)
        assert float(optimizer.learning_rate) == 0

    def test_rate_has_a_floor(self):
        """The released HSSN code's: 0.01 falls to 5e-5."""
        config = RunConfig(
            optimizer={"name": "CoupledSGD", "learning_rate": 0.01}, schedule={"end_learning_rate": 5e-5, "power": 0.9}
        )
        optimizer = make_optimizer(config, num_batches=4)
        rates = []
        for step in range(6):
            optimizer.iterations.assign(step)
            rates.append(float(optimizer.learning_rate))
        expected = [(0.01 - 5e-5) * (1 - min(step, 4) / 4) ** 0.9 + 5e-5 for step in range(6)]
        assert rates == pytest.approx(expected)

    def test_averaged_weights(self):
        optimizer = make_optimizer(RunConfig(schedule={"ema_momentum": 0.9}), num_batches=1)
        assert type(optimizer) is keras.optimizers.AdamW
        assert (optimizer.use_ema, optimizer.ema_momentum) == (True, 0.9)
        assert not make_optimizer(RunConfig(), num_batches=1).use_ema

    def test_more_steps_than_batches_raise(self):
        with pytest.raises(ValueError, match=r"at most the number of batches in the run \(3\)"):
            make_optimizer(RunConfig(schedule={"accumulation_steps": 4}), num_batches=3)

    def test_options_are_the_classs(self):
        options = {"name": "CoupledSGD", "momentum": 0.8, "nesterov": True, "weight_decay": 0.01}
        optimizer = make_optimizer(RunConfig(optimizer=options), num_batches=1)
        assert (optimizer.momentum, optimizer.nesterov, optimizer.weight_decay) == (0.8, True, 0.01)

    def test_every_optimizer_accumulates(self):
        config = RunConfig(optimizer={"name": "Lion"}, schedule={"accumulation_steps": 2})
        optimizer = make_optimizer(config, num_batches=2)
        assert isinstance(optimizer, keras.optimizers.Lion) and optimizer.accumulation_steps == 2
