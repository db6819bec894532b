"""The table of `hierseg demo`: the figures of the two runs, beside those of five seeds."""

import csv
import pathlib
import statistics

from hierseg_command.grammar import parse
from hierseg_keras.cli.paired_difference import mean_and_half_width
from hierseg_keras.messages.text_table import text_table

# What each network learns from.
LABELS = {"flat": "a tenth of the images, labeled by class", "tree": "the same, and the others labeled by family"}
# The figures of five seeds with the default options, from `benchmarks/results/hssn_street_blocks.csv`.
_SEEDS = pathlib.Path(__file__).with_name("demo_seeds.csv")
# The options that change the figures, besides the seed.
_SETTING = ("dataset", "size", "backbone", "weights", "filters", "steps", "loss")
_TITLES = {"miou": "mIoU", "accuracy": "accuracy"}


def fits(options):
    """Whether the options of the command are those of the five seeds, except for the seed."""
    defaults = parse(["demo"])
    return all(getattr(options, name) == getattr(defaults, name) for name in _SETTING)


def compare(figures, is_of_five_seeds):
    """Returns the validation figures of two networks as text, one row per figure.

    Args:
        figures: Dict from `"flat"` and `"tree"` to a dict from the names in the log of a run to floats.
        is_of_five_seeds: Whether to show the figures of five seeds beside them.
    """
    names = [name.removeprefix("val_") for name in figures["flat"] if name.startswith("val_")]
    shown = [name for title in _TITLES for name in names if name.startswith(title) and not name.endswith("mean")]
    rows = [("", "flat", "tree", *(("flat, 5 seeds", "tree, 5 seeds", "tree - flat") if is_of_five_seeds else ()))]
    for figure in [*shown, "mistake_severity"]:
        values = [f"{figures[name][f'val_{figure}']:.3f}" for name in LABELS]
        rows.append((_title(figure), *values, *(_five_seeds(figure) if is_of_five_seeds else ())))
    lines = text_table(rows, "lrrrrr")
    for name, labels in LABELS.items():
        lines.append(f"{name}: trained on {labels}.")
    return "\n".join([*lines, *(CONCLUSION if is_of_five_seeds else [])])


# What the five seeds show. A test holds the figures to it.
CONCLUSION = [
    "tree - flat is the mean of five paired differences, with its 95 % interval. Labels by family improve levels 2 and",
    "3, and make mistakes less severe: label and prediction have a nearer common ancestor. At level 1, the classes, no",
    "difference is shown. A flat crossentropy cannot use labels by family. The hierarchical loss can, because it sums",
    "the softmax over the classes of a family. The images are generated; on photographs such labels gain less",
    "(docs/photographs.md).",
]


def rows():
    """Returns the figures of the five seeds, a list of dicts with `run`, `seed` and one text per figure."""
    with _SEEDS.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def figures_of(name, figure):
    """Returns a figure of one of the two networks, one float per seed."""
    return [float(row[figure]) for row in rows() if row["run"] == name]


def _five_seeds(figure):
    flat, tree = figures_of("flat", figure), figures_of("tree", figure)
    mean, half = mean_and_half_width([own - other for own, other in zip(tree, flat, strict=True)])
    return *(f"{statistics.mean(values):.3f}" for values in (flat, tree)), f"{mean:+.3f} +- {half:.3f}"


def _title(figure):
    name, _, level = figure.partition("_")
    return f"{_TITLES[name]}, level {level}" if name in _TITLES else figure.replace("_", " ")
