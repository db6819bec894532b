"""Files that were saved when a configuration was flat."""

import json
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("tensorflow")
from hierseg_keras.cli.main import main  # noqa: E402
from hierseg_keras.training import ConfigError, RunConfig, evaluate_run, load_run, recipes  # noqa: E402

HERE = pathlib.Path(__file__).parent
# A run of HS3-Fuse with clusters, of one epoch on eight images; and the fields of all recipes.
FLAT_RUN = HERE.parent / "run_of_flat_configuration"
FLAT_RECIPES = json.loads((HERE / "flat_recipes.json").read_text("utf-8"))
# What later versions of the recipes changed.
FIVE_STAGES = {"network": {"num_stages": 5}}
VALIDATION_OF_VISTAS = {"evaluation": {"every": 10, "batch_size": 1}}
SAME_CHANNELS = {"method": {"filters": "same"}}
CHANGES = {
    **{
        f"muller_smith_{name}_{net}": FIVE_STAGES
        for name in ("helen", "mapillary_vistas")
        for net in ("unet", "unet_hl")
    },
    "hssn_mapillary_vistas_deeplabv3plus_r101": VALIDATION_OF_VISTAS,
    "hssn_mapillary_vistas_maskformer_swin_small": VALIDATION_OF_VISTAS,
    "hssn_mapillary_vistas_ocr_hrnet_w48": VALIDATION_OF_VISTAS,
    "hs3_cityscapes_ocr_hrnet_w18_fuse": SAME_CHANNELS,
    "hs3_cityscapes_ocr_hrnet_w18_fuse_lighter": {**SAME_CHANNELS, "network": {"filters": 112, "key_filters": 56}},
}
OLDEST = {"dataset": "camvid_tree", "train_split": "train", "validation_split": "val", "tree": None}
OLDEST |= {"model": "unet", "filters": 8, "num_stages": 3, "loss": "tree_min", "optimizer": "sgd"}
OLDEST |= {"learning_rate": 0.1, "power": 0.9, "weight_decay": 0.0, "epochs": 2, "batch_size": 4}
OLDEST |= {"size": [90, 120], "crop_size": None, "seed": 1, "data_dir": None, "manual_dir": None}


def read(tmp_path, flat):
    (tmp_path / "config.json").write_text(json.dumps(flat))
    return RunConfig.from_file(tmp_path / "config.json")


class FlatRunTest:
    def test_loads_and_predicts_what_it_did(self):
        config, model = load_run(FLAT_RUN)
        method = config.method
        assert (method.name, method.clusters, method.stages) == ("HS3", (2,), ("encoder_0_b_relu",))
        assert (config.method.fuse, config.data.scale_range, config.data.size) == (True, None, (24, 32))
        image = np.arange(8 * 8 * 3, dtype="float32").reshape(1, 8, 8, 3)
        expected = [0.0015374489594250917, -0.05358079820871353, -0.08491402119398117, 0.03781324252486229]
        np.testing.assert_allclose(model(image)[0, 3, 4, :4], expected, rtol=1e-5)

    def test_the_commands_take_it(self, data_dir, tmp_path, run_eagerly):
        shutil.copytree(FLAT_RUN, tmp_path / "run")
        (tmp_path / "run" / "run.json").unlink()
        flat = json.loads((FLAT_RUN / "config.json").read_text("utf-8"))
        (tmp_path / "run" / "config.json").write_text(json.dumps({**flat, "data_dir": str(data_dir)}))
        Image.new("RGB", (20, 14), (90, 10, 30)).save(tmp_path / "image.png")
        with pytest.warns(UserWarning, match="has no run.json"):
            figures = evaluate_run(tmp_path / "run", verbose=0)
        assert figures["loss"] > 0 and "miou_2" in figures
        assert main(["predict", str(FLAT_RUN), str(tmp_path / "image.png"), "--out", str(tmp_path / "out")]) == 0
        assert (tmp_path / "out" / "image_level_3.png").is_file()

    def test_a_changed_file_is_refused(self, tmp_path):
        shutil.copytree(FLAT_RUN, tmp_path / "run")
        path = tmp_path / "run" / "config.json"
        path.write_text(path.read_text().replace("0.01", "0.02"))
        with pytest.raises(ValueError, match="config.json, which was changed or damaged"):
            load_run(tmp_path / "run")


