"""Runs in several processes, which are those of one process."""

import csv
import json
import os
import signal
import time

import h5py
import numpy as np
import pytest

pytest.importorskip("jax")
from tests.training.several_processes import (  # noqa: E402
    MODEL_DEVICES,
    SIGNAL_AT,
    VARIANTS,
    ended,
    environment,
    free_address,
    started,
    trained,
)

# Sums of floats in another order.
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def one(tmp_path_factory, cache, data_dir):
    """The folder of runs in one process."""
    folder = tmp_path_factory.mktemp("one")
    [(code, _, err)] = trained(1, cache, folder, *VARIANTS, HIERSEG_TEST_DATA=str(data_dir))
    assert code == 0, err
    return folder


@pytest.fixture(scope="module")
def two(tmp_path_factory, cache, data_dir):
    """The folder of runs in two processes."""
    folder = tmp_path_factory.mktemp("two")
    results = trained(2, cache, folder, *VARIANTS, HIERSEG_TEST_DATA=str(data_dir))
    assert [code for code, *_ in results] == [0, 0], results
    return folder


def arrays_of(run):
    """Returns a dict from the place of each array in the weights file of a run to the array."""
    arrays = {}
    with h5py.File(run / "model.weights.h5") as file:
        file.visititems(lambda name, part: arrays.update({name: part[()]} if isinstance(part, h5py.Dataset) else {}))
    return arrays


def log_of(run):
    with (run / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return list(rows[0]), np.array([[float(value) for value in row.values()] for row in rows])


def assert_equal_runs(run, other, tolerance=0):
    """Compares logs and weights, with a tolerance relative to the largest value of each column and array."""
    names, values = log_of(run)
    other_names, other_values = log_of(other)
    assert names == other_names and len(values) == 2
    arrays, others = (
        {**dict(zip(names, log.T)), **arrays_of(folder)} for log, folder in ((values, run), (other_values, other))
    )
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        atol = tolerance * max(1, np.abs(array).max(initial=0))
        np.testing.assert_allclose(array, others[name], rtol=0, atol=atol, err_msg=name)


@pytest.mark.large
class SeveralProcessesTest:
    @pytest.mark.parametrize("variant", VARIANTS)
    def test_two_processes_are_one(self, variant, one, two):
        assert_equal_runs(one / variant, two / variant, TOLERANCE)

    def test_four_processes_are_one(self, one, cache, data_dir, tmp_path):
        results = trained(4, cache, tmp_path, "averaged", HIERSEG_TEST_DATA=str(data_dir))
        assert [code for code, *_ in results] == [0] * 4, results
        assert_equal_runs(one / "averaged", tmp_path / "averaged", TOLERANCE)

    def test_kernels_divided_among_devices_are_whole_ones(self, one, cache, data_dir, tmp_path):
        """Of four devices, two share the kernels, and each of these pairs has half of the batch."""
        flags = f"{environment(cache)['XLA_FLAGS']} --xla_force_host_platform_device_count=4"
        others = {"HIERSEG_TEST_DATA": str(data_dir), "XLA_FLAGS": flags, MODEL_DEVICES: "2"}
        [(code, _, err)] = trained(1, cache, tmp_path, "triplets", **others)
        assert code == 0, err
        assert len(json.loads((tmp_path / "triplets" / "run.json").read_text())["devices"]) == 4
        assert_equal_runs(one / "triplets", tmp_path / "triplets", TOLERANCE)

    def test_only_the_first_process_prints_and_writes(self, two):
        assert sorted(path.name for path in (two / "averaged").iterdir()) == [
            "checkpoints",
            "classes.csv",
            "config.toml",
            "log.csv",
            "model.weights.h5",
            "pictures",
            "run.json",
            "tree.txt",
        ]
        assert [path.name for path in (two / "averaged" / "pictures").glob("epoch*")] == ["epoch_002.png"]

    @pytest.mark.parametrize("count", [1, 2])
    def test_a_stopped_run_goes_on_bit_for_bit(self, count, one, two, cache, data_dir, tmp_path):
        """Also if only one of the processes gets the signal."""
        others = {"HIERSEG_TEST_DATA": str(data_dir)}
        stopped = trained(count, cache, tmp_path, "triplets", **others, **{SIGNAL_AT: f"{count - 1} 3 SIGTERM"})
        assert [code for code, *_ in stopped] == [128 + signal.SIGTERM] * count, stopped
        for _, _, err in stopped:
            assert err[-1] == "SIGTERM: the training stopped after epoch 1, batch 3 of 4. Its state is saved."
        resumed = trained(count, cache, tmp_path, "triplets", **others)
        assert [code for code, *_ in resumed] == [0] * count, resumed
        assert_equal_runs((one if count == 1 else two) / "triplets", tmp_path / "triplets")

    def test_processes_of_different_configurations_are_refused(self, cache, data_dir, tmp_path):
        """On the command line, as SLURM starts it."""
        slurm = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_STEP_NODELIST": "127.0.0.1", "SLURM_NTASKS": "2"}
        options = ["--network.name", "UNet", "--data.data_dir", str(data_dir), "--coordinator", "auto"]
        commands = [
            ["hierseg_command", "train", "--out", str(tmp_path / "run"), *options, "--seed", str(number), *further]
            for number, further in enumerate([[], ["--network.filters", "3"]])
        ]
        environments = [environment(cache, **slurm, SLURM_PROCID=str(number)) for number in range(2)]
        for own in environments:
            # The command selects the backend.
            del own["KERAS_BACKEND"]
        for code, _, err in ended(started(commands, environments)):
            assert code == 2
            assert err == [
                "hierseg train: `seed` expects 0, as in process 0. Received: 1 in process 1.",
                "`network.filters` expects 64, as in process 0. Received: 3 in process 1.",
            ]
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize("process", [0, 1])
    def test_a_killed_process_ends_the_others_which_go_on_bit_for_bit(self, process, two, cache, data_dir, tmp_path):
        others, address = {"HIERSEG_TEST_DATA": str(data_dir)}, free_address()
        commands = [
            ["tests.training.several_processes", address, "2", str(number), str(tmp_path), "averaged"]
            for number in range(2)
        ]
        own = environment(cache, **others, **{SIGNAL_AT: f"{process} 7 SIGKILL"})
        processes = started(commands, [own, own])
        processes[process].wait()
        killed_at = time.monotonic()
        results = ended(processes)
        # JAX's own heartbeats would take 100 seconds.
        assert time.monotonic() - killed_at < 90
        assert results[process][0] == -signal.SIGKILL
        code, _, err = results[1 - process]
        # If process 0 is killed, JAX may notice it before the failed step does, and aborts with its own message.
        if process == 1 or code != -signal.SIGABRT:
            assert code == 1 and err[-1].startswith(f"process {1 - process} of 2 has lost another process"), err
        assert (tmp_path / "averaged" / "checkpoints" / "batch_000000006").is_dir()
        resumed = trained(2, cache, tmp_path, "averaged", **others)
        assert [code for code, *_ in resumed] == [0, 0], resumed
        assert_equal_runs(two / "averaged", tmp_path / "averaged")
