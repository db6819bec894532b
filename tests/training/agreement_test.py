import json

import pytest

from hierseg_keras.training import agreement
from hierseg_keras.training.agreement import check_agreement, naming_lost_processes
from hierseg_keras.training.config import ConfigError


class AgreementTest:
    def test_every_value_that_differs_is_named(self, monkeypatch):
        others = [{"seed": 1, "loss": {"name": "TreeMin"}}, {"seed": 0, "loss": {"name": "TreeMin", "gamma": 1.0}}]
        monkeypatch.setattr(agreement, "texts_of_all", lambda text: [text, *map(json.dumps, others)])
        with pytest.raises(ConfigError) as caught:
            check_agreement({"seed": 0, "loss": {"name": "TreeMin"}})
        assert caught.value.problems == [
            "`seed` expects 0, as in process 0. Received: 1 in process 1.",
            "`loss.gamma` expects None, as in process 0. Received: 1.0 in process 2.",
        ]

    def test_a_single_process_agrees(self):
        check_agreement({"seed": 0})


class LostProcessesTest:
    @pytest.mark.parametrize("text", ["Gloo AllReduce failed: Connection closed by peer", "Heartbeat timeout"])
    def test_are_named(self, text, monkeypatch):
        monkeypatch.setattr(agreement, "process_count", lambda: 2)
        with pytest.raises(ConnectionError, match="process 0 of 2 has lost another process.* with `resume`"):
            with naming_lost_processes():
                try:
                    raise ValueError(text)
                finally:
                    # Keras reads the variables that the failed step has given up.
                    raise RuntimeError("Array has been deleted.")

    def test_other_errors_stay(self, monkeypatch):
        with pytest.raises(ValueError, match="gloo"), naming_lost_processes():
            raise ValueError("gloo")
        monkeypatch.setattr(agreement, "process_count", lambda: 2)
        with pytest.raises(ValueError, match="expects"), naming_lost_processes():
            raise ValueError("`seed` expects")
