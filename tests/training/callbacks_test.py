import csv
import math

import h5py
import keras
import numpy as np
import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.models import HSSN  # noqa: E402
from hierseg_keras.training.callbacks import SaveWeights, SeedEpochs, WriteLog  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from tests.full_disk import full_disk  # noqa: E402

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")


def network():
    layers = [keras.layers.Dense(3), keras.layers.BatchNormalization(), keras.layers.Dense(1)]
    model = keras.Sequential([keras.layers.Input((2,)), *layers])
    model.compile("sgd", loss="mse")
    return model


@pytest.fixture
def saved(tmp_path):
    """A callback that has saved epoch 1."""
    callback = SaveWeights(tmp_path / "model.weights.h5", monitor="val_miou_mean")
    callback.set_model(network())
    callback.on_epoch_end(0, {"loss": 2.0, "val_loss": 2.0, "val_miou_mean": 0.1})
    return callback


class SaveWeightsTest:
    def test_failure_while_saving_keeps_the_weights_before(self, saved, tmp_path):
        kept = saved.path.read_bytes()
        with full_disk(1000), pytest.raises(OSError, match=f"File too large: '{saved.path}'"):
            saved.on_epoch_end(1, {"val_miou_mean": 0.2})
        assert saved.path.read_bytes() == kept
        assert [entry.name for entry in tmp_path.iterdir()] == ["model.weights.h5"]
        # HDF5 ends the process with a segmentation fault where it could not write a file that is still open.
        assert h5py.h5f.get_obj_count(types=h5py.h5f.OBJ_FILE) == 0

    def test_saved_weights_load(self, saved, tmp_path):
        before = saved.model.get_weights()
        saved.model.set_weights([np.zeros_like(weight) for weight in before])
        saved.model.load_weights(saved.path)
        for weight, expected in zip(saved.model.get_weights(), before):
            np.testing.assert_array_equal(weight, expected)
        assert [entry.name for entry in tmp_path.iterdir()] == ["model.weights.h5"]

    def test_only_better_epochs_are_saved(self, saved):
        kept = saved.path.read_bytes()
        saved.model.layers[0].kernel.assign_add(np.ones((2, 3)))
        saved.on_epoch_end(1, {"val_miou_mean": 0.1})
        assert saved.path.read_bytes() == kept and saved.saved_epoch == 1
        saved.on_epoch_end(2, {"val_miou_mean": 0.2})
        assert saved.path.read_bytes() != kept and saved.saved_epoch == 3

    def test_content_is_announced_before_it_is_saved(self, tmp_path):
        path, announced = tmp_path / "model.weights.h5", []
        callback = SaveWeights(path, announce=lambda *what: announced.append((*what, path.exists())))
        callback.set_model(network())
        callback.on_epoch_end(4)
        ((content, epoch, was_there),) = announced
        assert bytes(content) == path.read_bytes() and (epoch, was_there) == (5, False)

    @pytest.mark.parametrize("name", ["loss", "val_loss", "val_miou_mean"])
    @pytest.mark.parametrize("value", [math.nan, math.inf])
    def test_value_that_is_not_finite_ends_training(self, saved, name, value):
        kept = saved.path.read_bytes()
        logs = {"loss": 2.0, "val_loss": 2.0, "val_miou_mean": 0.2, name: value}
        message = f"`{name}` became {value} in epoch 2. {saved.path} keeps the weights of epoch 1. Lower the learning"
        with pytest.raises(FloatingPointError, match=message):
            saved.on_epoch_end(1, logs)
        assert saved.path.read_bytes() == kept

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_weight_that_is_not_finite_ends_training(self, saved, value):
        """Also one that training does not read: the moving averages of batch normalization."""
        kept = saved.path.read_bytes()
        averages = saved.model.layers[1].moving_variance
        averages.assign([1.0, value, 1.0])
        with pytest.raises(FloatingPointError) as raised:
            saved.on_epoch_end(1, {"loss": 2.0, "val_loss": 2.0, "val_miou_mean": 0.2})
        start = f"saving epoch 2 expects finite weights. Received: {averages.path}, 1 of 3 values"
        assert str(raised.value).startswith(start)
        assert str(raised.value).endswith(f"{saved.path} keeps the weights of epoch 1.")
        assert saved.path.read_bytes() == kept

    def test_nothing_is_saved_of_a_first_epoch_that_is_not_finite(self, tmp_path):
        callback = SaveWeights(tmp_path / "model.weights.h5")
        callback.set_model(network())
        with pytest.raises(FloatingPointError, match="in epoch 1. No weights were saved."):
            callback.on_epoch_end(0, {"loss": math.nan})
        assert not any(tmp_path.iterdir())

    def test_averaged_weights_that_are_not_finite_are_not_saved(self, tmp_path):
        """Those that are in the network when an epoch ends."""
        model = network()
        model.compile(keras.optimizers.SGD(0.0, use_ema=True), loss="mse")
        callbacks = [keras.callbacks.SwapEMAWeights(swap_on_epoch=True), SaveWeights(tmp_path / "model.weights.h5")]
        model.optimizer.build(model.trainable_variables)
        model.fit(np.ones((2, 2)), np.ones((2, 1)), verbose=0)
        average = next(variable for variable in model.optimizer.variables if variable.path.endswith("kernel_average"))
        average.assign(np.full(average.shape, np.nan))
        with pytest.raises(FloatingPointError, match="saving epoch 1 expects finite weights.*No weights were saved"):
            model.fit(np.ones((2, 2)), np.ones((2, 1)), callbacks=callbacks, verbose=0)


