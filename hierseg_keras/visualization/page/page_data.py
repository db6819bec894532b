"""The values of a page that are not of single pixels: tree, scores, confusions, curves and comparisons."""

import numpy as np

from hierseg_keras.visualization.colors import node_colors
from hierseg_keras.visualization.page.node_scores import node_scores
from hierseg_keras.visualization.page.seed_spread import comparisons, groups_of
from hierseg_keras.visualization.training_log import LOSS, MIOU, TrainingLog

FORMAT_VERSION = 1


def tree_data(tree, palette):
    """Returns the tree with the colors of its nodes, a dict of JSON values."""
    return {
        "names": list(tree.names),
        "parents": tree.parents.tolist(),
        "leaves": tree.num_leaves,
        "levels": tree.num_levels,
        "order": tree.preorder.tolist(),
        "colors": [f"#{bytes(color).hex()}" for color in node_colors(tree, palette)],
    }


def run_data(run):
    """Returns the values of a run whose images are counted, a dict of JSON values."""
    values = {name: float(value) for name, value in run.report.result().items()}
    counts = run.report.confusion.exact_counts()
    cells = [(int(label), int(leaf), int(counts[label, leaf])) for label, leaf in zip(*np.nonzero(counts))]
    return {
        "name": run.name,
        "facts": [[str(key), str(value)] for key, value in run.facts.items()],
        "values": values,
        "nodes": node_scores(run.report),
        "confusion": [number for cell in cells for number in cell],
        "curves": None if run.log is None else _curves(run.log),
    }


def _curves(path):
    log = TrainingLog("report_page", path)
    series = [(name, number, f"{name}_{number}") for name in (MIOU, LOSS) for number in log.numbers(name)]
    return {
        "epochs": log.epochs,
        "series": [{"name": name, "number": number, **log.values(metric)} for name, number, metric in series],
    }


def comparison_data(runs, values):
    """Returns the groups of runs that differ only in their seed, and the differences of all pairs of groups.

    Args:
        runs: List of `ReportedRun`.
        values: List of their `run_data`.
    """
    groups = groups_of([run.configuration for run in runs])
    levels = range(1, runs[0].report.tree.num_levels + 1)
    by_run = [[values_of_run["values"][f"miou_{level}"] for level in levels] for values_of_run in values]
    by_node = [[np.nan if iou is None else iou for iou in each["nodes"]["iou"]] for each in values]
    pairs = comparisons(np.array(by_node, float), groups)
    for pair, of_levels in zip(pairs, comparisons(np.array(by_run), groups)):
        pair["levels"] = {key: of_levels[key] for key in ("difference", "half")}
    return {"groups": groups, "pairs": pairs}
