import re
import shlex

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import tensorflow_datasets as tfds  # noqa: E402

import tfds_builders  # noqa: E402, F401
from hierseg_keras import models  # noqa: E402
from hierseg_keras.cli.config_options import config_of  # noqa: E402
from hierseg_keras.cli.main import main, parser  # noqa: E402
from hierseg_keras.losses import WeightedSum  # noqa: E402
from hierseg_keras.metrics import TreeReport  # noqa: E402
from hierseg_keras.training import RunConfig, recipes, smoke  # noqa: E402
from hierseg_keras.training.build import make_loss  # noqa: E402
from hierseg_keras.training.config.changes import differences  # noqa: E402
from hierseg_keras.training.optimizers import make_optimizer  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from tests.running_eagerly import running_eagerly  # noqa: E402

# Recipes whose published result is none, or one of a test split, which is not measured here.
WITHOUT_RESULT = {
    "hs3_cityscapes_coarse_scale_attention_hrnet_w48",
    "hs3_cityscapes_ocr_hrnet_w48_fuse",
    "hs3_cityscapes_scale_attention_hrnet_w48_fuse",
}


def further_rows(name):
    """The command lines of the rows that the comments of a recipe add to its own."""
    text = recipes.text_of(name).replace("\\\n#", " ")
    lines = [line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#  ")]
    rows = [line for line in lines if line.startswith("--")]
    return [["train", "--recipe", name, *shlex.split(line)] for line in rows]


class RecipesTest:
    def test_hssn_on_cityscapes_is_as_in_the_paper(self):
        config = RunConfig.from_recipe("hssn_cityscapes_deeplabv3plus_r101")
        data, optimizer, method = config.data, config.optimizer, config.method
        assert (data.batch_size, data.crop_size, config.schedule.steps) == (8, (512, 1024), 80_000)
        assert (optimizer.name, optimizer.learning_rate, optimizer.weight_decay) == ("CoupledSGD", 0.01, 1e-4)
        assert (config.loss.name, config.loss.gamma) == ("FocalTreeMin", 2)
        assert (method.name, method.beta, method.triplet.num_triplets) == ("HSSN", 0.5, 200)
        # 2,975 images are 371 batches of 8.
        assert config.num_epochs(371) == 216

    def test_hs3_keeps_back_as_many_images_as_in_the_paper(self):
        city, nyu = (
            RunConfig.from_recipe(f"hs3_{name}") for name in ("cityscapes_ocr_hrnet_w18_fuse", "nyu_depth_v2_hrnet_w48")
        )
        assert (round(2975 * city.method.analysis_share), round(795 * nyu.method.analysis_share)) == (300, 100)
        assert (city.method.name, city.method.fuse, city.method.stages) == ("HS3", True, ("stage2", "stage3"))
        assert city.finds_clusters and nyu.finds_clusters

    def test_hs3_on_scale_attention_trains_on_both_splits(self):
        config = RunConfig.from_recipe("hs3_cityscapes_scale_attention_hrnet_w48_fuse")
        assert (config.data.train_split, config.method.stages) == ("validation+train", ("trunk/stage2", "trunk/stage3"))
        assert round((2975 + 500) * config.method.analysis_share) == 300
        coarse = RunConfig.from_recipe("hs3_cityscapes_coarse_scale_attention_hrnet_w48")
        assert coarse.replace(network={"weights": None}).network == config.network
        assert (coarse.data.names, coarse.evaluation_dataset) == (("cityscapes_tree/coarse",), "cityscapes_tree")

    @pytest.mark.parametrize("options", ["--method false", "--method.clusters false"])
    def test_baselines_of_hs3_are_one_option_away(self, options):
        """Rows "none" and "deep supervision": single runs, without a search."""
        command = ["train", "--recipe", "hs3_nyu_depth_v2_ocr_hrnet_w18", "--out", "runs/x", *options.split()]
        config = config_of(parser().parse_args(command))
        assert not config.finds_clusters and (config.method is None) == (options == "--method false")

    def test_muller_and_smiths_networks_differ_in_their_loss_alone(self):
        for name, epochs in (("helen", 200), ("mapillary_vistas", 80)):
            flat, hierarchical = (RunConfig.from_recipe(f"muller_smith_{name}_{kind}") for kind in ("unet", "unet_hl"))
            published = hierarchical.to_values()["published"]
            assert flat.replace(loss={"name": "HierarchicalCrossentropy"}, published=published) == hierarchical
            assert (flat.data.size, flat.data.crop_size, flat.data.scale_range) == (256, (256, 256), None)
            assert (flat.data.batch_size, flat.schedule.epochs) == (5, epochs)
            # 31 M parameters, as Ronneberger et al.'s.
            assert (flat.network.filters, flat.network.num_stages) == (64, 5)
            rate = make_optimizer(flat, num_batches=10).learning_rate
            assert float(rate) == pytest.approx(0.01)

    @pytest.mark.parametrize("name", recipes.available())
    def test_every_recipe_is_a_configuration(self, name):
        config = RunConfig.from_recipe(name)
        assert ClassTree.load(config.data.tree).num_levels > 1

    @pytest.mark.parametrize("name", recipes.available())
    def test_every_recipe_says_what_it_is(self, name):
        """Paper, row, result, protocol, command and time, in comments; the commands are of the recipe's name."""
        comments = [line for line in recipes.text_of(name).splitlines() if line.startswith("#")]
        for heading in ("Paper", "Row", "Protocol", "Command", "Time"):
            assert sum(line.startswith(f"# {heading}: ") for line in comments) == 1, heading
        assert (": miou_1 " in recipes.published(name)) == (name not in WITHOUT_RESULT)
        assert f"# Command: hierseg train --recipe {name} \\" in comments
        text = " ".join(line.removeprefix("#").strip().removesuffix("\\") for line in comments)
        command = re.search(r"(hierseg train .* --out \S+)", text).group(1)
        assert parser().parse_args(shlex.split(command)[1:]).recipe == name
        evaluation = re.search(r"(hierseg evaluate .*?) Command", text).group(1)
        assert parser().parse_args(shlex.split(evaluation)[1:]).published == (name not in WITHOUT_RESULT)

    @pytest.mark.parametrize("name", recipes.available())
    def test_published_results_are_of_metrics_that_the_run_measures(self, name):
        config = RunConfig.from_recipe(name)
        measured = TreeReport(ClassTree.load(config.data.tree)).result().keys()
        assert bool(config.published) == (name not in WITHOUT_RESULT)
        for entry in config.published:
            assert entry.metrics.keys() <= measured and all(10 < value < 100 for value in entry.metrics.values())
        assert RunConfig(**config.to_values()) == config

    def test_flat_baselines_differ_in_their_objective_alone(self):
        for name in ("cityscapes", "mapillary_vistas"):
            tree, flat = (RunConfig.from_recipe(f"hssn_{name}_maskformer_swin_small{kind}") for kind in ("", "_flat"))
            assert (flat.method.name, flat.method.no_object_weight) == ("MaskClassification", 0.1)
            assert (flat.network, flat.data, flat.schedule) == (tree.network, tree.data, tree.schedule)
            assert flat.published[0].metrics["miou_1"] < tree.published[0].metrics["miou_1"]

    def test_protocols_are_those_of_the_papers(self):
        six = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
        for name in set(recipes.available()) - WITHOUT_RESULT:
            protocols = [(entry.scales, entry.flip) for entry in RunConfig.from_recipe(name).published]
            assert protocols[0] == ((six, True) if name.startswith("hssn_") else (None, False))
        # HS3's only row with a second protocol.
        config = RunConfig.from_recipe("hs3_nyu_depth_v2_sa_gate_r101_fuse")
        assert [(entry.metrics["miou_1"], entry.flip) for entry in config.published] == [(52.2, False), (53.5, True)]

    @pytest.mark.parametrize("name", recipes.available())
    def test_every_further_row_is_a_configuration_of_its_own(self, name):
        """The options in the comments are accepted, and no two rows are the same run."""
        recipe = RunConfig.from_recipe(name)
        rows = [recipe, *(config_of(parser().parse_args(line)) for line in further_rows(name))]
        assert len({str(config.to_values()) for config in rows}) == len(rows)
        assert all(config.schedule == recipe.schedule for config in rows)

    def test_ablations_of_hssn_change_what_their_tables_say(self):
        """Tables 5 to 9, C.1 and D.1: each option of the losses and the schedule reaches the run."""
        found = []
        for name in ("hssn_mapillary_vistas_deeplabv3plus_r101", "hssn_cityscapes_deeplabv3plus_r101"):
            plain = RunConfig.from_recipe(name).to_values()
            configs = (config_of(parser().parse_args(line)).to_values() for line in further_rows(name))
            found += [{key: pair[1] for key, pair in differences(plain, values).items()} for values in configs]
        for key, value in {
            "method.triplet": False,
            "loss.name": "TreeMin",
            "loss.gamma": 0.2,
            "method.triplet.positives": "class",
            "method.triplet.margin": 0.3,
            "method.triplet.distance": "euclidean",
            "method.triplet.num_triplets": 500,
            "method.triplet.tolerance": 0.15,
            "method.triplet.margin_scale": 0.45,
            "method.beta_schedule": "constant",
        }.items():
            assert any(changes.get(key) == value for changes in found), key

    def test_released_hssn_is_as_in_its_code(self):
        city, parts = (
            RunConfig.from_recipe(f"hssn_released_{name}_deeplabv3plus_r101")
            for name in ("cityscapes", "pascal_person_part")
        )
        assert (city.loss.name, city.loss.gamma, city.loss.tree_min_weight) == ("TreeMinCrossentropy", 0, 5)
        assert (city.further_losses, parts.loss.gamma, parts.loss.tree_min_weight) == ((), 2, 0.5)
        [region] = parts.further_losses
        assert (region.name, region.weight, region.radius) == ("RegionMutualInformation", 0.5, 3)
        loss = make_loss(parts, ClassTree.load("pascal_person_part"))
        assert type(loss) is WeightedSum and loss.weights == [1, 0.5]
        for config in (city, parts):
            # 0.6 on 1 - cos with weight 0.5 is 0.3 on (1 - cos) / 2 with weight 1.
            assert (config.method.triplet.margin, config.method.beta, config.method.total_steps) == (0.3, 1.0, 80_000)
            rate = make_optimizer(config, num_batches=100).learning_rate
            assert float(rate) == pytest.approx(0.01)
            assert (config.schedule.end_learning_rate, config.optimizer.weight_decay) == (5e-5, 5e-5)

    @pytest.mark.parametrize("name", recipes.available())
    def test_splits_are_those_of_the_data_set(self, name, tmp_path):
        config = RunConfig.from_recipe(name)
        training = config.data.dataset, config.data.train_split
        for dataset, split in (training, (config.evaluation_dataset, config.evaluation.split)):
            assert set(split.split("+")) <= set(tfds.builder(dataset, data_dir=tmp_path).published)

    def test_unknown_recipe_raises(self):
        with pytest.raises(ValueError, match="`recipe` expects one of .*Received: recipe='hssn_kitti'"):
            RunConfig.from_recipe("hssn_kitti")


class ProfileTest:
    """`hierseg profile` counts what HS3-Fuse adds to the network."""

    network = (
        "--data.tree lip --network.name HRNet --network.width 2 --network.num_modules 1,1,1 --network.num_blocks 1 "
        "--loss.name SparseCategoricalCrossentropy --image 32x48 --total"
    )

    def test_blocks_of_fuse_are_counted(self, capsys):
        tree, sizes = ClassTree.load("lip"), {"width": 2, "num_modules": (1, 1, 1), "num_blocks": 1}
        found = {}
        for method in ("", "--method.name HS3", "--method.name HS3 --method.fuse --method.filters same"):
            assert main(["profile", *f"{self.network} {method}".split()]) == 0
            found[method] = int(capsys.readouterr().out.split()[-1].replace(",", ""))
        alone, supervised, fused = found.values()
        network = models.HRNet(tree, scores="leaves", **sizes)
        expected = models.HS3Fuse(network, ("stage2", "stage3"), filters="same")
        assert alone == supervised < fused == sum(row.multiply_adds for row in models.profile(expected, (32, 48)))


class SmokeTest:
    @pytest.mark.large
    def test_two_steps_of_a_recipe_on_the_command_line(self, capsys):
        """The recipe's tree and objective, on a network and a crop that a test has time for."""
        small = "--network.name UNet --network.filters 2 --network.num_stages 2 --data.crop_size 32,48".split()
        assert main(["train", "--recipe", "hssn_lip_deeplabv3plus_r101", *small, "--smoke"]) == 0
        printed = dict(line.split() for line in capsys.readouterr().out.splitlines())
        assert float(printed["seconds_per_image"]) > 0 and float(printed["tree_triplet"]) > 0

    @pytest.mark.large
    def test_networks_that_take_depth(self):
        network = {"blocks": (1, 1, 1, 1), "width": 4, "filters": 8, "weights": None}
        small = {"network": network, "data": {"crop_size": (32, 32)}, "method": {"filters": 8}}
        config = RunConfig.from_recipe("hs3_nyu_depth_v2_sa_gate_r101_fuse", **small)
        assert (config.data.max_depth, config.method.fuse) == (10.0, True)
        assert config.method.stages == ("gate2.joined", "gate3.joined")
        with running_eagerly():
            assert np.isfinite(smoke(config)["loss"])

    def test_configuration_without_a_tree_raises(self):
        with pytest.raises(ValueError, match="expects `data.tree` and `data.crop_size`.*tree=None"):
            smoke(RunConfig(data={"crop_size": (8, 8)}))
