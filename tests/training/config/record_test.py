import math
import pathlib
import tomllib

import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.training import ConfigError, RunConfig, recipes  # noqa: E402
from tests.training.tiny_run import tiny_config  # noqa: E402


def problems_of(**tables):
    """The lines of the error that a configuration raises."""
    with pytest.raises(ConfigError) as error:
        RunConfig(**tables)
    assert str(error.value).splitlines() == error.value.problems
    return error.value.problems


class RunConfigTest:
    @pytest.mark.parametrize(
        "name, values",
        [
            ("seed", [-1, 2**32, 1.5, True, "1", None]),
            ("precision", ["float16", 32, None]),
            ("jit_compile", ["yes", 1, None]),
            ("replicas", [0, "all", 2.0]),
            ("tensorboard", ["true", 1]),
            ("format_version", [0, "1", 2]),
            ("callbacks", [{}, "EarlyStopping", [3]]),
            ("data.dataset", [3, None, [], [3], ["camvid_tree", None]]),
            ("data.train_split", [3, None, [], [3], ["train", "train"]]),
            ("data.batch_shares", [8, [], [0], [8.0], [7], [4, 4], "8"]),
            ("data.weights", [1.0, [], [0.0], [math.inf], [1.0, 1.0], "1"]),
            ("data.label_levels", [0, -1, 1.5, "1", None, True, [], [0], [1, 1]]),
            ("data.tree", [3, True, []]),
            ("data.batch_size", [0, 2**31, -8, 8.0, "8", True, math.inf, None]),
            ("data.size", [0, (64, 0), (64,), (64, 64, 3), "64", 64.0]),
            ("data.crop_size", [64, (64, 0), "64x64", ("64", 64)]),
            ("data.scale_range", [(0.0, 2.0), (2.0, 0.5), (0.5, math.inf), (0.5, math.nan), 2.0, (0.5,)]),
            ("data.max_depth", [0.0, -1.0, math.inf, "10"]),
            ("network.filters", [0, -1, 16.0, "16", None, True, math.nan, []]),
            ("method", [True, "HSSN", []]),
            ("loss", [None, "FocalTreeMin", []]),
            ("loss.gamma", [-1.0, math.nan, "2", None]),
            ("loss.normalization", ["batch", 3]),
            ("loss.averaging", ["levels", 3]),
            ("loss.reduction", ["max"]),
            ("loss.class_weights", ["median", {"car": -1.0}, {"car": "1"}, [1.0, math.nan], 2.0]),
            ("optimizer.learning_rate", [0.0, -0.1, math.inf, math.nan, "0.1", None]),
            ("optimizer.weight_decay", [-0.1, math.nan, "0"]),
            ("optimizer.beta_1", ["0.9", True]),
            ("schedule.epochs", ["3", 1.5, [], 0, None]),
            ("schedule.steps", [0, 1.5, "80000"]),
            ("schedule.power", [-1.0, math.nan, None]),
            ("schedule.accumulation_steps", [0, 2.0]),
            ("schedule.ema_momentum", [0.0, 1.0, 2]),
            ("schedule.early_stopping_patience", [0, 1.5]),
            ("evaluation.split", [None, 3]),
            ("evaluation.dataset", [3, True, ["camvid_tree"]]),
            ("evaluation.metrics", ["LevelMeanIoU", {}, [None]]),
            ("evaluation.batch_size", [0, -1, 1.0, "1", True]),
            ("published", ["row", {}, [{"row": "a"}], [None], [{"row": "a", "metrics": {}}]]),
            ("published", [[{"row": "a", "metrics": {"miou_1": value}}] for value in ("1", -1.0, math.nan)]),
            ("published", [[{"row": "a", "metrics": {"miou_1": 1.0}, "scales": value}] for value in ([], [0.0], 1.0)]),
        ],
    )
    def test_bad_values_are_one_line_each(self, name, values):
        table, _, key = name.partition(".")
        of_class = {"name": "FocalTreeMin"} if table == "loss" else {}
        for value in values:
            (line,) = problems_of(**{table: {**of_class, key: value} if key else value})
            assert key in line and line.startswith(f"`{table}") and "expects" in line and "Received: " in line, line

    @pytest.mark.parametrize("key", ["images", "masks", "tree", "palette", "data_dir"])
    def test_a_home_folder_is_expanded_in_paths(self, key, monkeypatch):
        monkeypatch.setenv("HOME", "/home/ada")
        data = {"images": "a", "masks": "b", "tree": "c", key: "~/x"}
        assert getattr(RunConfig(data=data).data, key) == "/home/ada/x"

    @pytest.mark.parametrize(
        "key", ["init", "method", "save_every", "network.weights", "loss.class_weights", "data.tree", "data.size"]
    )
    def test_none_is_switched_off_by_false(self, key):
        table, _, key = key.partition(".")
        for value in ("none", "None", "null"):
            (line,) = problems_of(**{table: {key: value} if key else value})
            assert (
                line == f"`{'.'.join(filter(None, (table, key)))}` expects false to switch it off. Received: {value!r}."
            )

    @pytest.mark.parametrize("key", ["data_dir", "manual_dir", "images", "tree"])
    def test_an_empty_path_is_refused(self, key):
        assert f"`data.{key}` expects a string that is not empty, or false. Received: ''." in problems_of(
            data={key: ""}
        )

    def test_mask_classification_needs_leaf_scores_and_no_xla(self):
        network, method = {"name": "MaskFormer", "backbone": "swin_nano"}, {"name": "MaskClassification"}
        loss, jit_compile = problems_of(network=network, method=method, loss={"name": "FocalTreeMin"}, jit_compile=True)
        assert loss.startswith("`loss.name` expects a loss on scores of leaves for `method.name` MaskClassification")
        assert jit_compile.startswith('`jit_compile` expects false or "auto" for `method.name` MaskClassification')
        flat = RunConfig(network=network, method=method, loss={"name": "SparseCategoricalCrossentropy"})
        assert (flat.method.no_object_weight, flat.method.focal_weight, flat.method.dice_weight) == (0.1, 20.0, 1.0)

    @pytest.mark.parametrize(
        "name, values",
        [
            ("theta", [math.nan, "steep", None, [80.0], 95, -1.0]),
            ("embeddings", ["pixels", "regions", "features"]),
            ("analysis_share", [0.0, 1.0, None]),
            ("ratio", [0.0, 1.0, "half"]),
            ("clustering", ["random"]),
            ("clusters", ["2", 2, [0], ["lost.txt", 1], [1]]),
            ("stages", ["stage2", ["stage2", "stage2"]]),
            ("weights", [-0.4, "0.4", [0.4, -0.4]]),
            ("fuse", [1, "yes"]),
            ("filters", [0, 8.0]),
        ],
    )
    def test_bad_values_of_hs3(self, name, values):
        for value in values:
            (line,) = problems_of(network={"name": "HRNet"}, method={"name": "HS3", name: value})
            assert line.startswith(f"`method.{name}` expects ") and "Received: " in line, line

    def test_all_problems_are_reported_at_once(self):
        lines = problems_of(
            seeds=1,
            data={"batch_size": 0, "crop_size": [64, "64"]},
            network={"name": "HRNet", "widht": 48, "num_modules": [1, 1]},
            method={"name": "HSSN", "triplet": {"num_triplets": 0}},
            loss={"name": "tree_max"},
            schedule={"epochs": "3", "power": math.nan},
        )
        assert [line.split("` ")[0] for line in lines] == [
            "`data.batch_size",
            "`data.crop_size[1]",
            "`network.num_modules",
            "`network.widht",
            "`method.triplet.num_triplets",
            "`loss.name",
            "`schedule.epochs",
            "`schedule.power",
            "`seeds",
        ]
        assert all("\n" not in line and len(line) < 600 for line in lines)

    def test_what_does_not_go_together_is_reported_beside_bad_values(self):
        lines = problems_of(network={"name": "SAGate"}, schedule={"epochs": 0})
        assert len(lines) == 2 and lines[0].startswith("`schedule.epochs`") and lines[1].startswith("`data.max_depth`")
        # About a table that is broken itself nothing else is said.
        (line,) = problems_of(data={"max_depth": -1.0}, network={"name": "SAGate"})
        assert line.startswith("`data.max_depth` expects a number above 0")

    @pytest.mark.parametrize(
        "tables, suggestion",
        [
            ({"networks": {}}, "network"),
            ({"data": {"datset": "a"}}, "dataset"),
            ({"batch_size": 4}, "data.batch_size"),
            ({"epochs": 3}, "schedule.epochs"),
            ({"crop-size": (8, 8)}, "data.crop_size"),
            ({"schedule": {"epoch": 3}}, "epochs"),
            ({"network": {"name": "unet"}}, "UNet"),
            ({"network": {"name": "deeplab_v3_plus"}}, "DeepLabV3Plus"),
            ({"network": {"name": "UNet", "num_stage": 3}}, "num_stages"),
            ({"loss": {"name": "focal_tree_min"}}, "FocalTreeMin"),
            ({"optimizer": {"name": "CoupledSGD", "momentun": 0.9}}, "momentum"),
            ({"method": {"name": "HSSN", "triplet": {"num_triplet": 3}}}, "num_triplets"),
        ],
    )
    def test_unknown_names_come_with_the_nearest(self, tables, suggestion):
        (line,) = problems_of(**tables)
        assert line.endswith(f"Did you mean `{suggestion}`?")

    def test_options_of_another_class_are_refused(self):
        (line,) = problems_of(network={"name": "UNet", "backbone": "resnet50"})
        assert line == "`network.backbone` is not an option of `UNet`, which has filters, num_stages."

    def test_false_switches_off_and_an_absent_key_is_the_default(self):
        config = RunConfig(data={"scale_range": False}, method=False, loss={"class_weights": False})
        assert (config.data.scale_range, config.method, config.loss.class_weights) == (None, None, None)
        assert config == RunConfig(data={"scale_range": None})
        assert RunConfig().data.scale_range == (0.5, 2.0)

    def test_a_record_is_frozen(self):
        with pytest.raises(ValueError, match="frozen"):
            RunConfig().data.batch_size = 3

    def test_stages_are_the_networks_where_it_has_some(self):
        config = RunConfig(network={"name": "HRNet"}, method={"name": "HS3", "clusters": (2, "a\n\tb")})
        assert config.method.stages == ("stage2", "stage3") and not config.finds_clusters
        assert config.method.clusters == (2, "a\n\tb")
        config = RunConfig(method={"name": "HS3"})
        assert config.method.stages == ("backbone/stage3", "backbone/stage5")
        config = config.replace(network={"backbone": "resnet18"}, method={"stages": None})
        assert config.method.stages == ("backbone/conv3_block2_out", "backbone/conv4_block2_out")
        (line,) = problems_of(network={"name": "DeepLabV3Plus", "backbone": "resnet19"}, method={"name": "HS3"})
        assert line.startswith("`network` expects other options") and line.endswith("Did you mean 'resnet18'?")
        (line,) = problems_of(network={"name": "UNet"}, method={"name": "HS3"})
        assert line.startswith(
            "`method.stages` expects the names of the layers to supervise, because `network.name` UNet has no default"
        )

    def test_hs3_finds_its_clusters_unless_it_is_told(self):
        method = {"name": "HS3", "stages": ("a",)}
        assert RunConfig(method=method).finds_clusters
        assert not RunConfig(method={**method, "clusters": None}).finds_clusters
        assert not RunConfig().finds_clusters

    def test_files_of_clusters_become_their_text(self, tmp_path):
        (tmp_path / "tree.txt").write_text("a\n\tb\nc", "utf-8")
        method = {"name": "HS3", "stages": ["a", "b"], "clusters": [str(tmp_path / "tree.txt"), 1]}
        assert RunConfig(method=method).method.clusters == ("a\n\tb\nc", 1)

    def test_triplets_have_options_of_their_own(self):
        config = RunConfig(method={"name": "HSSN", "triplet": {"num_triplets": 50}})
        assert (config.method.triplet.num_triplets, config.method.triplet.margin) == (50, "tree")
        assert RunConfig(method={"name": "HSSN"}).method.triplet.num_triplets == 200
        assert RunConfig(method={"name": "HSSN", "triplet": False}).method.triplet is False

    def test_depth_is_for_networks_that_take_it(self):
        (line,) = problems_of(network={"name": "SAGate"})
        assert line.startswith("`data.max_depth` expects meters")
        (line,) = problems_of(data={"max_depth": 10.0})
        assert line.endswith("Received: 10.0 for `network.name` DeepLabV3Plus.")

    def test_several_data_sets_with_one_value_each(self):
        sources = {"dataset": ["camvid_tree", "street_blocks"], "train_split": ["train", "train[:8]"]}
        config = RunConfig(data={**sources, "batch_shares": [2, 6], "label_levels": [1, 2]})
        assert (config.data.names, config.data.splits) == (("camvid_tree", "street_blocks"), ("train", "train[:8]"))
        assert config.evaluation_dataset == "camvid_tree"
        assert config.replace(evaluation={"dataset": "street_blocks"}).evaluation_dataset == "street_blocks"
        one = RunConfig(data={"dataset": ["a", "a"], "weights": [1, 2.5]})
        assert one.data.splits == ("train", "train") and one.data.weights == (1.0, 2.5)
        assert (RunConfig().data.names, RunConfig().data.splits) == (("street_blocks",), ("train",))

    def test_shares_exclude_weights_and_fill_a_batch(self):
        two = {"dataset": ["a", "b"]}
        (line,) = problems_of(data={**two, "batch_shares": [4, 4], "weights": [1.0, 2.0]})
        assert line.startswith("`data.weights` expects false with `data.batch_shares`")
        (line,) = problems_of(data={**two, "batch_shares": [4, 3]})
        assert line.endswith("whose sum is `data.batch_size` (8). Received: (4, 3), whose sum is 7.")
        (line,) = problems_of(data={**two, "label_levels": [1]})
        assert line == "`data.label_levels` expects one value per data set in `data.dataset` (2). Received: (1,)."

    def test_epochs_follow_from_steps(self):
        assert RunConfig(schedule={"epochs": 3}).num_epochs(7) == 3
        assert RunConfig(schedule={"steps": 10, "accumulation_steps": 2}).num_epochs(7) == 3


