"""How often `fit` traces the training step."""

import keras
import pytest

from hierseg_keras.losses import FocalTreeMin
from tests.models.tree_network_test import IS_TENSORFLOW, TREE, batch, wrapped


class CountedLoss(FocalTreeMin):
    """Counts the calls in Python, of which there is one per loss and trace."""

    calls = 0

    def __call__(self, *arguments, **options):
        self.calls += 1
        return super().__call__(*arguments, **options)


@pytest.mark.skipif(not IS_TENSORFLOW, reason="other backends create the optimizer's variables before the first step")
class CreateOptimizerVariablesTest:
    @pytest.mark.parametrize("model", wrapped(), ids=lambda model: model.name)
    def test_the_training_step_is_traced_once(self, model):
        loss = CountedLoss(TREE)
        model.compile("adamw", loss=loss)
        model.fit(*batch(), batch_size=1, verbose=0)
        assert loss.calls == 1 + len(model.auxiliary_weights)

    def test_a_second_fit_goes_on_with_the_optimizer(self):
        model = wrapped()[-1]
        model.compile(keras.optimizers.SGD(momentum=0.9), loss=FocalTreeMin(TREE))
        model.fit(*batch(), batch_size=1, verbose=0)
        model.fit(*batch(), batch_size=1, verbose=0)
        assert int(model.optimizer.iterations) == 4
