import keras
import numpy as np
import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.training.callbacks import SaveWeights  # noqa: E402


class SaveWeightsTest:
    def test_failure_while_saving_keeps_the_weights_before(self, tmp_path, monkeypatch):
        path = tmp_path / "model.weights.h5"
        model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
        callback = SaveWeights(path)
        callback.set_model(model)
        callback.on_epoch_end(0)
        kept = path.read_bytes()

        def fail(beside):
            beside.write_bytes(b"half")
            raise OSError("disk full")

        monkeypatch.setattr(model, "save_weights", fail)
        with pytest.raises(OSError):
            callback.on_epoch_end(1)
        assert path.read_bytes() == kept

    def test_saved_weights_load(self, tmp_path):
        model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
        callback = SaveWeights(tmp_path / "model.weights.h5")
        callback.set_model(model)
        callback.on_epoch_end(0)
        before = model.get_weights()
        model.set_weights([np.zeros_like(weight) for weight in before])
        model.load_weights(tmp_path / "model.weights.h5")
        np.testing.assert_array_equal(model.get_weights()[0], before[0])
        assert [entry.name for entry in tmp_path.iterdir()] == ["model.weights.h5"]
