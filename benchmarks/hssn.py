"""Which loss, for how many labels: a pretrained DeepLabV3+, equal steps, every objective of the project, several seeds.

    CAMVID_DIR=/data/CamVid python -m benchmarks.hssn [--task camvid] [--labels full few coarse]

All objectives of a seed have the same initial weights, batches and augmentation. CamVid is divided by drives: the test
split is a drive that no network was trained on (`benchmarks.camvid_drives`).

First, each objective gets its learning rate: three are tried with two seeds that are not reported, and the one with
the best mean of mIoU over all levels of the validation split is kept. Then the reported seeds are trained.

Rows are appended to the CSV when a network is measured, and rows that are there are not made again. The script can
be stopped and resumed, and several processes may run it at once; each row is made by one of them.
"""

import argparse
import pathlib
import statistics
import time

import keras

from benchmarks import rows
from benchmarks.claims import claimed
from benchmarks.fit_and_measure import fit, measure
from benchmarks.paired import paired_table
from benchmarks.street_tasks import LABELS, TASKS
from hierseg_keras.training.config.changes import merged

FLAT = "flat"
# Name of a row -> tables of the run's configuration.
OBJECTIVES = {
    FLAT: {"loss": {"name": "SparseCategoricalCrossentropy"}},
    "hierarchical": {"loss": {"name": "HierarchicalCrossentropy"}},
    "BCE": {"loss": {"name": "TreeBinaryCrossentropy"}},
    "Focal": {"loss": {"name": "TreeBinaryCrossentropy", "gamma": 2.0}},
    "TM": {"loss": {"name": "TreeMin"}},
    "FTM": {"loss": {"name": "FocalTreeMin"}},
    "FTM + TT": {"loss": {"name": "FocalTreeMin"}, "method": {"name": "HSSN"}},
    "released": {"loss": {"name": "TreeMinCrossentropy"}},
    "released + TT": {"loss": {"name": "TreeMinCrossentropy"}, "method": {"name": "HSSN"}},
}
# With coarse labels, also with each depth averaged over the pixels that are labeled so deep.
BY_DEPTH = {
    f"{name}, by depth": merged(OBJECTIVES[name], {"loss": {"averaging": "depth"}})
    for name in ("hierarchical", "FTM", "FTM + TT", "released")
}
# With losses balanced over the classes.
BALANCED = {
    f"{name}, balanced": merged(OBJECTIVES[name], {"loss": {"class_weights": "median_frequency"}})
    for name in ("flat", "hierarchical", "FTM", "released")
}
OBJECTIVES |= BY_DEPTH | BALANCED
MAIN = (FLAT, "hierarchical", "FTM", "FTM + TT", "released", *BY_DEPTH)
RATES = (0.001, 0.003, 0.01)
CHOOSING_SEEDS = (100, 101)
FIGURES = ("miou_1", "miou_2", "accuracy_1", "accuracy_2", "mistake_severity", "hierarchical_f")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent / "results")
    parser.add_argument("--task", choices=TASKS, default="camvid")
    parser.add_argument("--labels", choices=LABELS, nargs="+", default=LABELS)
    parser.add_argument("--objectives", choices=OBJECTIVES, nargs="+", default=list(OBJECTIVES))
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no row after so many minutes")
    parser.add_argument("--data-dir", help="folder of prepared data sets")
    parser.add_argument("--table", action="store_true", help="print the tables of the rows that are there, and end")
    options = parser.parse_args()
    path = options.out / f"hssn_{options.task}.csv"
    if not options.table:
        make_rows(path, options)
    for labels in options.labels:
        for split in TASKS[options.task].splits:
            found = [row for row in rows.read(path, {"labels": labels, "split": split}) if is_reported(row)]
            print(f"\n{options.task}, {labels}, {split}\n{paired_table(found, 'objective', FLAT, FIGURES)}")


def is_reported(row):
    return int(row["seed"]) not in CHOOSING_SEEDS


def make_rows(path, options):
    """Makes the missing rows, until there is none left that no other process makes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    end = time.time() + 60 * options.minutes
    while time.time() < end:
        missing = list(missing_rows(path, options))
        if not missing:
            return
        if not any(make(path, row, options) for row in missing):
            time.sleep(5)


def missing_rows(path, options):
    """Yields the rows that can be made now. Reported rows need the learning rate that their objective gets first."""
    done = {key_of(row) for row in rows.read(path, {})}
    wanted = []
    for labels in options.labels:
        objectives = [objective for objective in options.objectives if can_learn_from(labels, objective)]
        wanted += [(labels, each, rate, seed) for seed in CHOOSING_SEEDS for rate in RATES for each in objectives]
        for seed in range(5):
            for objective in objectives:
                rate = best_rate(path, labels, objective)
                if rate is not None and (objective in MAIN or seed < 3):
                    wanted.append((labels, objective, rate, seed))
    for row in wanted:
        if tuple(map(str, row)) not in done:
            yield dict(zip(("labels", "objective", "rate", "seed"), row))


def can_learn_from(labels, objective):
    """Whether a row is of use: a flat crossentropy cannot use coarse labels, and without them all depths are equal."""
    return not objective.startswith(FLAT) if labels == "coarse" else objective not in BY_DEPTH


def key_of(row):
    return row["labels"], row["objective"], row["rate"], row["seed"]


def best_rate(path, labels, objective):
    """Returns the learning rate that is best with the choosing seeds, or `None` while one of their rows is missing."""
    found = rows.read(path, {"labels": labels, "objective": objective, "split": "validation"})
    found = [row for row in found if not is_reported(row)]
    if len(found) < len(RATES) * len(CHOOSING_SEEDS):
        return None
    return max(
        RATES, key=lambda rate: statistics.mean(float(row["miou_mean"]) for row in found if float(row["rate"]) == rate)
    )


def make(path, row, options):
    """Makes a row unless another process makes it. Returns whether it was made."""
    with claimed(path, row) as is_free:
        if not is_free or tuple(map(str, row.values())) in {key_of(one) for one in rows.read(path, {})}:
            return False
        start, task = time.time(), TASKS[options.task]
        tables = {**OBJECTIVES[row["objective"]], "optimizer": {"learning_rate": row["rate"]}, "seed": row["seed"]}
        config = task.config(row["labels"], options.data_dir, **tables)
        model = fit(config)
        measured = {split: measure(model, config, split) for split in task.splits}
        how = {"minutes": f"{(time.time() - start) / 60:.1f}", "backend": keras.backend.backend()}
        for split, values in measured.items():
            values = {name: f"{value:.4f}" for name, value in values.items()}
            columns = {**row, "split": split, **values, **how}
            rows.append(path, list(columns), columns)
        return True


if __name__ == "__main__":
    main()