class FlatRecipesTest:
    @pytest.mark.parametrize("name", FLAT_RECIPES)
    def test_the_recipe_means_the_same(self, name, tmp_path):
        flat, recipe = read(tmp_path, FLAT_RECIPES[name]), RunConfig.from_recipe(name)
        published = recipe.to_values()["published"]
        assert flat.replace(**CHANGES.get(name, {}), published=published) == recipe
        assert (flat.replace(published=published) == recipe) == (name not in CHANGES)

    def test_no_recipe_is_lost(self):
        assert FLAT_RECIPES.keys() <= set(recipes.available())


class TranslatedTest:
    def test_before_there_were_several_networks(self, tmp_path):
        config = read(tmp_path, OLDEST)
        assert config.network.to_values() == {"name": "UNet", "filters": 8, "num_stages": 3}
        assert (config.data.size, config.precision, config.method) == ((90, 120), "float32", None)
        assert (config.optimizer.name, config.optimizer.momentum) == ("CoupledSGD", 0.9)
        assert (config.loss.name, config.evaluation.split, config.seed) == ("TreeMin", "val", 1)
        assert read(tmp_path, {**OLDEST, "triplet": True}).method.name == "HSSN"

    @pytest.mark.parametrize(
        "flat, tables",
        [
            ({}, {"network": {"name": "UNet", "filters": 16, "num_stages": 4}}),
            ({"model": "hrnet", "width": 48, "filters": None}, {"network": {"name": "HRNet", "width": 48}}),
            (
                {"method": "hssn", "beta": 0.3, "num_triplets": 50, "filters": 8},
                {
                    "method": {"name": "HSSN", "beta": 0.3, "triplet": {"num_triplets": 50}},
                    "network": {"name": "UNet", "filters": 8, "num_stages": 4},
                },
            ),
            (
                {"model": "hrnet", "method": "deep_supervision", "stage_weight": 0.2, "stages": None},
                {"network": {"name": "HRNet"}, "method": {"name": "HS3", "clusters": None, "weights": 0.2}},
            ),
            (
                {"model": "hrnet", "method": "hs3", "clusters": None, "theta": 80.0, "fuse": True, "fuse_filters": 8},
                {"network": {"name": "HRNet"}, "method": {"name": "HS3", "theta": 80.0, "fuse": True, "filters": 8}},
            ),
            (
                {"model": "hrnet", "method": "hs3", "clusters": ["2", "a\n\tb"]},
                {"network": {"name": "HRNet"}, "method": {"name": "HS3", "clusters": (2, "a\n\tb")}},
            ),
            (
                {"model": "hrnet", "loss": "focal_binary_crossentropy"},
                {"network": {"name": "HRNet"}, "loss": {"name": "TreeBinaryCrossentropy", "gamma": 2.0}},
            ),
        ],
    )
    def test_fields_become_tables(self, flat, tables, tmp_path):
        assert read(tmp_path, flat) == RunConfig(**{"loss": {"name": "FocalTreeMin"}, **tables})

    def test_what_is_no_flat_configuration_is_refused(self, tmp_path):
        with pytest.raises(ConfigError, match="`epoch` was not an option before version 0.1. Did you mean `epochs`"):
            read(tmp_path, {"epoch": 3})
        with pytest.raises(ConfigError, match="`loss` before version 0.1 expects one of .*Received: loss='mse'"):
            read(tmp_path, {"loss": "mse"})
        with pytest.raises(ConfigError, match="Received: loss=\\['tree_min'\\]") as caught:
            read(tmp_path, {"loss": ["tree_min"], "epoch": 3})
        assert len(caught.value.problems) == 2
        for text in ("[]", "3", "{", "null"):
            (tmp_path / "config.json").write_text(text)
            with pytest.raises(ConfigError, match="expected"):
                RunConfig.from_file(tmp_path / "config.json")
