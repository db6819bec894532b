"""A run's configuration on the command line."""

import random
import re
import sys

import pytest

pytest.importorskip("tensorflow")
from hierseg_command.one_line import MAX_LENGTH  # noqa: E402
from hierseg_keras.cli.config_options import config_of, value_of  # noqa: E402
from hierseg_keras.cli.main import main, parser  # noqa: E402
from hierseg_keras.training import ConfigError, RunConfig, recipes  # noqa: E402

NUM_VALUES = 1000
# Options of classes, which the parser does not list.
OF_CLASSES = """network.filters network.num_stages network.backbone network.weights method.beta method.clusters
    method.theta method.triplet method.triplet.num_triplets method.stages loss.gamma loss.node_weights loss
    optimizer.momentum optimizer.beta_1 network data schedule evaluation evaluation.metrics data.batchsize no.such
    network..x""".split()
AWKWARD = [
    *("", " ", "-", "--", "=", ",", ",,", "x", "1x", "0x0", "8x8x8", "none", "auto", "true", "false", "a\nb", "\0"),
    *("0", "-1", "1", "2.5", "nan", "inf", "-inf", "1e400", "1e-400", "9" * 30, "9" * 5000, "٣", "²", "1_0", "0x10"),
    *("[", "[[[", "[" * 3000, "{}", "{a=1}", "{name='UNet'}", "[1,2", "1979-05-27", "07:32:00", "'a'", '"', "'''", "x"),
    *(
        "/",
        "..",
        "/dev/null",
        "/proc/self/mem",
        "/nowhere/at/all",
        "a" * 5000,
        "日本",
        "%s",
        "os:system",
        "a:b.c",
        "+3",
    ),
    *("1,2", "1,,2", "0.5,2", "a,b", "1,'", "[1, 'a']", "[true]", "[{name='EarlyStopping'}]", "UNet", "HS3"),
]


def random_text(rng):
    return "".join(rng.choice("01239.,x-+eE:/[]% aZ_é\t\n\"'\\{}=#") for _ in range(rng.randrange(1, 12)))


def options_of(line):
    return parser().parse_args(["train", *line.split()])


