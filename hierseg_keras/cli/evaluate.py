"""Evaluate a trained network: loss by depth and mIoU by level."""

from hierseg_keras.training import evaluate_run


def add_arguments(parser):
    parser.add_argument("run", metavar="RUN", help="folder that `hierseg train` left")
    parser.add_argument("--split", help="TFDS split (default: the run's validation split)")


def run(options):
    for name, value in evaluate_run(options.run, options.split).items():
        print(f"{name:16s} {value:.4f}")
    return 0
