"""The options by which a prediction is averaged, of every command that predicts."""

from hierseg_keras.cli.config_options import factors, pair
from hierseg_keras.models.wrappers.multi_scale import SCALES


def add_arguments(parser):
    papers = ",".join(str(scale) for scale in SCALES)
    parser.add_argument("--scales", type=factors, help=f"average over sizes of the image; the papers' are {papers}")
    parser.add_argument("--flip", action="store_true", help="average with the mirror image")
    parser.add_argument("--window", type=pair, help="HxW of windows, for images larger than memory")


def chosen(options):
    """The arguments of `training.for_inference`."""
    return {"scales": options.scales, "flip": options.flip, "window": options.window}
