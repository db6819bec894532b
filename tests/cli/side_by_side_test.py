import time

import pytest

from hierseg_keras.cli.side_by_side import train_side_by_side
from hierseg_keras.training import RunConfig


class Broken:
    """A configuration whose file says something else than a configuration."""

    def to_file(self, path):
        path.write_text("loss = 3\n", "utf-8")


@pytest.fixture
def endless(data_dir):
    return RunConfig(
        data={"dataset": "street_blocks", "data_dir": str(data_dir), "size": (32, 32)},
        network={"name": "UNet", "filters": 2, "num_stages": 1},
        schedule={"epochs": 100_000},
    )


class TrainSideBySideTest:
    def test_failure_before_the_first_weights_leaves_an_empty_folder(self, monkeypatch, tmp_path):
        monkeypatch.setattr("sys.executable", "false")
        assert train_side_by_side({"one": Broken(), "other": Broken()}, tmp_path) == 1
        assert not any(tmp_path.iterdir())

    @pytest.mark.large
    def test_failure_of_one_ends_the_other(self, endless, tmp_path, capfd):
        start = time.monotonic()
        assert train_side_by_side({"long": endless, "bad": Broken()}, tmp_path) == 2
        assert time.monotonic() - start < 300
        errors = [line for line in capfd.readouterr().err.splitlines() if line.startswith("hierseg")]
        assert len(errors) == 1 and "`loss`" in errors[0]

    @pytest.mark.large
    def test_lines_have_the_names_of_their_runs(self, endless, tmp_path, capfd):
        short = endless.replace(schedule={"epochs": 1})
        assert train_side_by_side({"one": short, "other": short}, tmp_path) == 0
        lines = capfd.readouterr().out.splitlines()
        assert {line.split()[0] for line in lines} == {"one", "other"} and sum(
            "Epoch 1/1" in line for line in lines
        ) == 2
        assert all((tmp_path / name / "model.weights.h5").is_file() for name in ("one", "other"))