class WriteLogTest:
    def test_one_row_per_epoch(self, tmp_path):
        callback = WriteLog(tmp_path / "log.csv")
        for epoch in range(3):
            callback.on_epoch_end(epoch, {"val_loss": 0.5, "loss": np.float32(epoch)})
        with (tmp_path / "log.csv").open(newline="") as file:
            rows = list(csv.reader(file))
        assert rows[0] == ["epoch", "loss", "val_loss"]
        assert rows[1:] == [["0", "0.0", "0.5"], ["1", "1.0", "0.5"], ["2", "2.0", "0.5"]]

    def test_rows_of_epochs_that_are_trained_again_are_replaced(self, tmp_path):
        for epochs in (range(4), range(2, 3)):
            callback = WriteLog(tmp_path / "log.csv")
            for epoch in epochs:
                callback.on_epoch_end(epoch, {"loss": len(epochs)})
        with (tmp_path / "log.csv").open() as file:
            rows = [(row["epoch"], row["loss"]) for row in csv.DictReader(file)]
        assert rows == [("0", "4.0"), ("1", "4.0"), ("2", "1.0")]

    @pytest.mark.parametrize("text", ["epoch;loss\n0;0.5\n", "epoch,loss\n0.0,0.5\n", "loss\n0.5\n"])
    def test_log_that_was_edited_is_refused_before_the_first_epoch(self, text, tmp_path):
        (tmp_path / "log.csv").write_text(text)
        with pytest.raises(ValueError, match="log.csv: expected the log .* Restore the file, or delete it"):
            WriteLog(tmp_path / "log.csv").on_train_begin()

    def test_log_is_kept_where_the_disk_is_full(self, tmp_path):
        callback = WriteLog(tmp_path / "log.csv")
        callback.on_epoch_end(0, {"loss": 1.0})
        before = (tmp_path / "log.csv").read_bytes()
        with full_disk(10), pytest.raises(OSError, match="File too large: '.*log.csv'"):
            callback.on_epoch_end(1, {"loss": 1.0})
        assert (tmp_path / "log.csv").read_bytes() == before
        assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]


def plain():
    x = image = keras.Input((8, 8, 3))
    for filters in (4, 4):
        x = keras.layers.Dropout(0.5)(keras.layers.Conv2D(filters, 1, activation="relu")(x))
    return keras.Model(image, keras.layers.Conv2D(TREE.num_nodes, 1)(x))


def hssn():
    return HSSN(plain(), TREE, projection_filters=4, seed=0, total_steps=4)


class SeedEpochsTest:
    def trained(self, model, epochs, initial_epoch=0):
        rng = np.random.default_rng(0)
        images, labels = rng.uniform(0, 255, (4, 8, 8, 3)), rng.integers(0, TREE.num_leaves, (4, 8, 8))
        options = {"batch_size": 2, "shuffle": False, "verbose": 0, "callbacks": [SeedEpochs(3)]}
        model.fit(images, labels, epochs=epochs, initial_epoch=initial_epoch, **options)
        return model

    def compiled(self, make):
        keras.utils.set_random_seed(1)
        model = make()
        loss = None if isinstance(model, HSSN) else keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss=loss, run_eagerly=True)
        return model

    @pytest.mark.parametrize("make", [plain, hssn])
    def test_network_that_is_loaded_goes_on_with_the_same_bits(self, make, tmp_path):
        straight = self.trained(self.compiled(make), epochs=2)
        self.trained(self.compiled(make), epochs=1).save(tmp_path / "model.keras")
        # Other networks before it, and other draws.
        keras.utils.set_random_seed(7)
        plain()
        loaded = self.trained(keras.models.load_model(tmp_path / "model.keras"), epochs=2, initial_epoch=1)
        for weight, expected in zip(loaded.get_weights(), straight.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, expected)

    def test_states_differ_by_seed_epoch_and_layer(self):
        model, states = plain(), set()
        for seed, epoch in ((0, 0), (0, 1), (1, 0)):
            callback = SeedEpochs(seed)
            callback.set_model(model)
            callback.on_epoch_begin(epoch)
            found = [tuple(v.numpy()) for v in model.variables if v.name == "seed_generator_state"]
            assert len(found) == 2
            states.update(found)
        assert len(states) == 6

    def test_every_replica_draws_its_own(self, two_replicas):
        with two_replicas.scope():
            model = plain()
        callback = SeedEpochs(0)
        callback.set_model(model)
        callback.on_epoch_begin(0)
        state = next(v for v in model.variables if v.name == "seed_generator_state")
        first, second = (value.numpy().tolist() for value in two_replicas.experimental_local_results(state.value))
        assert first != second
