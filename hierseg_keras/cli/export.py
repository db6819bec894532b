"""Export a trained network as a SavedModel, a LiteRT file or an ONNX file."""

import warnings

from hierseg_command.quiet_import import quiet_stderr
from hierseg_keras import export
from hierseg_keras.cli.averaging import averaging_of
from hierseg_keras.cli.own_lines import is_own
from hierseg_keras.training import for_inference, load_run
from hierseg_keras.training.data_sets import palette_of


def run(options):
    functions = {"savedmodel": export.saved_model, "litert": export.litert, "onnx": export.onnx}
    config, model = load_run(options.run)
    given = {"overwrite": options.overwrite, "palette": options.palette or palette_of(config.data, options.run)}
    if options.size is not None:
        given["size"] = options.size
    if options.probabilities:
        given["probabilities"] = True
    model = for_inference(config, model, **averaging_of(options), own_size=options.own_size)
    # The converters and LiteRT write lines of their own, which no log level hides.
    with warnings.catch_warnings(record=True) as caught, quiet_stderr():
        path = functions[options.format](model, options.out, **given)
    for warning in caught:
        if is_own(warning.filename):
            warnings.warn(warning.message, stacklevel=1)
    print(path)
    return 0
