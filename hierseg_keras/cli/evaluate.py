"""Evaluate a trained network: loss by depth and mIoU by level."""

from hierseg_keras.cli import inference
from hierseg_keras.cli.config_options import number_or_auto
from hierseg_keras.cli.option_error import reading_options
from hierseg_keras.training import evaluate_run, make_strategy


def add_arguments(parser):
    parser.add_argument("run", metavar="RUN", help="folder that `hierseg train` left")
    parser.add_argument("--split", help="TFDS split (default: the run's validation split)")
    parser.add_argument(
        "--replicas", type=number_or_auto, default="auto", help="number of devices, or auto for all (default: auto)"
    )
    parser.add_argument("--report", help="folder for a report by class and level, as text, CSV and picture")
    inference.add_arguments(parser)


def run(options):
    with reading_options():
        strategy = make_strategy(options.replicas)
    chosen = {"report": options.report, **inference.chosen(options)}
    figures = evaluate_run(options.run, options.split, strategy=strategy, **chosen)
    for name, value in figures.items():
        print(f"{name:16s} {value:.4f}")
    return 0
