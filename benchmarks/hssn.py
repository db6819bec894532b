"""Which loss, for how many labels: a pretrained DeepLabV3+, equal steps, every objective of the project, several seeds.

    CAMVID_DIR=/data/CamVid python -m benchmarks.hssn [--task camvid] [--labels full few coarse]

All objectives of a seed have the same initial weights, batches and augmentation. CamVid is divided by drives: the test
split is a drive that no network was trained on (`benchmarks.camvid_drives`).

First, each objective gets its learning rate: on CamVid three are tried with few labels and two seeds that are not
reported, and the one with the best mean of mIoU over all levels of the validation split is kept, for any labels. On
`street_blocks`, all objectives have one rate. Then the reported seeds are trained.

Rows are appended to the CSV when a network is measured, and rows that are there are not made again. The script can
be stopped and resumed, and several processes may run it at once; each row is made by one of them.
"""

import argparse
import pathlib
import statistics
import time

from benchmarks import rows
from benchmarks.claims import claimed
from benchmarks.fit_and_measure import fit, measure
from benchmarks.paired import paired_table
from benchmarks.street_tasks import LABELS, TASKS
from hierseg_keras.training.config.changes import merged
from hierseg_keras.training.traced_gradients import traced_gradients_freed

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
# The objectives of the tables in docs/photographs.md.
MAIN = (FLAT, "hierarchical", "FTM", "FTM + TT", "released")
# With a classifier that starts with the frequencies of the classes.
CLASS_PRIOR = {f"{name}, class prior": merged(OBJECTIVES[name], {"class_prior": True}) for name in MAIN}
# With distorted colors.
DISTORTED = {f"{name}, distorted": merged(OBJECTIVES[name], {"data": {"distort_colors": True}}) for name in MAIN}
# Three times as many steps.
LONGER = {f"{name}, longer": merged(OBJECTIVES[name], {"schedule": {"steps": 1350}}) for name in MAIN}
OBJECTIVES |= BY_DEPTH | BALANCED | CLASS_PRIOR | DISTORTED | LONGER
# The columns of the tables in docs/photographs_variants.md, with coarse labels.
TRIED = {
    "class prior": (FLAT, "flat, class prior", "FTM + TT", "FTM + TT, class prior"),
    "by depth": (FLAT, "hierarchical", "hierarchical, by depth", "FTM + TT", "FTM + TT, by depth"),
    "balanced": (FLAT, "flat, balanced", "hierarchical", "hierarchical, balanced"),
    "distorted": (
        FLAT,
        "flat, distorted",
        "hierarchical",
        "hierarchical, distorted",
        "FTM + TT",
        "FTM + TT, distorted",
    ),
    # Against the flat crossentropy that is trained as long.
    "longer": ("flat, longer", "hierarchical, longer", "FTM + TT, longer"),
}
# Rates are chosen with these labels, and with seeds that are not reported.
CHOOSING_LABELS, CHOOSING_SEEDS = "few", (100, 101)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent / "results")
    parser.add_argument("--task", choices=TASKS, default="camvid")
    parser.add_argument("--labels", choices=LABELS, nargs="+", default=LABELS)
    parser.add_argument("--objectives", choices=OBJECTIVES, nargs="+", default=list(OBJECTIVES))
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no row after so many minutes")
    parser.add_argument("--data-dir", help="folder of prepared data sets")
    parser.add_argument("--table", action="store_true", help="print the tables of the rows that are there, and end")
    options = parser.parse_args()
    path = options.out / f"hssn_{options.task}.csv"
    if not options.table:
        make_rows(path, options)
    for labels in options.labels:
        for split in TASKS[options.task].splits:
            print(f"\n{options.task}, {labels}, {split}\n\n{table(path, labels, split, options.objectives)}")


def table(path, labels, split, objectives):
    """Returns the table of the reported rows in a CSV, in Markdown."""
    found = [row for row in rows.read(path, {"split": split}) if is_reported(row) and row["objective"] in objectives]
    found = [row for row in found if row["labels"] == labels or is_baseline_of(row, labels)]
    baseline = FLAT if FLAT in objectives else objectives[0]
    return paired_table(sorted(found, key=lambda row: objectives.index(row["objective"])), "objective", baseline)


def is_reported(row):
    return int(row["seed"]) not in CHOOSING_SEEDS


def is_baseline_of(row, labels):
    """Whether a row is the baseline of other labels: without the coarse ones, a flat network has the few fine ones."""
    return labels == "coarse" and row["labels"] == "few" and row["objective"].startswith(FLAT)


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
    """Yields the rows that can be made now. Other rows need the learning rate that their objective gets first."""
    done, rates = {key_of(row) for row in rows.read(path, {})}, TASKS[options.task].rates
    wanted = []
    if len(rates) > 1:
        choosing = dict.fromkeys(map(chooser_of, options.objectives))
        wanted += [
            (CHOOSING_LABELS, each, rate, seed) for seed in CHOOSING_SEEDS for rate in rates for each in choosing
        ]
    for seed in options.seeds:
        for labels in options.labels:
            for objective in options.objectives:
                rate = best_rate(path, objective, rates)
                if rate is not None and can_learn_from(labels, objective):
                    wanted.append((labels, objective, rate, seed))
    for row in wanted:
        if tuple(map(str, row)) not in done:
            yield dict(zip(("labels", "objective", "rate", "seed"), row))


def can_learn_from(labels, objective):
    """Whether a row is of use: a flat crossentropy cannot use coarse labels, and without them all depths are equal."""
    return not objective.startswith(FLAT) if labels == "coarse" else objective not in BY_DEPTH


def key_of(row):
    return row["labels"], row["objective"], row["rate"], row["seed"]


def chooser_of(objective):
    """Returns the objective whose learning rate is taken: a variant has that of the plain objective."""
    return objective.split(",")[0]


def best_rate(path, objective, rates):
    """Returns the learning rate that is best with the choosing seeds, or `None` while one of their rows is missing."""
    if len(rates) == 1:
        return rates[0]
    key = {"labels": CHOOSING_LABELS, "objective": chooser_of(objective), "split": "validation"}
    found = [row for row in rows.read(path, key) if not is_reported(row)]
    if len(found) < len(rates) * len(CHOOSING_SEEDS):
        return None
    mean = {
        rate: statistics.mean(float(row["miou_mean"]) for row in found if float(row["rate"]) == rate) for rate in rates
    }
    return max(rates, key=mean.get)


@traced_gradients_freed()
def make(path, row, options):
    """Makes a row unless another process makes it. Returns whether it was made."""
    with claimed(path, row) as is_free:
        if not is_free or tuple(map(str, row.values())) in {key_of(one) for one in rows.read(path, {})}:
            return False
        start, task = time.time(), TASKS[options.task]
        tables = {**OBJECTIVES[row["objective"]], "optimizer": {"learning_rate": row["rate"]}, "seed": row["seed"]}
        config = task.config(row["labels"], options.data_dir, **tables)
        model = fit(config)
        rows.append_measured(path, row, {split: measure(model, config, split) for split in task.splits}, start)
        return True


if __name__ == "__main__":
    main()
