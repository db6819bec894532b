"""Export a trained network as a SavedModel with a class map a level."""

from hierseg_keras import export
from hierseg_keras.cli import inference
from hierseg_keras.training import for_inference, load_run


def add_arguments(parser):
    parser.add_argument("run", metavar="RUN", help="folder that `hierseg train` left")
    parser.add_argument("--out", required=True, help="folder to make")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing folder")
    inference.add_arguments(parser)


def run(options):
    model = for_inference(*load_run(options.run), **inference.chosen(options))
    print(export.saved_model(model, options.out, overwrite=options.overwrite))
    return 0