class DefaultsTest:
    def test_network_is_pretrained_and_its_options_may_be_changed(self):
        pretrained = {"name": "DeepLabV3Plus", "backbone": "efficientnet_lite0", "weights": "imagenet", "filters": 64}
        assert RunConfig() == RunConfig(network=pretrained)
        assert RunConfig(network={"filters": 8, "weights": False}) == RunConfig(
            network={**pretrained, "filters": 8, "weights": None}
        )
        # A class that is named has its own defaults, also if it is the class of the default.
        assert RunConfig(network={"name": "DeepLabV3Plus"}).network.weights is None

    def test_loss_is_that_of_the_method(self):
        assert RunConfig().loss.name == "HierarchicalCrossentropy"
        assert RunConfig(method={"name": "HSSN"}, loss={"gamma": 3.0}).loss.arguments()["gamma"] == 3.0
        for loss in ({"name": "TreeMin"}, {"name": "HierarchicalCrossentropy"}):
            config = RunConfig(method={"name": "HSSN"}, loss=loss)
            assert config.loss.name == config.replace(method=None).loss.name == loss["name"]
        with pytest.raises(ConfigError, match="`loss.gamma` is not an option of `HierarchicalCrossentropy`"):
            RunConfig(loss={"gamma": 3.0})

    def test_loss_changes_with_the_method_unless_it_is_given(self):
        hssn = RunConfig().replace(method={"name": "HSSN"})
        assert hssn.loss.name == "FocalTreeMin" and hssn.replace(seed=3).loss == hssn.loss
        weighted = hssn.replace(loss={"class_weights": {"sky": 2.0}})
        assert (weighted.loss.name, weighted.replace(seed=3).loss.class_weights) == ("FocalTreeMin", {"sky": 2.0})
        assert hssn.replace(method=None).loss.name == "HierarchicalCrossentropy"
        assert RunConfig(**hssn.to_values()).replace(method=None).loss.name == "FocalTreeMin"


