"""The commands, with a one-line description of each."""

COMMANDS = {
    "data": "Show a data set: its splits, how often each class occurs at every level, and a sheet of its images.",
    "new-dataset": "Write the folder of a TFDS builder for your own files: module, tree and test.",
    "classes": "Propose a class table from a folder of masks: pixels, images and node of each class; what is missing.",
    "train": "Train a network; saves configuration, tree, log, pictures and weights in a folder.",
    "recipes": "List the papers' runs with their published results, or print one.",
    "evaluate": "Evaluate a trained network: loss by depth and mIoU by level.",
    "report": "Write a page that shows what runs predict: images, tree, confusions, curves and differences.",
    "predict": "Predict image files and folders: a picture with every level, and a PNG of classes per level.",
    "calibrate": "Fit the temperature that calibrates a trained network's probabilities.",
    "export": "Export a trained network as a SavedModel, a LiteRT file or an ONNX file.",
    "profile": "Count a network's parameters and multiply-adds, by layer.",
    "demo": "Train a flat and a tree-trained network on few fine labels, compare them, draw, export, check and report.",
}
