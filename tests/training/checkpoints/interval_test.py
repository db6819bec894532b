import pytest

from hierseg_keras.training import RunConfig
from hierseg_keras.training.checkpoints.interval import Interval, parse_interval


class ParseIntervalTest:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [(7, Interval(batches=7)), ("30s", Interval(seconds=30)), ("1.5 h", Interval(seconds=5400))],
    )
    def test_reads_numbers_and_times(self, value, expected):
        assert parse_interval(value) == expected

    @pytest.mark.parametrize("value", [0, -1, True, 1.5, "5", "0min", "five min", "5 days", "", None])
    def test_other_values_raise(self, value):
        with pytest.raises(ValueError, match="expects a number of batches, or a time such as"):
            parse_interval(value)

    def test_configurations_are_checked(self):
        assert RunConfig().save_every == "5min" and RunConfig(save_every=False).save_every is None
        with pytest.raises(ValueError, match="`save_every` expects .*. Received: '5 days'"):
            RunConfig(save_every="5 days")
