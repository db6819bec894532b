"""Fit the temperature that calibrates a trained network's probabilities."""

from hierseg_keras.training import calibrate_run


def run(options):
    before, after = calibrate_run(options.run, options.split, verbose=True)
    print(f"The best temperature is {after.temperature:.4f}. It is stored in {options.run}, for --calibrated.")
    for name, label in (
        ("negative_log_likelihood", "negative log-likelihood"),
        ("calibration_error", "expected calibration error"),
    ):
        print(f"{label:26s}  before {getattr(before, name):.4f}  after {getattr(after, name):.4f}")
    return 0
