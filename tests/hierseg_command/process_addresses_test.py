import pytest

from hierseg_command.process_addresses import addressed, first_host, wants_jax

SLURM = {
    "SLURM_JOB_ID": "4097",
    "SLURM_JOB_NODELIST": "login1,gpu[07-09]",
    "SLURM_STEP_NODELIST": "gpu[07-09]",
    "SLURM_NTASKS": "3",
    "SLURM_PROCID": "2",
}


class ProcessAddressesTest:
    def test_options_come_first(self):
        assert addressed("10.0.0.1:80", 4, 3, SLURM) == ("10.0.0.1:80", 4, 3)
        assert addressed("[fd00::1]:80", None, None, SLURM) == ("[fd00::1]:80", 3, 2)

    def test_slurm(self):
        assert addressed("auto", environment=SLURM) == ("gpu07:65534", 3, 2)
        without_step = {name: value for name, value in SLURM.items() if "STEP" not in name}
        assert addressed("auto", environment=without_step)[0] == "login1:65534"

    def test_kubernetes(self):
        job = {"HIERSEG_COORDINATOR": "city-0.city:12345", "HIERSEG_PROCESSES": "2", "JOB_COMPLETION_INDEX": "0"}
        assert addressed("auto", environment=job) == ("city-0.city:12345", 2, 0)
        assert addressed("auto", environment={**SLURM, **job, "HIERSEG_PROCESS_ID": "1"}) == ("city-0.city:12345", 2, 1)

    @pytest.mark.parametrize(
        "nodes, first",
        [
            ("node", "node"),
            ("a1,b[2-3]", "a1"),
            ("gpu[007,9-11]", "gpu007"),
            ("r[1-2]n[03-04]", "r1n03"),
            ("n[1,3]-ib,x", "n1-ib"),
        ],
    )
    def test_first_host(self, nodes, first):
        assert first_host(nodes) == first

    @pytest.mark.parametrize(
        "arguments, problem",
        [
            (("auto", 2, 0, {}), "--coordinator auto expects HIERSEG_COORDINATOR, or SLURM's .* Pass --coordinator"),
            (("10.0.0.1", 2, 0, {}), "--coordinator expects HOST:PORT, .* Received: '10.0.0.1'"),
            (("10.0.0.1:99999", 2, 0, {}), "--coordinator expects HOST:PORT"),
            (("10.0.0.1:80", None, 0, {}), "--processes expects a number, as the environment has none of HIERSEG_PRO"),
            (("10.0.0.1:80", 2, None, {}), "--process-id expects a number, as the environment has none of"),
            (("10.0.0.1:80", 2, 2, {}), "--process-id expects a number from 0 to 1, .* Received: 2"),
            (
                ("10.0.0.1:80", 2, None, {"SLURM_PROCID": "x"}),
                "--process-id expects a number. Received: SLURM_PROCID='x'",
            ),
        ],
    )
    def test_missing_and_wrong_values_are_refused(self, arguments, problem):
        with pytest.raises(ValueError, match=problem):
            addressed(*arguments)

    def test_jax_is_wanted_by_two_options(self):
        assert wants_jax(["train", "--coordinator=a:1"]) and wants_jax(["train", "--model-devices", "2"])
        assert not wants_jax(["train", "--out", "x"]) and not wants_jax(["data", "--coordinator"]) and not wants_jax([])
