"""Write the folder of a TFDS builder for your own files: module, tree and test."""

import importlib.util
import os
import pathlib

from hierseg_keras.cli.dataset_template import files_of
from hierseg_keras.cli.option_error import OptionError
from hierseg_keras.files import written_beside


def run(options):
    # Imported here because it imports TFDS.
    import tensorflow_datasets as tfds

    import tfds_builders  # noqa: F401  Importing registers its data sets with TFDS.

    name = options.name
    if os.path.lexists(name):
        raise FileExistsError(
            f"`hierseg new-dataset` never replaces files. Received: {name}, which exists. Choose another name."
        )
    if importlib.util.find_spec(name) is not None:
        raise OptionError(
            f"expected the name of a new module. Received: {name}, which Python can import. Choose another name."
        )
    if name in tfds.list_builders(with_community_datasets=False):
        raise OptionError(
            f"expected the name of a new data set. Received: {name}, a data set of TFDS. Choose another name."
        )
    with written_beside(pathlib.Path(name), replace=False) as folder:
        folder.mkdir()
        for file, text in files_of(name).items():
            (folder / file).write_text(text, "utf-8")
    print("\n".join(str(pathlib.Path(name, file)) for file in files_of(name)))
    print(
        f"Write your classes into {name}/tree.txt. `python -m pytest {name}` tests the builder, and `hierseg data "
        f"{name} --import {name}.{name}_dataset_builder --prepare --manual-dir FOLDER` shows your data."
    )
    return 0
