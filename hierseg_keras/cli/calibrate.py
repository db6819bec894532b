"""Fit the temperature that calibrates a trained network's probabilities."""

from hierseg_keras.messages.text_table import text_table
from hierseg_keras.training import calibrate_run
from hierseg_keras.training.temperature_fit import LARGEST

# The search approaches its largest temperature without reaching it.
_AT_LIMIT = 0.99 * LARGEST


def run(options):
    before, after = calibrate_run(options.run, options.split, verbose=True)
    print(f"The best temperature is {after.temperature:.4f}. It is stored in {options.run}, for --calibrated.")
    if not 1 / _AT_LIMIT < after.temperature < _AT_LIMIT:
        print(
            "It is at the limit of the search: the logits say nothing about the labels, or separate them without an "
            "error. Calibrate a network that is trained, on images that it was not trained on."
        )
    names = {
        "negative_log_likelihood": "negative log-likelihood",
        "calibration_error": "expected calibration error",
    }
    rows = [(label, *(f"{getattr(fit, name):.4f}" for fit in (before, after))) for name, label in names.items()]
    print(*text_table([("", "before", "after"), *rows], "lrr"), sep="\n")
    return 0
