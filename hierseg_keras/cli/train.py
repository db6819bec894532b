"""Train a network; saves configuration, tree, log, pictures and weights in a folder."""

import argparse
import pathlib

from hierseg_command.option_values import count, seed
from hierseg_command.option_values import name as file_name
from hierseg_command.options import add_import
from hierseg_command.process_addresses import addressed
from hierseg_keras.cli.config_options import (
    ConfigChange,
    add_config_options,
    add_folder_options,
    add_sources,
    changed,
    config_of,
    value_of,
)
from hierseg_keras.cli.option_error import reading_options
from hierseg_keras.distribution import make_strategy, start_processes
from hierseg_keras.distribution.processes import is_first
from hierseg_keras.messages.quoted import quoted
from hierseg_keras.messages.text_table import text_table
from hierseg_keras.training import ConfigError, smoke, train, train_hs3
from hierseg_keras.training.checkpoints.earlier_run import MAY_CHANGE
from hierseg_keras.training.checkpoints.stop_request import TrainingInterrupted
from hierseg_keras.training.config.files import config_file, read_values
from hierseg_keras.training.data_sets import check_outside
from hierseg_keras.training.hs3_run import HS3_RUN
from hierseg_keras.training.run import check_before_data
from hierseg_keras.training.smoke_run import check_smoke


def add_arguments(parser):
    parser.add_argument("--out", type=file_name, help="new or empty folder for the run's files")
    parser.add_argument(
        "--smoke",
        action="store_true",
        help="only train two steps on generated data, of one image each; needs a tree and a crop size, but no data set "
        "and no --out",
    )
    parser.add_argument(
        "--print-config",
        dest="print_config",
        action="store_true",
        help="only print the whole configuration, defaults included, as --config reads it; needs no --out",
    )
    parser.add_argument(
        "--resume",
        type=file_name,
        metavar="RUN",
        help="resume the run in this folder, with its configuration; a missing or empty folder starts a new run from "
        "the other options",
    )
    parser.add_argument(
        "--replan",
        action="store_true",
        help="with --resume and more epochs: stretch the learning rate's schedule over all epochs",
    )
    parser.add_argument(
        "--save-every",
        dest="save_every",
        action=ConfigChange,
        type=value_of,
        default=argparse.SUPPRESS,
        metavar="INTERVAL",
        help="interval between checkpoints: a number of batches, or a time such as 30s, 5min or 1h (default: 5min)",
    )
    _add_processes(parser)
    add_sources(parser)
    add_import(parser)
    add_folder_options(parser)
    add_config_options(parser)


def _add_processes(parser):
    group = parser.add_argument_group("several machines, or several processes of one, with the JAX backend")
    group.add_argument(
        "--coordinator",
        type=file_name,
        metavar="HOST:PORT",
        help="address of process 0, on which the others connect to it; auto reads it from the environment of SLURM or "
        "from HIERSEG_COORDINATOR",
    )
    group.add_argument(
        "--processes", type=count, metavar="N", help="number of processes (default: from the environment)"
    )
    group.add_argument(
        "--process-id", type=seed, metavar="I", help="number of this process, from 0 (default: from the environment)"
    )
    group.add_argument(
        "--model-devices",
        type=count,
        metavar="N",
        help="number of devices of this machine that share the output channels of every kernel, for networks that do "
        "not fit into one (default: 1)",
    )


def run(options):
    with reading_options():
        _start_processes(options)
    config = _configuration(options)
    if options.print_config:
        print(config.to_text(), end="")
        return 0
    with reading_options(ConfigError):
        if options.smoke:
            values = smoke(config).items()
            rows = [(name, f"{value:.4g}" if isinstance(value, float) else f"{value:,}") for name, value in values]
            print(*text_table(rows, "lr"), sep="\n")
            return 0
        folder = options.resume or options.out
        if options.resume is not None and is_first() and not _holds_run(options.resume):
            print(f"{folder} holds no run: a new one begins.")
        try:
            if config.finds_clusters:
                train_hs3(config, folder)
            else:
                train(config, folder, resume=options.resume is not None, replan=options.replan)
        except TrainingInterrupted as stop:
            raise TrainingInterrupted(
                f"{stop} Resume it with `hierseg train --resume {quoted(folder)}`.", stop.signal
            ) from None
    if is_first():
        print(f"The run is in {pathlib.Path(folder, HS3_RUN) if config.finds_clusters else folder}")
    return 0


def _start_processes(options):
    """Connects the processes of the training, if the options ask for several or for several devices of a network."""
    if options.coordinator is None:
        if options.processes is not None or options.process_id is not None:
            raise ValueError("--processes and --process-id expect --coordinator. Received: no --coordinator.")
        if options.model_devices is not None:
            start_processes(model_devices=options.model_devices)
        return
    start_processes(
        *addressed(options.coordinator, options.processes, options.process_id), model_devices=options.model_devices or 1
    )


def _configuration(options):
    """Returns the `RunConfig` that the options describe, after checks that need no data."""
    with reading_options():
        config = _of_earlier_run(options) or config_of(options)
        if options.smoke:
            check_smoke(config)
        if options.smoke or options.print_config:
            return config
        if (options.out is None) == (options.resume is None):
            given = "neither" if options.out is None else "both"
            raise ValueError(
                "`hierseg train` expects --out, a new folder for the run's files, or --resume, the folder of a run. "
                f"Received: {given}."
            )
        if options.replan and options.resume is None:
            raise ValueError("--replan expects --resume. Received: no --resume.")
        if options.replan and config.finds_clusters:
            raise ValueError(
                "--replan expects one training. Received: the phases of `HS3`, whose epochs cannot change."
            )
        if options.out is not None:
            check_outside(config.data, options.out)
        check_before_data(config, make_strategy(config.replicas))
    return config


def _of_earlier_run(options):
    """Returns the configuration of the run to resume, with the changes of other options, or `None`."""
    if options.resume is None or options.config or options.recipe:
        return None
    if _holds_run(options.resume):
        return changed(read_values(config_file(pathlib.Path(options.resume))), options)
    if options.changes.keys() <= set(MAY_CHANGE):
        raise ValueError(
            f"--resume expects the folder of a run. Received: {options.resume}, which holds none. Check the path, or "
            "pass --config, --recipe or other options of a new run."
        )
    return None


def _holds_run(folder):
    return config_file(pathlib.Path(folder)).is_file()