class ReplaceTest:
    def test_epochs_replace_the_steps_of_a_recipe(self, tmp_path):
        name = "hssn_cityscapes_deeplabv3plus_r101"
        recipe = RunConfig.from_recipe(name)
        recipe.to_file(tmp_path / "run.toml")
        for config in (
            RunConfig.from_recipe(name, schedule={"epochs": 2}),
            RunConfig.from_file(tmp_path / "run.toml", schedule={"epochs": 2}),
            recipe.replace(schedule={"epochs": 2}),
        ):
            assert (config.schedule.epochs, config.schedule.steps) == (2, None)
        both = recipe.replace(schedule={"epochs": 2, "steps": 3})
        assert both.num_epochs(1) == 3 and both.replace() == both
        assert recipe.replace(schedule={"power": 1.0}).schedule.steps == recipe.schedule.steps

    def test_a_table_holds_only_what_changes(self):
        config = tiny_config(schedule={"power": 1.0, "epochs": 3})
        assert config.replace(schedule={"epochs": 4}).schedule.power == 1.0
        assert config.replace(network={"filters": 4}).network.num_stages == 1
        assert config.replace() == config

    def test_a_class_of_another_name_starts_from_its_own_defaults(self):
        config = RunConfig.from_recipe("hssn_lip_deeplabv3plus_r101", network={"name": "UNet", "filters": 2})
        assert config.network.to_values() == {"name": "UNet", "filters": 2, "num_stages": 5}
        assert config.replace(method=None).method is None


