"""The state of a training, taken and restored, also on other numbers of replicas."""

import json

import keras
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras.distribution.replicas import copies_of  # noqa: E402
from hierseg_keras.training.accumulation import AccumulatedSGD  # noqa: E402
from hierseg_keras.training.checkpoints.training_state import restore_state, take_state  # noqa: E402


def small_model(strategy=None):
    with (strategy or tf.distribute.get_strategy()).scope():
        layers = [
            keras.Input((3,)),
            keras.layers.Dense(2),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
        ]
        model = keras.Sequential(layers)
        model.compile("adam", "mse", metrics=[keras.metrics.MeanSquaredError()])
        model.optimizer.build(model.trainable_variables)
        model.compute_metrics(None, np.zeros((1, 2)), np.zeros((1, 2)))
    return model


def fill(model):
    """Gives each copy of each variable values of its own, as after training without exchange."""
    for number, variable in enumerate([*model.variables, *model.optimizer.variables, *model.metrics_variables]):
        for replica, copy in enumerate(copies_of(model, variable)):
            is_own = variable.name.startswith("moving") or variable.aggregation == "sum"
            copy.assign(tf.fill(copy.shape, tf.cast(number + 1 + 10 * replica * is_own, copy.dtype)))


def values(model):
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    return [[np.array(copy) for copy in copies_of(model, variable)] for variable in variables]


class TrainingStateTest:
    def test_is_restored(self):
        model, other = small_model(), small_model()
        fill(model)
        restore_state(other, [], *take_state(model, []))
        for expected, value in zip(values(model), values(other), strict=True):
            assert np.array_equal(expected, value)

    def test_every_replica_is_restored(self, two_replicas):
        model, other = small_model(two_replicas), small_model(two_replicas)
        fill(model)
        restore_state(other, [], *take_state(model, []))
        copies = values(other)
        assert all(np.array_equal(*pair) for pair in zip(values(model), copies, strict=True))
        assert any((pair[0] != pair[1]).any() for pair in copies)

    def test_another_number_of_replicas_has_the_same_sums_and_means(self, two_replicas):
        two, one = small_model(two_replicas), small_model()
        fill(two)
        restore_state(one, [], *take_state(two, []))
        variables = [*one.variables, *one.optimizer.variables, *one.metrics_variables]
        for variable, before, after in zip(variables, values(two), values(one), strict=True):
            is_sum = variable.aggregation == "sum"
            assert np.array_equal(after[0], np.sum(before, 0) if is_sum else np.mean(before, 0)), variable.path

        back = small_model(two_replicas)
        restore_state(back, [], *take_state(one, []))
        for variable, before, after in zip(variables, values(one), values(back), strict=True):
            total = np.sum(after, 0) if variable.aggregation == "sum" else np.mean(after, 0)
            assert np.array_equal(total, before[0]), variable.path

    def test_callbacks_keep_what_they_remember(self):
        stop, other = (keras.callbacks.EarlyStopping(restore_best_weights=True) for _ in range(2))
        stop.best, stop.wait, stop.best_weights = np.float32(0.1), 3, [np.arange(3.0), np.ones((2, 2), "float16")]
        arrays, attributes = take_state(small_model(), [stop])
        restore_state(small_model(), [other], arrays, attributes)
        assert (other.best, other.wait) == (np.float32(0.1), 3)
        for expected, value in zip(stop.best_weights, other.best_weights, strict=True):
            assert expected.dtype == value.dtype and np.array_equal(expected, value)

    @pytest.mark.parametrize("epochs", [0, 2])
    def test_a_smallest_difference_keeps_its_sign(self, epochs):
        model = small_model()
        callbacks = [keras.callbacks.EarlyStopping("val_loss", min_delta=0.5) for _ in range(2)]
        for callback in callbacks:
            callback.set_model(model)
            callback.on_train_begin()
        whole, resumed = callbacks
        for epoch in range(epochs):
            whole.on_epoch_end(epoch, {"val_loss": 3.0})
        restore_state(model, [resumed], *take_state(model, [whole]))
        for callback in callbacks:
            callback.on_epoch_end(epochs, {"val_loss": 2.0})
        assert resumed.min_delta == whole.min_delta == -0.5
        assert take_state(model, [resumed])[1] == take_state(model, [whole])[1]

    def test_gradients_accumulated_on_other_replicas_have_the_same_sum(self, two_replicas):
        def accumulating(strategy=None):
            model = small_model(strategy)
            with model.distribute_strategy.scope():
                model.optimizer = AccumulatedSGD(accumulation_steps=2)
                model.optimizer.build(model.trainable_variables)
            return model

        two, one, back = accumulating(two_replicas), accumulating(), accumulating(two_replicas)
        for replica, copy in enumerate(copies_of(two, two.optimizer._sums[0])):
            copy.assign(tf.fill(copy.shape, 1.0 + replica))
        restore_state(one, [], *take_state(two, []))
        assert (one.optimizer._sums[0].numpy() == 3).all()
        restore_state(back, [], *take_state(one, []))
        assert (sum(copy.numpy() for copy in copies_of(back, back.optimizer._sums[0])) == 3).all()

    def test_odd_attributes_of_callbacks_are_left_out(self):
        callback = keras.callbacks.Callback()
        callback.kept = {"best": [np.float16(0.5), None], "seen": np.arange(3)}
        odd = {
            "by_number": {1: 2},
            "names": {"a"},
            "pair": (1, 2),
            "text": "a",
            "objects": np.array([None]),
            "records": np.zeros(1, [("value", object)]),
            "model_part": keras.Variable(1.0),
            "itself": callback,
        }
        vars(callback).update(odd)
        arrays, (attributes,) = take_state(small_model(), [callback])
        assert json.loads(json.dumps(attributes)) == {
            "kept": {"best": [0.5, None], "seen": {"array": "callback/0/kept/seen"}}
        }
        assert not any(array.dtype.hasobject for array in arrays.values())

    def test_another_model_is_refused(self):
        arrays, attributes = take_state(small_model(), [])
        other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        other.compile("adam", "mse")
        with pytest.raises(
            ValueError, match="expected the state of a training with .* variables and 0 callbacks. Received"
        ):
            restore_state(other, [], arrays, attributes)
        arrays["model/0"] = np.zeros((3, 3), "float32")
        with pytest.raises(ValueError, match=r"expected a state of shape \(3, 2\) for the variable .*kernel. Received"):
            restore_state(small_model(), [], arrays, attributes)
