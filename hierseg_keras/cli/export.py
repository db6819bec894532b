"""Export a trained network as a SavedModel with one class map per level."""

from hierseg_keras import export
from hierseg_keras.cli.averaging import averaging_of
from hierseg_keras.training import for_inference, load_run


def run(options):
    model = for_inference(*load_run(options.run), **averaging_of(options))
    print(export.saved_model(model, options.out, overwrite=options.overwrite))
    return 0
