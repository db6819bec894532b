"""Count a network's parameters and multiply-adds, by layer."""

from hierseg_command.option_values import pair
from hierseg_command.options import add_import
from hierseg_keras.cli.config_options import add_config_options, add_sources, config_of
from hierseg_keras.cli.option_error import reading_options
from hierseg_keras.messages.text_table import text_table
from hierseg_keras.models import profile
from hierseg_keras.training import ConfigError
from hierseg_keras.training.build import make_model, tree_of


def add_arguments(parser):
    parser.add_argument("--image", type=pair, required=True, help="height and width of the image, such as 512x1024")
    parser.add_argument("--total", action="store_true", help="print only the sums over all layers")
    add_sources(parser)
    add_import(parser)
    add_config_options(parser, ("data", "network", "method", "loss"))


def run(options):
    with reading_options():
        config = config_of(options)
        if config.finds_clusters:
            # No data set is read here, so there are no clusters. All classes are used instead.
            config = config.replace(method={"clusters": None})
        if config.data.tree is None:
            raise ValueError(
                "`hierseg profile` expects --data.tree, a shipped tree or a tree file, because the size of the last "
                "layer depends on it. Received: no --data.tree."
            )
    with reading_options(ConfigError):
        model = make_model(config, tree_of(config.data), pretrained=False)
    rows = profile(getattr(model, "inference_model", model), options.image)
    lines = [] if options.total else [(row.name, row.parameters, row.multiply_adds) for row in rows]
    lines.append(("all", sum(row.parameters for row in rows), sum(row.multiply_adds for row in rows)))
    lines = [(name, f"{parameters:,d}", f"{multiply_adds:,d}") for name, parameters, multiply_adds in lines]
    print(*text_table([("layer", "parameters", "multiply-adds"), *lines], "lrr"), sep="\n")
    return 0
