"""Networks saved by version 0.1 load as they were."""

import pathlib

import keras
import numpy as np
import pytest

FOLDER = pathlib.Path(__file__).parent / "saved_by_0_1"
NAMES = sorted(path.stem for path in FOLDER.glob("*.keras"))

if keras.backend.backend() != "tensorflow":
    pytest.skip("saved on TensorFlow, with its optimizer", allow_module_level=True)


class SavedFilesTest:
    @pytest.mark.parametrize("name", NAMES)
    def test_networks_of_version_0_1_load(self, name):
        saved = np.load(FOLDER / "predictions.npz")
        model = keras.models.load_model(FOLDER / f"{name}.keras")
        np.testing.assert_allclose(model(saved["image"]), saved[name], rtol=1e-5, atol=1e-5)
        if model.compiled:
            assert int(model.optimizer.iterations) == 1
        assert model.scores == ("leaves" if name in ("unet", "multi_scale") else "nodes")
