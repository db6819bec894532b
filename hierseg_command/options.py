"""The options of all commands except `train` and `profile`."""

import argparse
import difflib
import os

from hierseg_command.option_values import (
    count,
    factors,
    name,
    number_or_auto,
    overlap,
    pair,
    probability,
    seed,
    share,
    snake_case,
    weights,
    whole_numbers,
)

_MANUAL_DIR = "folder with the files of a data set that cannot be downloaded automatically"
# The formats of exported files, by their suffix.
_FORMATS = {".tflite": "litert", ".onnx": "onnx"}
MASK_FORMATS = ("index", "colors", "coco_panoptic", "cvat", "labelme", "binary")
_DATA_DIR = "folder of prepared data sets"
_PALETTE = "generated, voc, or a CSV file with the columns node and color"
# The options of folders of images and masks, by their names in `hierseg_keras.data.from_folders`.
FOLDERS = {
    "images": "folder of images, with subfolders; PNG, JPEG or BMP",
    "masks": "folder of masks, of the same names as the images",
    "classes": "class table, a CSV file that gives each class of the masks a node (default: ids are leaf indices, and "
    "names are nodes)",
    "mask_format": "format of the masks: index, colors, coco_panoptic, cvat, labelme or binary (default: inferred)",
    "val_share": "share of the images that are the split validation (default: 0.1)",
    "val_images": "folder of images that are the split validation, in place of --val-share",
    "val_masks": "folder of the masks of --val-images",
    "groups": "images of one group, such as a video, are in the same split: regular expression with one group, for "
    "names without suffix, or CSV file name,group (default: subfolders)",
}


def data(parser):
    """Adds the options of `hierseg data`."""
    parser.add_argument(
        "name",
        metavar="NAME",
        type=name,
        nargs="?",
        help="TFDS data set, such as street_blocks or camvid_tree/groups (default: folders, with --images and --masks)",
    )
    for option, text in FOLDERS.items():
        parser.add_argument(f"--{option.replace('_', '-')}", type=share if option == "val_share" else name, help=text)
    parser.add_argument("--prepare", action="store_true", help="prepare the data set first if necessary")
    parser.add_argument(
        "--skip-bad", action="store_true", help="with --prepare or folders: skip files that cannot be used"
    )
    parser.add_argument("--manual-dir", type=name, help=_MANUAL_DIR)
    parser.add_argument("--data-dir", type=name, help=_DATA_DIR)
    parser.add_argument("--split", type=name, default="train", help="TFDS split to show (default: train)")
    parser.add_argument(
        "--count", type=count, default=200, help="number of images whose pixels are counted (default: 200)"
    )
    parser.add_argument(
        "--out", type=name, help="folder for contact_sheet.png, which shows images with their labels at every level"
    )
    parser.add_argument("--sheet-images", type=count, default=6, help="number of images on the sheet (default: 6)")
    parser.add_argument("--tree", type=name, help="shipped tree or tree file (default: the data set's own tree)")
    parser.add_argument("--palette", type=name, help=f"colors: {_PALETTE} (default: the data set's own)")
    add_import(parser)
    parser.add_argument("--class-map", type=name, help="CSV file with one row id,class,node per class id")

    def check(options):
        given = [f"--{option.replace('_', '-')}" for option in FOLDERS if getattr(options, option) is not None]
        if options.name is None:
            if "--images" not in given:
                parser.error("expected NAME, or --images and --masks. Received: neither.")
            options.name = "folders"
        if given and options.name != "folders":
            parser.error(f"{given[0]} expects the data set folders. Received: {options.name}.")
        if options.name == "folders" and options.class_map:
            parser.error("--class-map expects another data set than folders. Use --classes.")
        is_prepared = options.prepare or options.name == "folders"
        if (options.skip_bad or options.manual_dir) and not is_prepared:
            parser.error("--skip-bad and --manual-dir require --prepare. Received: no --prepare.")

    parser.set_defaults(check=check)


def new_dataset(parser):
    """Adds the options of `hierseg new-dataset`."""
    parser.add_argument("name", metavar="NAME", type=snake_case, help="name of the data set and its folder")


def classes(parser):
    """Adds the options of `hierseg classes`."""
    parser.add_argument("--masks", type=name, required=True, help="folder of masks")
    parser.add_argument("--format", choices=MASK_FORMATS, help="format of the masks (default: inferred from the files)")
    parser.add_argument("--tree", type=name, help="shipped tree or tree file, whose nodes are proposed by name")
    parser.add_argument(
        "--names",
        type=name,
        help="text file with one class name per line, in the order of the ids, or with an id before each, such as "
        "7000 road; if masks are colors, with a color before each, such as #800000 car or 128 0 0 car",
    )
    parser.add_argument("--images", type=name, help="folder of the images, to tell images from classes in binary masks")
    parser.add_argument("--count", type=count, help="number of masks whose pixels are counted (default: all)")
    parser.add_argument("--out", type=name, help="CSV file to write the table to")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")


