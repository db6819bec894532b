"""Train a network; leaves configuration, tree, log, pictures and weights in a folder."""

from hierseg_keras.cli.config_options import add_config_options, given
from hierseg_keras.cli.option_error import reading_options
from hierseg_keras.distribution import make_strategy
from hierseg_keras.training import RunConfig, recipes, smoke, train, train_hs3
from hierseg_keras.training.run import check_before_data
from hierseg_keras.training.smoke_run import check_smoke


def add_arguments(parser):
    add_config_options(parser)
    parser.add_argument("--recipe", help=f"a paper's run, which other options change: {'; '.join(recipes.available())}")
    parser.add_argument("--smoke", action="store_true", help="two steps on generated data, without data set or folder")
    parser.add_argument("--out", help="folder of the run, new or empty")


def run(options):
    config = _configuration(options)
    if options.smoke:
        for name, value in smoke(config).items():
            print(f"{name:16s} {value:.4g}" if isinstance(value, float) else f"{name:16s} {value:,}")
        return 0
    (train_hs3 if config.finds_clusters else train)(config, options.out)
    print(f"The run is in {options.out}")
    return 0


def _configuration(options):
    """The `RunConfig` that the options give, where it can be run."""
    fields = given(options)
    with reading_options():
        config = RunConfig.from_recipe(options.recipe, **fields) if options.recipe else RunConfig(**fields)
        if options.smoke:
            check_smoke(config)
            return config
        if options.out is None:
            raise ValueError("expected the folder of the run. Received: no --out.")
        check_before_data(config, make_strategy(config.replicas))
    return config
