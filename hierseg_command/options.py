"""The options of each command whose options need no network to be known."""

from hierseg_command.option_values import count, factors, name, number_or_auto, pair, seed

_MANUAL_DIR = "folder with the data set's files, where it cannot be downloaded"
_DATA_DIR = "folder of prepared data sets"


def data(parser):
    """Adds the options of `hierseg data`."""
    parser.add_argument(
        "name", metavar="NAME", type=name, help="TFDS data set, such as street_blocks or camvid_tree/groups"
    )
    parser.add_argument("--prepare", action="store_true", help="prepare it first, where it is not")
    parser.add_argument("--skip-bad", action="store_true", help="with --prepare: leave out files that cannot be used")
    parser.add_argument("--manual-dir", type=name, help=_MANUAL_DIR)
    parser.add_argument("--data-dir", type=name, help=_DATA_DIR)
    parser.add_argument("--split", type=name, default="train", help="TFDS split to look at (default: train)")
    parser.add_argument("--count", type=count, default=200, help="images whose pixels are counted (default: 200)")
    parser.add_argument("--out", type=name, help="folder for contact_sheet.png, images and label maps at every level")
    parser.add_argument("--images", type=count, default=6, help="images on the sheet (default: 6)")
    parser.add_argument("--tree", type=name, help="shipped tree or tree file; the data set's own where left out")
    parser.add_argument("--class-map", type=name, help="file with a row id,class,node for every class id")

    def check(options):
        if (options.skip_bad or options.manual_dir) and not options.prepare:
            parser.error("--skip-bad and --manual-dir require --prepare. Received: no --prepare.")

    parser.set_defaults(check=check)


def demo(parser):
    """Adds the options of `hierseg demo`."""
    parser.add_argument("--out", type=name, default="demo", help="folder to make, new or empty (default: demo)")
    parser.add_argument("--dataset", type=name, default="street_blocks", help="TFDS data set (default: street_blocks)")
    parser.add_argument(
        "--loss", type=name, default="HierarchicalCrossentropy", help="loss of the tree-trained network"
    )
    parser.add_argument("--epochs", type=count, default=6, help="epochs of each network (default: 6)")
    parser.add_argument("--filters", type=count, default=8, help="channels of the first stage (default: 8)")
    parser.add_argument("--size", type=pair, default=(96, 128), help="HxW of images and crops (default: 96x128)")
    parser.add_argument("--seed", type=seed, default=0, help="what order, augmentation and weights follow from")
    parser.add_argument("--manual-dir", type=name, help=_MANUAL_DIR)
    parser.add_argument("--data-dir", type=name, help=_DATA_DIR)


def recipes(parser):
    """Adds the options of `hierseg recipes`."""
    parser.add_argument("recipe", metavar="NAME", type=name, nargs="?", help="recipe whose file to print")


def add_import(parser):
    """Adds the option that imports modules of the user's own."""
    parser.add_argument(
        "--import",
        dest="imports",
        metavar="MODULE",
        type=name,
        action="append",
        default=[],
        help="module with classes of your own, which a configuration names as module:Class; may be repeated",
    )


def evaluate(parser):
    """Adds the options of `hierseg evaluate`."""
    _run(parser)
    parser.add_argument("--split", type=name, help="TFDS split (default: the run's validation split)")
    parser.add_argument(
        "--replicas", type=number_or_auto, default="auto", help="number of devices, or auto for all (default: auto)"
    )
    parser.add_argument("--report", type=name, help="folder for a report by class and level, as text, CSV and picture")
    _averaging(parser)


def predict(parser):
    """Adds the options of `hierseg predict`."""
    _run(parser)
    parser.add_argument("images", metavar="IMAGE", type=name, nargs="+", help="PNG, JPEG or BMP files, of any size")
    parser.add_argument("--out", type=name, required=True, help="folder for NAME.png and NAME_level_L.png")
    parser.add_argument("--overwrite", action="store_true", help="replace existing files, but none of the images")
    _averaging(parser)


def export(parser):
    """Adds the options of `hierseg export`."""
    _run(parser)
    parser.add_argument("--out", type=name, required=True, help="folder to make")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing folder")
    _averaging(parser)


def _run(parser):
    parser.add_argument("run", metavar="RUN", type=name, help="folder that `hierseg train` left")
    add_import(parser)


def _averaging(parser):
    papers = "0.5,0.75,1,1.25,1.5,1.75"
    parser.add_argument("--scales", type=factors, help=f"average over sizes of the image; the papers' are {papers}")
    parser.add_argument("--flip", action="store_true", help="average with the mirror image")
    parser.add_argument("--window", type=pair, help="HxW of windows, for images larger than memory")


# `train` and `profile` take those of networks, losses and methods, which `hierseg_keras` alone knows.
OPTIONS = {
    "data": data,
    "recipes": recipes,
    "evaluate": evaluate,
    "predict": predict,
    "export": export,
    "demo": demo,
}
