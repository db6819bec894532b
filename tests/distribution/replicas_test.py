"""One replica and two: what is the same, and how what is not differs."""

import contextlib

import keras
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras.distribution.averaged_statistics import AverageReplicas  # noqa: E402
from hierseg_keras.distribution.evaluation_batches import evaluation_batches  # noqa: E402
from hierseg_keras.losses import FocalTreeMin, HierarchicalCrossentropy  # noqa: E402
from hierseg_keras.metrics import LevelMeanIoU  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402

TREE = ClassTree.from_text("human\n\tperson\n\trider\nvehicle\n\tcar\n\t\tsedan\nsky")
IGNORED = 255
OUTPUTS = {HierarchicalCrossentropy: "leaves", FocalTreeMin: "nodes"}


@pytest.fixture
def batch():
    """Four images and labels; a replica of two has the first two."""
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (4, 8, 8, 3)).astype("float32")
    labels = rng.integers(0, TREE.num_nodes, (4, 8, 8), "int32")
    labels[:, 0, :3] = IGNORED
    return images, labels


def network(loss, normalization=None):
    """Convolutions with, where asked for, batch normalization between them."""
    channels = TREE.num_leaves if OUTPUTS[type(loss)] == "leaves" else TREE.num_nodes
    between = [normalization] if normalization else []
    layers = [keras.layers.Rescaling(1 / 128), keras.layers.Conv2D(8, 3, padding="same"), *between]
    return keras.Sequential([keras.Input((8, 8, 3)), *layers, keras.layers.Conv2D(channels, 1)])


def fitted(strategy, batch, loss, synchronized=None, has_metric=False, **options):
    """A network after `fit` on the batch, and the last epoch's values."""
    keras.utils.set_random_seed(0)
    with strategy.scope() if strategy else contextlib.nullcontext():
        has_layer = synchronized is not None
        normalization = keras.layers.BatchNormalization(synchronized=synchronized) if has_layer else None
        model = network(loss, normalization)
        metrics = [LevelMeanIoU(TREE, scores=OUTPUTS[type(loss)])] if has_metric else None
        # Eagerly where it can be, which takes less than compiling for a few steps.
        model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss, metrics=metrics, run_eagerly=strategy is None)
    data = tf.data.Dataset.from_tensor_slices(batch).batch(4, drop_remainder=True)
    history = model.fit(data, shuffle=False, verbose=0, **options).history
    return model, {name: values[-1] for name, values in history.items()}


def assert_same(one, two):
    (one_model, one_values), (two_model, two_values) = one, two
    assert one_values.keys() == two_values.keys()
    for name, value in one_values.items():
        np.testing.assert_allclose(two_values[name], value, rtol=1e-5, err_msg=name)
    for weight, other in zip(one_model.get_weights(), two_model.get_weights()):
        np.testing.assert_allclose(other, weight, rtol=1e-4, atol=1e-6)


class SameOnOneAndTwoReplicasTest:
    @pytest.mark.parametrize("loss", [HierarchicalCrossentropy, FocalTreeMin])
    def test_loss_metric_and_weights_after_steps(self, loss, batch, two_replicas):
        one, two = (fitted(strategy, batch, loss(TREE), has_metric=True, epochs=2) for strategy in (None, two_replicas))
        assert_same(one, two)

    def test_synchronized_batch_normalization(self, batch, two_replicas):
        one = fitted(None, batch, FocalTreeMin(TREE), synchronized=False, epochs=2)
        assert_same(one, fitted(two_replicas, batch, FocalTreeMin(TREE), synchronized=True, epochs=2))

    def test_mean_over_the_whole_batch_whatever_is_ignored(self, batch, two_replicas):
        images, labels = batch
        labels[:2, :7] = IGNORED
        loss = FocalTreeMin(TREE, normalization="global")
        assert_same(fitted(None, (images, labels), loss), fitted(two_replicas, (images, labels), loss))

    @pytest.mark.large
    def test_evaluation_with_an_uneven_last_batch(self, batch, two_replicas):
        """Five images on two replicas: Keras would leave one of them none of the last batch."""
        images, labels = (np.concatenate([part, part[:1]]) for part in batch)
        examples = tf.data.Dataset.from_tensor_slices((images, labels)).batch(1)
        spread, steps = evaluation_batches(examples, 4, (0, IGNORED), two_replicas)
        whole = tf.data.Dataset.from_tensor_slices((images, labels)).batch(4)
        values = []
        for strategy, data, num_steps in ((None, whole, None), (two_replicas, spread, steps)):
            model, _ = fitted(strategy, batch, FocalTreeMin(TREE), has_metric=True)
            rng = np.random.default_rng(1)
            model.set_weights([rng.normal(size=weight.shape) for weight in model.get_weights()])
            # Twice, as after every epoch.
            model.evaluate(data, steps=num_steps, verbose=0)
            values.append(model.evaluate(data, steps=num_steps, return_dict=True, verbose=0))
        assert values[1] == pytest.approx(values[0], rel=1e-5) and np.isfinite(list(values[0].values())).all()


