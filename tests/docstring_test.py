"""The examples in public docstrings print what they say."""

import doctest
import importlib

import keras
import numpy as np
import pytest

import hierseg_keras as hs

pytest.importorskip("tensorflow")

MODULES = [
    "clustering.embedding_clusters",
    "clustering.spectral_clusters",
    "clustering.trade_off",
    "tree.class_tree",
    "tree.ops",
    "losses.hierarchical_crossentropy",
    "losses.tree_binary_crossentropy",
    "losses.tree_min",
    "losses.focal_tree_min",
    "losses.tree_min_crossentropy",
    "losses.tree_triplet",
    "metrics.instance_mean_iou",
    "metrics.level_mean_iou",
    "metrics.depth_loss",
    "decoding.best_path",
    "decoding.level_labels",
    "models.networks.deeplab_v3_plus",
    "models.networks.hrnet",
    "models.wrappers.hs3",
    "models.wrappers.hs3_fuse",
    "models.networks.hrnet_ocr",
    "models.networks.hrnet_ocr_scale_attention",
    "models.networks.maskformer",
    "models.graph.profile",
    "models.layers.dilation",
    "models.networks.sa_gate",
    "models.networks.unet",
    "data.class_ids",
    "data.class_map",
    "data.class_weights",
    "data.label_counts",
    "data.load",
    "data.prepare",
    "data.propose_class_map",
    "data.set_epoch",
    "data.split_off",
    "export.saved_model",
    "files.written_beside",
    "training.accumulation",
    "training.coupled_sgd",
    "training.strategy",
    "visualization.contact_sheet",
    "visualization.levels",
    "visualization.trees",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, data_dir, tmp_path, monkeypatch):
    import tensorflow as tf
    import tensorflow_datasets as tfds

    # Preparing a data set prints, where nothing is expected.
    hs.data.prepare("street_blocks", data_dir=data_dir)
    builder = tfds.builder
    monkeypatch.setattr(tfds, "builder", lambda name, data_dir=None: builder(name, data_dir=str(shared)))
    monkeypatch.chdir(tmp_path)
    shared, tree = data_dir, hs.ClassTree.from_text("human\n\tperson\n\trider")
    names = {
        "hs": hs,
        "keras": keras,
        "np": np,
        "ops": keras.ops,
        "tf": tf,
        "ClassTree": hs.ClassTree,
        "tree": tree,
        "model": hs.models.UNet(tree, filters=2, num_stages=1),
        "images": np.zeros((1, 8, 8, 3), "float32"),
        "loss": hs.losses.FocalTreeMin(tree),
        "as_lists": lambda x: keras.ops.convert_to_numpy(x).tolist(),
    }
    module = importlib.import_module(f"hierseg_keras.{name}")
    results = doctest.testmod(module, extraglobs=names, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.attempted and not results.failed
