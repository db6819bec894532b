"""Export a trained network as a SavedModel with one class map per level."""

from hierseg_keras import export
from hierseg_keras.cli.averaging import averaging_of
from hierseg_keras.training import for_inference, load_run
from hierseg_keras.training.data_sets import palette_of


def run(options):
    config, model = load_run(options.run)
    palette = options.palette or palette_of(config.data)
    model = for_inference(config, model, **averaging_of(options))
    print(export.saved_model(model, options.out, overwrite=options.overwrite, palette=palette))
    return 0
