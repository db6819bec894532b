import dataclasses

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import tensorflow_datasets as tfds  # noqa: E402

import tfds_builders  # noqa: E402, F401
from hierseg_keras.cli.main import main  # noqa: E402
from hierseg_keras.training import RunConfig, recipes, smoke  # noqa: E402
from hierseg_keras.training.optimizers import make_optimizer  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from tests.running_eagerly import running_eagerly  # noqa: E402


class RecipesTest:
    def test_hssn_on_cityscapes_is_as_in_the_paper(self):
        config = RunConfig.from_recipe("hssn_cityscapes_deeplabv3plus_r101")
        assert (config.batch_size, config.crop_size, config.steps) == (8, (512, 1024), 80_000)
        assert (config.optimizer, config.learning_rate, config.weight_decay) == ("sgd", 0.01, 1e-4)
        assert (config.loss, config.method, config.beta, config.num_triplets) == ("focal_tree_min", "hssn", 0.5, 200)
        # 2,975 images are 371 batches of 8.
        assert config.num_epochs(371) == 216

    def test_hs3_keeps_back_as_many_images_as_in_the_paper(self):
        city, nyu = (
            RunConfig.from_recipe(f"hs3_{name}", weights=None)
            for name in ("cityscapes_ocr_hrnet_w18_fuse", "nyu_depth_v2_hrnet_w48")
        )
        assert (round(2975 * city.analysis_share), round(795 * nyu.analysis_share)) == (300, 100)
        assert (city.method, city.fuse, city.stages) == ("hs3", True, ("stage2", "stage3"))

    def test_muller_and_smiths_networks_differ_in_their_loss_alone(self):
        for name, epochs in (("helen", 200), ("mapillary_vistas", 80)):
            flat, hierarchical = (RunConfig.from_recipe(f"muller_smith_{name}_{kind}") for kind in ("unet", "unet_hl"))
            assert dataclasses.replace(flat, loss="hierarchical_crossentropy") == hierarchical
            assert (flat.size, flat.crop_size, flat.scale_range) == (256, (256, 256), None)
            assert (flat.batch_size, flat.epochs) == (5, epochs)
            rate = make_optimizer(flat, num_batches=10).learning_rate
            assert float(rate) == pytest.approx(0.01)

    @pytest.mark.parametrize("name", recipes.available())
    def test_every_recipe_is_a_configuration(self, name):
        config = RunConfig.from_recipe(name, weights=None)
        assert ClassTree.load(config.tree).num_levels > 1 and config.weights is None

    @pytest.mark.parametrize("name", recipes.available())
    def test_splits_are_those_of_the_data_set(self, name, tmp_path):
        config = RunConfig.from_recipe(name, weights=None)
        published = tfds.builder(config.dataset, data_dir=tmp_path).published
        assert {config.train_split, config.validation_split} <= set(published)

    def test_unknown_recipe_raises(self):
        with pytest.raises(ValueError, match="`recipe` expects one of .*Received: recipe='hssn_kitti'"):
            RunConfig.from_recipe("hssn_kitti")


class SmokeTest:
    @pytest.mark.large
    def test_two_steps_of_a_recipe_on_the_command_line(self, capsys):
        """The recipe's tree and objective, on a network and a crop that a test has time for."""
        small = "--model unet --filters 2 --num-stages 2 --crop-size 32x48".split()
        recipe = ["--recipe", "hssn_lip_deeplabv3plus_r101"]
        with pytest.raises(ValueError, match="Received: backbone='resnet101'"):
            RunConfig.from_recipe(recipe[1], model="unet")
        assert main(["train", *recipe, *small, "--smoke"]) == 2
        assert "Received: backbone='resnet101'" in capsys.readouterr().err
        assert main(["train", "--tree", "lip", "--method", "hssn", *small, "--smoke"]) == 0
        printed = dict(line.split() for line in capsys.readouterr().out.splitlines())
        assert float(printed["seconds"]) > 0 and float(printed["tree_triplet"]) > 0

    @pytest.mark.large
    def test_networks_that_take_depth(self):
        small = {"blocks": (1, 1, 1, 1), "width": 4, "filters": 8, "crop_size": (32, 32)}
        config = RunConfig.from_recipe("hs3_nyu_depth_v2_sa_gate_r101_fuse", weights=None, fuse_filters=8, **small)
        assert (config.max_depth, config.stages, config.fuse) == (10.0, ("gate2.joined", "gate3.joined"), True)
        with running_eagerly():
            assert np.isfinite(smoke(config)["loss"])

    def test_configuration_without_a_tree_raises(self):
        with pytest.raises(ValueError, match="with `tree` and `crop_size`.*tree=None"):
            smoke(RunConfig(crop_size=(8, 8)))
