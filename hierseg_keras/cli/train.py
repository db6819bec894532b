"""Train a network; saves configuration, tree, log, pictures and weights in a folder."""

import pathlib

from hierseg_command.option_values import name as file_name
from hierseg_command.options import add_import
from hierseg_keras.cli.config_options import add_config_options, add_folder_options, add_sources, config_of
from hierseg_keras.cli.option_error import reading_options
from hierseg_keras.distribution import make_strategy
from hierseg_keras.training import ConfigError, smoke, train, train_hs3
from hierseg_keras.training.hs3_run import HS3_RUN
from hierseg_keras.training.run import check_before_data
from hierseg_keras.training.smoke_run import check_smoke
from hierseg_keras.tree.text_table import text_table


def add_arguments(parser):
    parser.add_argument("--out", type=file_name, help="new or empty folder for the run's files")
    parser.add_argument(
        "--smoke",
        action="store_true",
        help="only train two steps on generated data, of one image each; needs a tree and a crop size, but no data set "
        "and no --out",
    )
    add_sources(parser)
    add_import(parser)
    add_folder_options(parser)
    add_config_options(parser)


def run(options):
    config = _configuration(options)
    with reading_options(ConfigError):
        if options.smoke:
            values = smoke(config).items()
            rows = [(name, f"{value:.4g}" if isinstance(value, float) else f"{value:,}") for name, value in values]
            print(*text_table(rows, "lr"), sep="\n")
            return 0
        if config.finds_clusters:
            train_hs3(config, options.out)
        else:
            train(config, options.out)
    print(f"The run is in {pathlib.Path(options.out, HS3_RUN) if config.finds_clusters else options.out}")
    return 0


def _configuration(options):
    """Returns the `RunConfig` that the options describe, after checks that need no data."""
    with reading_options():
        config = config_of(options)
        if options.smoke:
            check_smoke(config)
            return config
        if options.out is None:
            raise ValueError("`hierseg train` expects --out, a folder for the run's files. Received: no --out.")
        check_before_data(config, make_strategy(config.replicas))
    return config
