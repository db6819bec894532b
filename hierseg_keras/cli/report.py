"""Write a page that shows what runs see: images, tree, confusions, curves and differences."""

from hierseg_keras.training import report_runs


def run(options):
    path = report_runs(
        options.runs,
        options.out,
        split=options.split,
        max_images=options.images,
        overwrite=options.overwrite,
        calibrated=options.calibrated,
        scales=options.scales,
        flip=options.flip,
        window=options.window,
        overlap=options.overlap,
    )
    print(path)
    return 0
