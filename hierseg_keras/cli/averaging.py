"""Options that average and calibrate predictions, shared by all commands that predict."""

from hierseg_keras.training import load_temperature


def averaging_of(options):
    """Converts options to the arguments of `training.for_inference`."""
    temperature = load_temperature(options.run) if options.calibrated else None
    return {
        "scales": options.scales,
        "flip": options.flip,
        "window": options.window,
        "overlap": options.overlap,
        "temperature": temperature,
        "attention_scales": options.attention_scales,
    }
