"""Options that average predictions, shared by all commands that predict."""


def averaging_of(options):
    """Converts options to the arguments of `training.for_inference`."""
    return {"scales": options.scales, "flip": options.flip, "window": options.window, "overlap": options.overlap}