class DifferentOnTwoReplicasTest:
    def test_batch_normalization_sees_its_replicas_part(self, batch, two_replicas):
        """A replica's moving averages are those of its own images; Keras reads the first replica's."""
        one, _ = fitted(None, batch, FocalTreeMin(TREE), synchronized=False)
        two, _ = fitted(two_replicas, batch, FocalTreeMin(TREE), synchronized=False)
        assert not np.allclose(one.layers[-1].kernel, two.layers[-1].kernel, rtol=1e-4)
        keras.utils.set_random_seed(0)
        seen = keras.ops.convert_to_numpy(network(FocalTreeMin(TREE)).layers[1](batch[0] / 128))
        momentum, norm = two.layers[2].momentum, two.layers[2]
        expected = [(1 - momentum) * seen[part].mean((0, 1, 2)) for part in (slice(2), slice(2, 4))]
        moving_means = two_replicas.experimental_local_results(norm.moving_mean.value)
        np.testing.assert_allclose([value.numpy() for value in moving_means], expected, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(norm.moving_mean.numpy(), expected[0], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(one.layers[2].moving_mean.numpy(), np.mean(expected, 0), rtol=1e-4, atol=1e-6)
        average = AverageReplicas()
        average.set_model(two)
        average.on_test_begin()
        for value in two_replicas.experimental_local_results(norm.moving_mean.value):
            np.testing.assert_allclose(value.numpy(), np.mean(expected, 0), rtol=1e-4, atol=1e-6)

    def test_unevenly_ignored_pixels_weigh_more_on_their_replica(self, batch, two_replicas):
        """The loss is the mean over replicas of each one's mean over its labeled pixels."""
        images, labels = batch
        labels[:2, :7] = IGNORED
        loss = FocalTreeMin(TREE)
        one_model, one = fitted(None, (images, labels), loss)
        two_model, two = fitted(two_replicas, (images, labels), loss)
        keras.utils.set_random_seed(0)
        logits = network(loss)(images)
        of_replicas = [float(loss(labels[part], logits[part])) for part in (slice(2), slice(2, 4))]
        assert two["loss"] == pytest.approx(np.mean(of_replicas), rel=1e-5)
        assert one["loss"] == pytest.approx(float(loss(labels, logits)), rel=1e-5)
        assert one["loss"] != pytest.approx(two["loss"], rel=1e-3)
        assert not np.allclose(one_model.layers[-1].kernel, two_model.layers[-1].kernel, rtol=1e-3)


class HundredStepsTest:
    @pytest.mark.large
    def test_stay_finite_with_an_uneven_last_batch(self, two_replicas):
        rng = np.random.default_rng(0)
        images = rng.uniform(0, 255, (45, 8, 8, 3)).astype("float32")
        labels = rng.integers(0, TREE.num_nodes, (45, 8, 8), "int32")
        labels[rng.uniform(size=labels.shape) < 0.3] = IGNORED
        train = tf.data.Dataset.from_tensor_slices((images[:40], labels[:40])).batch(4, drop_remainder=True)
        validation = tf.data.Dataset.from_tensor_slices((images[40:], labels[40:])).batch(1)
        validation, steps = evaluation_batches(validation, 4, (0, IGNORED), two_replicas)
        with two_replicas.scope():
            model = network(FocalTreeMin(TREE), keras.layers.BatchNormalization())
            model.compile(keras.optimizers.AdamW(0.01), loss=FocalTreeMin(TREE), metrics=[LevelMeanIoU(TREE)])
        options = {"validation_data": validation, "validation_steps": steps, "epochs": 10}
        history = model.fit(train, shuffle=False, verbose=0, **options).history
        assert int(model.optimizer.iterations.numpy()) == 100
        assert all(np.isfinite(values).all() for values in history.values())
        for weight in model.weights:
            for value in two_replicas.experimental_local_results(weight.value):
                assert np.isfinite(value.numpy()).all(), weight.path
        assert history["loss"][-1] < history["loss"][0]
