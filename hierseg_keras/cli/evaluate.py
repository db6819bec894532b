"""Evaluate a trained network: loss by depth and mIoU by level."""

from hierseg_keras.cli.averaging import averaging_of
from hierseg_keras.cli.option_error import reading_options
from hierseg_keras.distribution import make_strategy
from hierseg_keras.training import evaluate_run
from hierseg_keras.tree.text_table import text_table


def run(options):
    with reading_options():
        strategy = make_strategy(options.replicas)
    chosen = {"report": options.report, **averaging_of(options)}
    values = evaluate_run(options.run, options.split, strategy=strategy, **chosen)
    print(*text_table([(name, f"{value:.4f}") for name, value in values.items()], "lr"), sep="\n")
    return 0
