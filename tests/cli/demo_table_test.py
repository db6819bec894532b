import argparse
import csv
import pathlib

import numpy as np
import pytest
from scipy import stats

from hierseg_command.grammar import parse
from hierseg_keras.cli import demo, demo_table
from hierseg_keras.cli.paired_difference import mean_and_half_width

BENCHMARK = pathlib.Path(__file__).parents[2] / "benchmarks" / "results" / "hssn_street_blocks.csv"
# Run of the demo -> labels and objective of the benchmark.
ROWS = {"flat": ("few", "flat"), "tree": ("coarse", "hierarchical")}


def options(**changes):
    defaults = parse(["demo"])
    return argparse.Namespace(**{**vars(defaults), **changes})


def differences(figure):
    return np.subtract(demo_table.figures_of("tree", figure), demo_table.figures_of("flat", figure))


class DemoTableTest:
    @pytest.mark.parametrize("name", ROWS)
    def test_figures_are_those_of_the_benchmark(self, name):
        with BENCHMARK.open(newline="", encoding="utf-8") as file:
            found = [row for row in csv.DictReader(file) if (row["labels"], row["objective"]) == ROWS[name]]
        of_seed = {row["seed"]: row for row in found}
        rows = [row for row in demo_table.rows() if row["run"] == name]
        assert [row["seed"] for row in rows] == list("01234")
        for row in rows:
            assert row.items() - {("run", name)} <= of_seed[row["seed"]].items()

    def test_runs_are_those_of_the_benchmark(self):
        from benchmarks.street_tasks import TASKS

        configs = demo.configurations(options())
        for name, (labels, _) in ROWS.items():
            expected = TASKS["street_blocks"].config(labels, loss={"name": configs[name].loss.name})
            # Validation does not change a run.
            assert configs[name].replace(evaluation={"every": 1}).to_values() == expected.to_values()

    @pytest.mark.parametrize("figure", ["miou_2", "miou_3", "mistake_severity"])
    def test_conclusion_holds_beyond_the_interval(self, figure):
        mean, half = mean_and_half_width(differences(figure))
        assert abs(mean) > half and (mean < 0) == (figure == "mistake_severity")

    def test_classes_are_not_shown_to_differ(self):
        mean, half = mean_and_half_width(differences("miou_1"))
        assert abs(mean) < half

    @pytest.mark.parametrize(
        "changes", [{"steps": 10}, {"size": (48, 64)}, {"loss": "FocalTreeMin"}, {"weights": None}]
    )
    def test_other_runs_are_not_shown_beside_the_five_seeds(self, changes):
        assert demo_table.fits(options(seed=7, out="other", data_dir="data"))
        assert not demo_table.fits(options(**changes))

    def test_table_has_a_row_per_level_and_a_column_per_network(self):
        names = (
            "val_loss",
            "val_miou_1",
            "val_miou_2",
            "val_miou_mean",
            "val_accuracy_1",
            "val_mistake_severity",
            "loss",
        )
        figures = {"flat": dict.fromkeys(names, 0.25), "tree": dict.fromkeys(names, 0.5)}
        alone = demo_table.compare(figures, is_of_five_seeds=False).splitlines()
        assert [line.split() for line in alone[:5]] == [
            ["flat", "tree"],
            ["mIoU,", "level", "1", "0.250", "0.500"],
            ["mIoU,", "level", "2", "0.250", "0.500"],
            ["accuracy,", "level", "1", "0.250", "0.500"],
            ["mistake", "severity", "0.250", "0.500"],
        ]
        beside = demo_table.compare(figures, is_of_five_seeds=True).splitlines()
        assert len(beside[1].split()) == 10 and max(map(len, beside)) <= 120


class PairedDifferenceTest:
    def test_interval_is_that_of_scipy(self):
        one, other = np.random.default_rng(0).normal(size=(2, 5))
        mean, half = mean_and_half_width((one - other).tolist())
        interval = stats.ttest_rel(one, other).confidence_interval(0.95)
        np.testing.assert_allclose([mean - half, mean + half], interval)
