"""Export a trained network as a SavedModel with one class map per level."""

from hierseg_keras import export
from hierseg_keras.cli.averaging import averaging_of
from hierseg_keras.training import for_inference, load_run


def run(options):
    config, model = load_run(options.run)
    palette = options.palette or config.data.palette
    model = for_inference(config, model, **averaging_of(options))
    print(export.saved_model(model, options.out, overwrite=options.overwrite, palette=palette))
    return 0