class FileTest:
    @pytest.mark.parametrize("name", recipes.available())
    def test_every_recipe_survives_its_file(self, name, tmp_path):
        config = RunConfig.from_recipe(name)
        config.to_file(tmp_path / "config.toml")
        assert RunConfig.from_file(tmp_path / "config.toml") == config
        # The file is complete: it means the same when a default changes.
        schedule = tomllib.loads((tmp_path / "config.toml").read_text())["schedule"]
        assert schedule["power"] == config.schedule.power
        is_default = config.schedule.epochs == RunConfig().schedule.epochs
        assert "epochs" in schedule or config.schedule.steps is not None and is_default

    def test_every_kind_of_value_survives_its_file(self, tmp_path):
        config = RunConfig(
            data={
                "size": 256,
                "scale_range": None,
                "manual_dir": 'a "b"\\c\n',
                "dataset": ["camvid_tree", "street_blocks"],
                "train_split": ["train[:10%]", "train"],
                "batch_shares": [2, 6],
                "label_levels": [1, 2],
            },
            loss={"name": "FocalTreeMin", "class_weights": {"car": 2.0}},
            method={"name": "HSSN", "triplet": {"margin": 0.3}, "beta": 0.0},
            evaluation={"metrics": [{"name": "PathCoherence"}]},
            callbacks=[{"name": "EarlyStopping", "monitor": "val_loss", "patience": 2}],
            jit_compile=False,
        )
        config.to_file(tmp_path / "config.toml")
        assert RunConfig.from_file(tmp_path / "config.toml") == config
        assert RunConfig.from_file(tmp_path / "config.toml", seed=3) == config.replace(seed=3)

    def test_a_file_may_begin_with_a_byte_order_mark(self, tmp_path):
        (tmp_path / "run.toml").write_text("seed = 3", "utf-8-sig")
        assert RunConfig.from_file(tmp_path / "run.toml").seed == 3

    @pytest.mark.parametrize("text", ["epochs 3", "a = [", "\0", "[data]\n[data]"])
    def test_what_is_no_toml_names_the_file(self, text, tmp_path):
        (tmp_path / "run.toml").write_text(text)
        with pytest.raises(ValueError, match=r"expected a configuration in TOML. Received: .*run.toml: "):
            RunConfig.from_file(tmp_path / "run.toml")

    def test_a_later_format_is_refused(self, tmp_path):
        (tmp_path / "run.toml").write_text("format_version = 2\nnew = 3")
        with pytest.raises(ConfigError, match="run.toml, of format version 2. Read it with a later version"):
            RunConfig.from_file(tmp_path / "run.toml")

    def test_a_missing_file_is_an_os_error(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            RunConfig.from_file(pathlib.Path(tmp_path / "run.toml"))
