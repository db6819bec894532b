import contextlib

import keras
import numpy as np
import pytest

from hierseg_keras.losses import FocalTreeMin
from hierseg_keras.models.auxiliary_logits import AuxiliaryLogits
from hierseg_keras.tree import ClassTree

if keras.backend.backend() != "tensorflow":
    pytest.skip("tf.distribute", allow_module_level=True)

TREE = ClassTree(["human/person", "human/rider", "sky"])


def stepped(strategy):
    """A network's weights and loss after a step."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    with strategy.scope() if strategy else contextlib.nullcontext():
        image = keras.Input((4, 4, 3))
        x = keras.layers.Conv2D(4, 1, activation="relu")(image)
        coarse, logits = (keras.layers.Conv2D(TREE.num_nodes, 1)(x) for _ in range(2))
        model = AuxiliaryLogits(image, logits, {"coarse": (coarse, 0.4)})
        model.compile(keras.optimizers.SGD(0.5), loss=FocalTreeMin(TREE), run_eagerly=strategy is None)
    images, labels = rng.normal(size=(4, 4, 4, 3)), rng.integers(0, TREE.num_nodes, (4, 4, 4))
    loss = model.fit(images.astype("float32"), labels, batch_size=4, shuffle=False, verbose=0).history["loss"]
    return loss, model.get_weights()


def test_same_on_one_and_two_replicas(two_replicas):
    (one_loss, one), (two_loss, two) = stepped(None), stepped(two_replicas)
    np.testing.assert_allclose(two_loss, one_loss, rtol=1e-5)
    for weight, other in zip(one, two):
        np.testing.assert_allclose(other, weight, rtol=1e-4, atol=1e-6)
