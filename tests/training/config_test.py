import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.training import RunConfig  # noqa: E402


class RunConfigTest:
    def test_file_round_trip(self, tmp_path):
        config = RunConfig(size=(90, 120), loss="tree_min", manual_dir="/data/camvid")
        config.to_file(tmp_path / "config.json")
        assert RunConfig.from_file(tmp_path / "config.json") == config

    @pytest.mark.parametrize("bad", [{"loss": "mse"}, {"optimizer": "adam"}, {"model": "fcn"}, {"epochs": 0}])
    def test_invalid_values_raise(self, bad):
        with pytest.raises(ValueError, match=next(iter(bad))):
            RunConfig(**bad)