class ConfigOptionsTest:
    def test_every_key_is_an_option_and_its_help_is_its_docstring(self, capsys):
        with pytest.raises(SystemExit):
            main(["train", "--help"])
        printed = " ".join(capsys.readouterr().out.split())
        for name, field in RunConfig.model_fields.items():
            for key, own in getattr(field.annotation, "model_fields", {}).items():
                option = f"--{name}.{key}"
                if name in ("data", "schedule", "evaluation"):
                    assert option in printed and own.description.split()[-1].rstrip(".") in printed
        for part in ("--network.name", "--optimizer.learning_rate", "--loss.class_weights", "HRNet: width=18"):
            assert part in printed

    def test_fixed_options_and_those_of_the_class_are_read_alike(self):
        line = "--network.name HRNet --network.width=48 --network.synchronized_batch_norm --network.num_modules 1,1,1"
        config = config_of(options_of(f"{line} --data.crop_size=[64,96] --seed 3 --loss.averaging depth"))
        network = {"name": "HRNet", "width": 48, "synchronized_batch_norm": True, "num_modules": (1, 1, 1)}
        data = {"crop_size": (64, 96)}
        assert config == RunConfig(network=network, data=data, seed=3, loss={"averaging": "depth"})

    def test_several_data_sets_are_lists(self):
        line = "--data.dataset camvid_tree,street_blocks --data.train_split train[:10%],train[10%:]+test"
        config = config_of(options_of(f"{line} --data.batch_shares 2,6 --data.label_levels=[1,2]"))
        sources = {"dataset": ("camvid_tree", "street_blocks"), "train_split": ("train[:10%]", "train[10%:]+test")}
        assert config == RunConfig(data={**sources, "batch_shares": (2, 6), "label_levels": (1, 2)})
        assert config_of(options_of("--data.dataset street_blocks,")).data.names == ("street_blocks",)

    @pytest.mark.parametrize(
        "line, message",
        [
            ("--data.dataset street_blocks,lip_tree", "`data.tree` expects a tree that holds the classes of all"),
            ("--data.label_levels 4", "`data.label_levels` expects levels between 1, the finest, and 3"),
            ("--data.batch_shares 4,4", "`data.batch_shares` expects one value per data set"),
            ("--data.train_split train[:8],train[8:]", "`data.train_split` expects one value per data set"),
        ],
    )
    def test_invalid_lists_are_one_line_before_data_are_prepared(self, line, message, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        small = "--network.name UNet --network.filters 2 --network.num_stages 1 --data.data_dir data --out run"
        assert main(["train", *line.split(), *small.split()]) == 2
        printed = capsys.readouterr().err
        assert printed.startswith(f"hierseg train: {message}") and printed.count("\n") == 1
        assert not any(tmp_path.iterdir())

    def test_options_change_a_recipe_and_a_file(self, tmp_path):
        name = "hssn_lip_deeplabv3plus_r101"
        config = config_of(options_of(f"--recipe {name} --data.batch_size 2 --method false"))
        assert config == RunConfig.from_recipe(name, data={"batch_size": 2}, method=None)
        (tmp_path / "run.toml").write_text("[schedule]\nepochs = 3\npower = 1.0")
        config = config_of(options_of(f"--config {tmp_path / 'run.toml'} --schedule.epochs 4"))
        assert (config.schedule.epochs, config.schedule.power) == (4, 1.0)

    @pytest.mark.parametrize(
        "line, message",
        [
            ("--network UNet --network.filters 16", "`network` expects either a value .* as `network.name`"),
            ("--network.filters 16 --network UNet", "`network` expects either a value .* as `network.name`"),
            ("--method false --method.beta 1", "`method` expects either .*False and `method.beta`. Omit one of them.$"),
            ("--method HSSN", "`method` expects a table .* or --method.name 'HSSN' on the command line"),
            ("--config {} --network.filters 16", "`network` expects either a value .* 'UNet' and `network.filters`"),
        ],
    )
    def test_the_name_of_a_class_in_place_of_its_table_is_refused(self, line, message, tmp_path):
        (tmp_path / "run.toml").write_text('network = "UNet"')
        with pytest.raises(ConfigError, match=message):
            config_of(options_of(line.format(tmp_path / "run.toml")))

    def test_a_table_and_its_keys_are_merged_in_any_order(self):
        options = ["--network.filters=16", '--network={name = "UNet"}']
        for line in (options, options[::-1]):
            network = config_of(parser().parse_args(["train", *line])).network
            assert (network.name, network.filters) == ("UNet", 16)

    def test_images_replace_data_sets_only_if_these_are_not_folders(self, tmp_path):
        folders = "--masks m --tree street_blocks"
        for dataset, expected in (('["folders", "street_blocks"]', ("folders", "street_blocks")), ('"lip"', "folders")):
            (tmp_path / "run.toml").write_text(f'[data]\nimages = "before"\ndataset = {dataset}')
            for option in ("--images", "--data.images"):
                data = config_of(options_of(f"--config {tmp_path / 'run.toml'} {option} i {folders}")).data
                assert (data.dataset, data.images) == (expected, "i")
        with pytest.raises(ConfigError, match='`data.dataset` expects "folders"'):
            config_of(options_of(f"--data.dataset lip_tree --images i {folders}"))

    @pytest.mark.parametrize(
        "text", ["2024", "1.10", "/data/My, Files", "^(.*)_[0-9]{2,3}$", "true", "1979-05-27", "[a]", "{}"]
    )
    def test_strings_are_not_read_as_other_values(self, text):
        options = [f"--data.manual_dir={text}", f"--init={text}", f"--evaluation.split={text}"]
        config = config_of(parser().parse_args(["train", *options]))
        assert (config.data.manual_dir, config.init, config.evaluation.split) == (text, text, text)

    def test_strings_may_have_quotes_and_are_switched_off_by_false(self):
        config = config_of(parser().parse_args(["train", '--data.manual_dir="a b"', "--data.data_dir=false"]))
        assert (config.data.manual_dir, config.data.data_dir) == ("a b", None)

    def test_configurations_of_earlier_versions_are_read(self, tmp_path):
        (tmp_path / "config.json").write_text('{"model": "hrnet", "width": 32}')
        assert config_of(options_of(f"--config {tmp_path / 'config.json'}")).network.width == 32

    def test_a_recipe_and_a_file_at_once_are_refused(self, capsys):
        with pytest.raises(SystemExit):
            main("train --recipe a --config b --out run".split())
        assert "not allowed with" in capsys.readouterr().err

    def test_all_problems_are_told_at_once_before_anything_is_made(self, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        line = "--network.widht 48 --schedule.epochs 0 --data.crop_size 90 --loss.name tree_max --out run"
        assert main(["train", *line.split()]) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 4 and lines[0].startswith("hierseg train: `data.crop_size` expects ")
        assert [re.match(r"(hierseg train: )?`(.*?)`", line).group(2) for line in lines] == [
            "data.crop_size",
            "network.widht",
            "loss.name",
            "schedule.epochs",
        ]
        assert not any(tmp_path.iterdir())

    def test_a_thousand_values_end_in_one_line_per_problem(self, tmp_path, monkeypatch, capsys):
        """Without a folder nothing can be trained: whatever is not refused for its value is refused for that."""
        monkeypatch.chdir(tmp_path)
        rng = random.Random(0)
        subparsers = next(action for action in parser()._actions if action.dest == "command").choices
        listed = [option for action in subparsers["train"]._actions for option in action.option_strings[:1]]
        listed = [option for option in listed if option not in ("-h", "--out", "--resume", "--smoke", "--import")]
        names = [*listed, *(f"--{name}" for name in OF_CLASSES)]
        lines = [(rng.choice(names), _value(rng)) for _ in range(NUM_VALUES)]
        for option, value in lines:
            try:
                code = main(["train", f"{option}={value}"])
            except SystemExit as ended:
                code = ended.code
            printed = capsys.readouterr().err
            assert code == 2, (option, value)
            assert printed.startswith("hierseg") and "Traceback" not in printed, (option, value, printed)
            problems = printed.splitlines()
            assert 1 <= len(problems) <= 3 and all(len(line) < MAX_LENGTH + 100 for line in problems), (
                option,
                value,
                printed,
            )
        assert not any(tmp_path.iterdir())


def _value(rng):
    return rng.choice(AWKWARD) if rng.random() < 0.6 else random_text(rng)


class ValueOfTest:
    @pytest.mark.parametrize(
        "text, value",
        [
            ("3", 3),
            ("0.5", 0.5),
            ("1e-4", 1e-4),
            ("true", True),
            ("false", False),
            ('"a b"', "a b"),
            ("[1, 2]", [1, 2]),
            ("{a = 1}", {"a": 1}),
            ("1,4,3", [1, 4, 3]),
            ("stage2,stage3", ["stage2", "stage3"]),
            ("0.5, 2", [0.5, 2]),
            ("stage2,", ["stage2"]),
            ("UNet", "UNet"),
            ("train[:8]", "train[:8]"),
            ("/data/CamVid", "/data/CamVid"),
            ("1979-05-27", "1979-05-27"),
            ("1\nother = 2", "1\nother = 2"),
            ("", ""),
        ],
    )
    def test_is_toml_or_a_list_or_text(self, text, value):
        assert value_of(text) == value and type(value_of(text)) is type(value)


class PrintConfigTest:
    def test_a_file_of_what_is_printed_is_the_same_configuration(self, capsys, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        line = "train --recipe hs3_cityscapes_hrnet_w18 --method false --loss.name TreeMin --seed 3 --print-config"
        assert main(line.split()) == 0
        printed = capsys.readouterr()
        assert printed.err == "" and not any(tmp_path.iterdir())
        (tmp_path / "run.toml").write_text(printed.out)
        expected = {"method": None, "loss": {"name": "TreeMin"}, "seed": 3}
        assert RunConfig.from_file("run.toml") == RunConfig.from_recipe("hs3_cityscapes_hrnet_w18", **expected)

    def test_an_invalid_configuration_is_refused(self, capsys):
        assert main(["train", "--network.filters", "0", "--print-config"]) == 2
        assert capsys.readouterr().out == ""


class RecipesTest:
    def test_epochs_replace_the_steps_of_a_recipe(self):
        line = ["train", "--recipe", "hssn_cityscapes_deeplabv3plus_r101", "--out", "run"]
        assert config_of(parser().parse_args(line)).schedule.steps is not None
        schedule = config_of(parser().parse_args([*line, "--schedule.epochs", "2"])).schedule
        assert (schedule.epochs, schedule.steps) == (2, None)
        schedule = config_of(parser().parse_args([*line, "--schedule.epochs", "2", "--schedule.steps", "5"])).schedule
        assert schedule.steps == 5

    def test_lists_the_published_results(self, capsys):
        assert main(["recipes"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines] == recipes.available()
        assert sum(": miou_1 " in line for line in lines) == len(lines) - 3
        assert sum("mIoU 85.7, iIoU 71.7, on Cityscapes test" in line for line in lines) == 1

    def test_prints_a_recipe(self, capsys, tmp_path):
        assert main(["recipes", "muller_smith_helen"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines] == ["muller_smith_helen_unet", "muller_smith_helen_unet_hl"]
        assert main(["recipes", "hs3_cityscapes_hrnet_w18"]) == 0
        (tmp_path / "run.toml").write_text(capsys.readouterr().out)
        assert RunConfig.from_file(tmp_path / "run.toml") == RunConfig.from_recipe("hs3_cityscapes_hrnet_w18")


class ImportTest:
    def test_classes_of_ones_own(self, tmp_path, monkeypatch, capsys, run_eagerly):
        """A network and a loss in a file of the working folder."""
        text = """
from hierseg_keras.losses import FocalTreeMin
from hierseg_keras.models import UNet

class SharpLoss(FocalTreeMin):
    def __init__(self, tree, sharpness: float = 3.0, **options):
        super().__init__(tree, gamma=sharpness, **options)

class MyNetwork(UNet):
    pass
"""
        (tmp_path / "own_parts.py").write_text(text)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "path", list(sys.path))
        line = "train --data.tree lip --data.crop_size 16,16 --network.name own_parts:MyNetwork --network.filters 2 "
        line += "--network.num_stages 1 --loss.name own_parts:SharpLoss --loss.sharpness 2 --smoke"
        assert main(line.split()) == 2
        assert "Import own_parts first; on the command line, pass --import own_parts." in capsys.readouterr().err
        monkeypatch.setitem(sys.modules, "own_parts", None)
        del sys.modules["own_parts"]
        assert main([*line.split(), "--import", "own_parts"]) == 0
        assert float(dict(part.split() for part in capsys.readouterr().out.splitlines())["loss"]) > 0

    @pytest.mark.parametrize(
        "text, message",
        [
            ("import module_that_is_missing", "No module named 'module_that_is_missing'"),
            ("raise ValueError('broken')", "broken"),
        ],
    )
    def test_what_goes_wrong_in_a_module_is_no_refused_option(self, text, message, tmp_path, monkeypatch, capsys):
        (tmp_path / "broken_parts.py").write_text(text)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "path", list(sys.path))
        assert main("train --import broken_parts --out run".split()) == 1
        assert capsys.readouterr().err == f"hierseg train: {message}\n"

    @pytest.mark.parametrize("name", ["..parts", "my parts", "parts.py:Loss", "a..b"])
    def test_what_cannot_be_a_module_is_a_refused_option(self, name, capsys):
        assert main(["train", "--import", name, "--out", "run"]) == 2
        assert "--import expects the name of a module" in capsys.readouterr().err


class RefusedByAClassTest:
    """Options that only the constructor of a class checks."""

    NETWORK = "--network.name DeepLabV3Plus --network.backbone resnet51 --data.tree street_blocks --data.data_dir data"

    @pytest.mark.parametrize(
        "command", ["train --out run", "train --smoke --data.crop_size 8,8", "profile --image 8x8"]
    )
    def test_exit_code_is_that_of_a_refused_option(self, command, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        assert main([*command.split(), *self.NETWORK.split()]) == 2
        assert "`network` expects other options for DeepLabV3Plus" in capsys.readouterr().err
        assert not any(tmp_path.iterdir())