def demo(parser):
    """Adds the options of `hierseg demo`."""
    parser.add_argument("--out", type=name, default="demo", help="new or empty folder for the results (default: demo)")
    parser.add_argument("--dataset", type=name, default="street_blocks", help="TFDS data set (default: street_blocks)")
    parser.add_argument(
        "--loss",
        type=name,
        default="HierarchicalCrossentropy",
        help="loss of the tree-trained network (default: HierarchicalCrossentropy)",
    )
    parser.add_argument("--steps", type=count, default=300, help="optimizer steps per network (default: 300)")
    parser.add_argument(
        "--backbone", type=name, default="efficientnet_lite0", help="backbone (default: efficientnet_lite0)"
    )
    parser.add_argument(
        "--weights",
        type=weights,
        default="imagenet",
        help="pretrained weights of the backbone: imagenet, the path of a file, or none (default: imagenet)",
    )
    parser.add_argument("--filters", type=count, default=64, help="channels of the decoder (default: 64)")
    parser.add_argument("--size", type=pair, default=(96, 128), help="height and width of images (default: 96x128)")
    parser.add_argument(
        "--seed",
        type=seed,
        default=0,
        help="seed of the initial weights, the order of the images and their augmentation (default: 0)",
    )
    parser.add_argument("--manual-dir", type=name, help=_MANUAL_DIR)
    parser.add_argument("--data-dir", type=name, help=_DATA_DIR)


def recipes(parser):
    """Adds the options of `hierseg recipes`."""
    parser.add_argument(
        "recipe",
        metavar="NAME",
        type=name,
        nargs="?",
        help="recipe to print, or the beginning of those to list (default: list all recipes)",
    )


def add_import(parser):
    """Adds the option `--import`, which imports the user's own modules."""
    parser.add_argument(
        "--import",
        dest="imports",
        metavar="MODULE",
        type=name,
        action="append",
        default=[],
        help="module with your own classes, which a configuration names as module:Class; may be repeated",
    )


def evaluate(parser):
    """Adds the options of `hierseg evaluate`."""
    _run(parser)
    parser.add_argument("--split", type=name, help="TFDS split (default: the run's validation split)")
    parser.add_argument(
        "--replicas", type=number_or_auto, default="auto", help="number of devices, or auto for all (default: auto)"
    )
    parser.add_argument("--report", type=name, help="folder for a report per class and level: text, CSV and picture")
    parser.add_argument("--dataset", type=name, help="TFDS data set (default: the one that the run was validated on)")
    parser.add_argument(
        "--class-map",
        type=name,
        help="with --dataset: CSV file with one row id,class,node per class id of the data set; nodes are those of the "
        "run's tree, or ignore",
    )
    parser.add_argument(
        "--published",
        action="store_true",
        help="evaluate as the published results of the run's recipe were measured, and print both side by side",
    )
    check_averaging = _averaging(parser)
    excluded = ("split", "report", "dataset", "scales", "flip", "window", "calibrated", "attention_scales")

    def check(options):
        check_averaging(options)
        if options.class_map and not options.dataset:
            parser.error("--class-map requires --dataset. Received: no --dataset.")
        given = [f"--{option.replace('_', '-')}" for option in excluded if getattr(options, option)]
        if options.published and given:
            parser.error(f"--published expects no option that changes the evaluation. Received: {', '.join(given)}.")

    parser.set_defaults(check=check)


def report(parser):
    """Adds the options of `hierseg report`."""
    parser.add_argument(
        "runs", metavar="RUN", type=name, nargs="+", help="folders of runs of `hierseg train`, to be shown side by side"
    )
    add_import(parser)
    parser.add_argument("--out", type=name, required=True, help="folder of the page, whose index.html a browser opens")
    parser.add_argument("--split", type=name, help="TFDS split (default: the runs' validation split)")
    parser.add_argument(
        "--images",
        type=count,
        default=500,
        help="most images to show, evenly spread over the split; all pixels are counted (default: 500)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing page")
    _averaging(parser)


