"""Evaluate a trained network: loss by depth and mIoU by level."""

from hierseg_keras.cli.averaging import averaging_of
from hierseg_keras.cli.option_error import reading_options
from hierseg_keras.distribution import make_strategy
from hierseg_keras.messages.text_table import text_table
from hierseg_keras.training import evaluate_published, evaluate_run


def run(options):
    with reading_options():
        strategy = make_strategy(options.replicas)
    if options.published:
        for entry, values in evaluate_published(options.run, strategy=strategy):
            _print_beside(entry, values)
        return 0
    chosen = {"report": options.report, "dataset": options.dataset, "class_map": options.class_map}
    values = evaluate_run(options.run, options.split, strategy=strategy, **chosen, **averaging_of(options))
    print(*text_table([(name, f"{value:.4f}") for name, value in values.items()], "lr"), sep="\n")
    return 0


def _print_beside(entry, values):
    """Prints a published result beside that of the run, both in percent."""
    scales = "one scale" if entry.scales is None else f"scales {', '.join(f'{scale:g}' for scale in entry.scales)}"
    print(f"{entry.row}; {scales}{' with horizontal flips' if entry.flip else ''}")
    rows = [
        (name, f"{100 * values[name]:.2f}" if name in values else "-", f"{published:.2f}")
        for name, published in entry.metrics.items()
    ]
    print(*text_table([("percent", "this run", "published"), *rows], "lrr"), sep="\n")
