"""Write a page that shows what runs predict: images, tree, confusions, curves and differences."""

from hierseg_keras.cli.file_progress import FileProgress
from hierseg_keras.training import report_runs


def run(options):
    progress = FileProgress()
    try:
        path = report_runs(
            options.runs,
            options.out,
            split=options.split,
            max_images=options.images,
            overwrite=options.overwrite,
            calibrated=options.calibrated,
            on_progress=progress.update,
            scales=options.scales,
            flip=options.flip,
            window=options.window,
            overlap=options.overlap,
            attention_scales=options.attention_scales,
        )
    finally:
        progress.end()
    print(path)
    return 0
