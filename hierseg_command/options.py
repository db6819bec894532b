"""The options of all commands except `train` and `profile`."""

from hierseg_command.option_values import count, factors, name, number_or_auto, pair, seed, weights

_MANUAL_DIR = "folder with the files of a data set that cannot be downloaded automatically"
_DATA_DIR = "folder of prepared data sets"


def data(parser):
    """Adds the options of `hierseg data`."""
    parser.add_argument(
        "name", metavar="NAME", type=name, help="TFDS data set, such as street_blocks or camvid_tree/groups"
    )
    parser.add_argument("--prepare", action="store_true", help="prepare the data set first if necessary")
    parser.add_argument("--skip-bad", action="store_true", help="with --prepare: skip files that cannot be used")
    parser.add_argument("--manual-dir", type=name, help=_MANUAL_DIR)
    parser.add_argument("--data-dir", type=name, help=_DATA_DIR)
    parser.add_argument("--split", type=name, default="train", help="TFDS split to show (default: train)")
    parser.add_argument(
        "--count", type=count, default=200, help="number of images whose pixels are counted (default: 200)"
    )
    parser.add_argument(
        "--out", type=name, help="folder for contact_sheet.png, which shows images with their labels at every level"
    )
    parser.add_argument("--images", type=count, default=6, help="number of images on the sheet (default: 6)")
    parser.add_argument("--tree", type=name, help="shipped tree or tree file (default: the data set's own tree)")
    parser.add_argument("--class-map", type=name, help="CSV file with one row id,class,node per class id")

    def check(options):
        if (options.skip_bad or options.manual_dir) and not options.prepare:
            parser.error("--skip-bad and --manual-dir require --prepare. Received: no --prepare.")

    parser.set_defaults(check=check)


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
        "recipe", metavar="NAME", type=name, nargs="?", help="recipe to print (default: list all recipes)"
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
    _averaging(parser)


def predict(parser):
    """Adds the options of `hierseg predict`."""
    _run(parser)
    parser.add_argument("images", metavar="IMAGE", type=name, nargs="+", help="PNG, JPEG or BMP files, of any size")
    parser.add_argument("--out", type=name, required=True, help="folder for NAME.png and NAME_level_L.png")
    parser.add_argument("--overwrite", action="store_true", help="replace existing files, except the input images")
    _averaging(parser)


def export(parser):
    """Adds the options of `hierseg export`."""
    _run(parser)
    parser.add_argument(
        "--out", type=name, required=True, help="folder of the SavedModel, or file that ends in .tflite or .onnx"
    )
    parser.add_argument(
        "--format",
        choices=("savedmodel", "litert", "onnx"),
        default="savedmodel",
        help="format of the model; onnx requires hierseg_keras[onnx] (default: savedmodel)",
    )
    parser.add_argument(
        "--size", type=pair, help="with litert or onnx: the only height and width that the file takes (default: any)"
    )
    parser.add_argument("--probabilities", action="store_true", help="with onnx: return probabilities too")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing model")
    _averaging(parser)

    def check(options):
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


def _averaging(parser):
    papers = "0.5,0.75,1,1.25,1.5,1.75"
    parser.add_argument("--scales", type=factors, help=f"average over these scales of the image; papers use {papers}")
    parser.add_argument("--flip", action="store_true", help="average with the prediction on the mirror image")
    parser.add_argument(
        "--window", type=pair, help="height and width of sliding windows, for images that do not fit into memory"
    )
    parser.add_argument(
        "--calibrated", action="store_true", help="divide the logits by the temperature of `hierseg calibrate`"
    )


# The options of `train` and `profile` depend on the classes of `hierseg_keras`, and are defined in `hierseg_keras.cli`.
OPTIONS = {
    "data": data,
    "recipes": recipes,
    "evaluate": evaluate,
    "predict": predict,
    "export": export,
    "calibrate": calibrate,
    "demo": demo,
}