def predict(parser):
    """Adds the options of `hierseg predict`."""
    _run(parser)
    parser.add_argument(
        "images",
        metavar="IMAGE",
        type=name,
        nargs="*",
        help="PNG, JPEG or BMP files, folders, or quoted patterns such as 'photos/**/*.jpg'",
    )
    parser.add_argument(
        "--list",
        type=name,
        metavar="FILE",
        help="text file of images, one per line or separated by NUL, or - for stdin",
    )
    parser.add_argument("--out", type=name, required=True, help="folder for the results")
    parser.add_argument(
        "--levels", type=whole_numbers, help="levels of the class maps, such as 1,3 (default: all; with --ids 1)"
    )
    parser.add_argument(
        "--ids",
        type=name,
        metavar="TABLE",
        help="numbers in the class maps: a CSV file with rows id,class,node; labelIds for Cityscapes' benchmark; "
        "trainIds; or dataset for the ids of the run's data set (default: node indices)",
    )
    parser.add_argument("--confidence", action="store_true", help="write the smallest probability on each pixel's path")
    parser.add_argument(
        "--threshold", type=probability, help="write the deepest classes whose probability is at least this"
    )
    parser.add_argument("--overlay", action="store_true", help="write the image, half covered with the class colors")
    parser.add_argument(
        "--pictures",
        action=argparse.BooleanOptionalAction,
        help="draw a picture of all levels with a legend (default: yes; with --ids no)",
    )
    parser.add_argument("--batch-size", type=count, help="images per batch (default: 8, or fewer if they are large)")
    parser.add_argument("--overwrite", action="store_true", help="replace existing files, except the input images")
    parser.add_argument("--palette", type=name, help=f"colors: {_PALETTE} (default: the run's own)")
    parser.add_argument(
        "--skip-existing",
        action="store_true",
        help="skip images whose results exist and are of the same run, options and image file",
    )
    _own_size(parser)
    check_averaging = _averaging(parser)

    def check(options):
        check_averaging(options)
        if not options.images and not options.list:
            parser.error("expected an IMAGE or --list. Received: neither.")
        if options.overwrite and options.skip_existing:
            parser.error("expected --overwrite or --skip-existing. Received: both.")

    parser.set_defaults(check=check)


def export(parser):
    """Adds the options of `hierseg export`."""
    _run(parser)
    parser.add_argument(
        "--out", type=name, required=True, help="folder of the SavedModel, or file that ends in .tflite or .onnx"
    )
    parser.add_argument(
        "--format",
        choices=("savedmodel", "litert", "onnx"),
        help="format of the model; onnx requires hierseg_keras[onnx] (default: litert if --out ends in .tflite, onnx "
        "if it ends in .onnx, and otherwise savedmodel)",
    )
    parser.add_argument(
        "--size", type=pair, help="with litert or onnx: the only height and width that the file takes (default: any)"
    )
    parser.add_argument("--probabilities", action="store_true", help="with onnx: return probabilities too")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing model")
    parser.add_argument("--palette", type=name, help=f"colors: {_PALETTE} (default: the run's own)")
    _own_size(parser)
    check_averaging = _averaging(parser)

    def check(options):
        check_averaging(options)
        suffix = os.path.splitext(options.out)[1].lower()
        of_suffix = _FORMATS.get(suffix, "savedmodel")
        if options.format is None and suffix not in _FORMATS and difflib.get_close_matches(suffix, _FORMATS):
            parser.error(
                f"--out expects a file that ends in .tflite or .onnx, or a folder. Received: {options.out}. Correct "
                "the suffix, or pass --format."
            )
        options.format = options.format or of_suffix
        if options.format == "savedmodel" != of_suffix:
            parser.error(f"--format savedmodel expects --out to be a folder. Received: {options.out}. Omit the suffix.")
        if options.size and options.format == "savedmodel":
            parser.error("--size requires --format litert or onnx. Received: --format savedmodel.")
        if options.probabilities and options.format != "onnx":
            parser.error(
                f"--probabilities requires --format onnx; other formats have a signature for them. Received: --format "
                f"{options.format}."
            )

    parser.set_defaults(check=check)


def calibrate(parser):
    """Adds the options of `hierseg calibrate`."""
    _run(parser)
    parser.add_argument("--split", type=name, help="TFDS split to fit to (default: the run's validation split)")


def _run(parser):
    parser.add_argument("run", metavar="RUN", type=name, help="folder of a run of `hierseg train`")
    add_import(parser)


def _own_size(parser):
    parser.add_argument(
        "--own-size",
        action="store_true",
        help="predict images at their own size (default: at the run's data.size, if it has one)",
    )


def _averaging(parser):
    papers = "0.5,0.75,1,1.25,1.5,1.75"
    parser.add_argument("--scales", type=factors, help=f"average over these scales of the image; papers use {papers}")
    parser.add_argument(
        "--attention-scales",
        type=factors,
        help="scales of a network with scale attention, such as 0.5,1,2 (default: those of its training)",
    )
    parser.add_argument(
        "--flip", action="store_true", help="average with the prediction on the horizontally flipped image"
    )
    parser.add_argument(
        "--window", type=pair, help="height and width of sliding windows, for images that do not fit into memory"
    )
    parser.add_argument(
        "--overlap", type=overlap, help="share of a window that the next one overlaps, averaged there (default: 1/3)"
    )
    parser.add_argument(
        "--calibrated", action="store_true", help="divide the logits by the temperature of `hierseg calibrate`"
    )

    def check(options):
        if options.overlap is not None and options.window is None:
            parser.error("--overlap requires --window. Received: no --window.")

    parser.set_defaults(check=check)
    return check


# The options of `train` and `profile` depend on the classes of `hierseg_keras`, and are defined in `hierseg_keras.cli`.
OPTIONS = {
    "data": data,
    "new-dataset": new_dataset,
    "classes": classes,
    "recipes": recipes,
    "evaluate": evaluate,
    "report": report,
    "predict": predict,
    "export": export,
    "calibrate": calibrate,
    "demo": demo,
}
