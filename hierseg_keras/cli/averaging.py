"""How a prediction is averaged, of every command that predicts."""


def averaging_of(options):
    """Returns the arguments of `training.for_inference` that options ask for."""
    return {"scales": options.scales, "flip": options.flip, "window": options.window}
