"""The scores of every node of a tree, from a report by level."""


def node_scores(report, rows=None):
    """Returns the scores of each node at its own level.

    That of a leaf is level 1, and that of an internal node is the level at its depth.

    Args:
        report: `metrics.TreeReport`.
        rows: Its `rows()`, if they are known already.

    Returns:
        Dict of lists with one entry per node: `iou`, `precision`, `recall`, and `support`, the number of labeled
        pixels. A share whose denominator is 0 is `None`.
    """
    tree, rows = report.tree, iter(report.rows() if rows is None else rows)
    by_level = {level: dict(zip(tree.level_classes(level).tolist(), rows)) for level in report.confusion.levels}
    own = [by_level[level][node] for node, level in enumerate(tree.levels.tolist())]
    return {key: [_known(row[key]) for row in own] for key in ("iou", "precision", "recall", "support")}


def _known(value):
    return None if value != value else value
