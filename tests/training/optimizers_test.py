import keras
import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.training import AccumulatedCoupledSGD, RunConfig  # noqa: E402
from hierseg_keras.training.optimizers import make_optimizer  # noqa: E402


class MakeOptimizerTest:
    def test_rate_falls_to_0_over_the_steps(self):
        config = RunConfig(optimizer="sgd", learning_rate=0.1, power=1.0, accumulation_steps=3)
        optimizer = make_optimizer(config, num_batches=14)
        assert type(optimizer) is AccumulatedCoupledSGD
        assert float(optimizer.learning_rate) == pytest.approx(0.1)
        optimizer.iterations.assign(2)
        assert float(optimizer.learning_rate) == pytest.approx(0.05)
        optimizer.iterations.assign(4)
        assert float(optimizer.learning_rate) == 0

    def test_averaged_weights(self):
        optimizer = make_optimizer(RunConfig(ema_momentum=0.9), num_batches=1)
        assert type(optimizer) is keras.optimizers.AdamW
        assert (optimizer.use_ema, optimizer.ema_momentum) == (True, 0.9)
        assert not make_optimizer(RunConfig(), num_batches=1).use_ema

    def test_more_steps_than_batches_raise(self):
        with pytest.raises(ValueError, match=r"at most the batches of the whole run \(3\)"):
            make_optimizer(RunConfig(accumulation_steps=4), num_batches=3)
