"""The examples in public docstrings print what they say."""

import doctest
import importlib
import os
from pathlib import Path

import keras
import numpy as np
import pytest

import hierseg_keras as hs
from tests import manual_data

pytest.importorskip("tensorflow")

ROOT = Path(__file__).parent.parent
FILES = [path for package in ("hierseg_keras", "tfds_builders") for path in sorted((ROOT / package).rglob("*.py"))]
# Found by reading, since importing all modules to look at their docstrings would make collecting tests slow.
WITH_EXAMPLES = [str(path.relative_to(ROOT)) for path in FILES if ">>> " in path.read_text()]

CAMVID = manual_data.FOLDER / manual_data.READERS["camvid_tree/categories"]


@pytest.fixture(scope="module")
def camvid_dir(tmp_path_factory):
    """A folder with CamVid prepared: preparing a data set prints, where an example expects nothing."""
    folder = str(tmp_path_factory.mktemp("camvid"))
    manual_data.prepare("camvid_tree", manual_dir=CAMVID, data_dir=folder)
    return folder


@pytest.mark.parametrize("file", WITH_EXAMPLES)
def test_examples(file, data_dir, camvid_dir, tmp_path, monkeypatch):
    import tensorflow as tf
    import tensorflow_datasets as tfds

    builder, folders = tfds.builder, {"street_blocks": str(data_dir)}
    monkeypatch.setattr(
        tfds,
        "builder",
        lambda name, data_dir=None, **options: builder(name, data_dir=folders.get(name, camvid_dir), **options),
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / "CamVid").symlink_to(CAMVID)
    tree = hs.ClassTree.from_text("human\n\tperson\n\trider")
    names = {
        "hs": hs,
        "np": np,
        "tf": tf,
        "os": os,
        "ClassTree": hs.ClassTree,
        "tree": tree,
        "model": hs.models.UNet(tree, filters=2, num_stages=1),
        "images": np.zeros((1, 8, 8, 3), "float32"),
        "val": tf.data.Dataset.from_tensors((np.zeros((1, 8, 8, 3), "float32"), np.zeros((1, 8, 8), "int32"))),
        "loss": hs.losses.FocalTreeMin(tree),
        "as_lists": lambda x: keras.ops.convert_to_numpy(x).tolist(),
    }
    module = importlib.import_module(file.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    results = doctest.testmod(module, extraglobs=names, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.attempted and not results.failed
