"""Arguments of Python functions in messages become options of the command."""

import warnings

import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.cli.main import main  # noqa: E402
from hierseg_keras.cli.message import message_of  # noqa: E402
from hierseg_keras.cli.option_names import with_options  # noqa: E402
from hierseg_keras.training import ConfigError  # noqa: E402
from tfds_builders.reading.file_problems import ImageFileError  # noqa: E402


class WithOptionsTest:
    @pytest.mark.parametrize(
        "command, text, expected",
        [
            ("data", "Pass val_share=0.3, or `val_images`", "Pass --val-share 0.3, or --val-images"),
            ("data", "omit them with skip_bad=True.", "omit them with --skip-bad."),
            ("train", "omit them with skip_bad=True.", "omit them with --data.skip_bad."),
            ("train", "Pass groups='(.+)', or `classes`", "Pass --groups '(.+)', or --classes"),
            ("train", "Pass a smaller `batch_size`.", "Pass a smaller --data.batch_size."),
            ("data", "Choose one with `format`", "Choose one with --mask-format"),
            ("classes", "Choose one with `format`", "Choose one with --format"),
            ("data", "Pass one with `class_maps`.", "Pass one with --class-map."),
            ("data", "with `skip_bad=True`", "with --skip-bad"),
            ("data", "`data.val_masks` expects a folder", "--val-masks expects a folder"),
            ("train", "`data.val_masks` expects a folder", "`data.val_masks` expects a folder"),
            (
                "train",
                "`network` expects other options for A. Pass weights=None.",
                "`network` expects other options for A. Pass --network.weights false.",
            ),
            # The data set, and another name.
            (
                "evaluate",
                "`name` expects a TFDS data set. Received: name='a'.",
                "--dataset expects a TFDS data set. Received: --dataset 'a'.",
            ),
            (
                "data",
                "`name` expects a config of a. Received: name='a/b'.",
                "NAME expects a config of a. Received: NAME 'a/b'.",
            ),
            (
                "data",
                "`skip_bad` expects a data set of b. Received: name='a'.",
                "--skip-bad expects a data set of b. Received: NAME 'a'.",
            ),
            ("train", "`name` expects the name of a TFDS data set.", "`dataset` expects the name of a TFDS data set."),
            (
                "evaluate",
                "Pass another `name` to TreeReport(name='a').",
                "Pass another `name` to TreeReport(name='a').",
            ),
            # Arguments of networks, other words, and files.
            ("train", '`weights="imagenet"` of `filters`', '`weights="imagenet"` of `filters`'),
            ("data", "the column `id`, /a/split=b/x.png, a.split=3", "the column `id`, /a/split=b/x.png, a.split=3"),
            ("predict", "Pass overwrite=True, or `threshold`", "Pass --overwrite, or --threshold"),
            ("predict", "`predict_files` expects images", "`hierseg predict` expects images"),
            ("evaluate", "`predict_files` expects images", "`predict_files` expects images"),
            ("evaluate", "with skip_bad=True", "with skip_bad=True"),
        ],
    )
    def test_names_that_are_options_are_replaced(self, command, text, expected):
        assert with_options(text, command) == expected

    @pytest.mark.parametrize(
        "arguments, option",
        [
            (["data", "nosuch"], "NAME"),
            (["demo", "--dataset", "nosuch"], "--dataset"),
            (["train", "--out", "run", "--data.dataset", "nosuch"], "`dataset`"),
            (["train", "--out", "run", "--evaluation.dataset", "nosuch"], "`dataset`"),
        ],
    )
    def test_commands_name_a_data_set_by_their_option(self, arguments, option, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        assert main(arguments) != 0
        assert (
            f": {option} expects the name of a TFDS data set. Received: {option} 'nosuch'." in capsys.readouterr().err
        )

    def test_problems_of_a_configuration_name_its_keys(self):
        error = ConfigError(["`replicas` expects an integer.", "`data.images` expects a folder."])
        assert message_of(error, "train") == "`replicas` expects an integer.\n`data.images` expects a folder."
        assert message_of(error, "data").endswith("--images expects a folder.")

    def test_a_long_list_of_problems_is_shortened(self):
        lines = message_of(
            ImageFileError([f"x{number}.png: bad {number}" for number in range(300)]), "data"
        ).splitlines()
        assert len(lines) == 51 and lines[-1] == "... and 250 more"

    def test_warnings_name_options(self, monkeypatch):
        printed = []

        def warn(*_, **__):
            printed.append(warnings.formatwarning("Pass a smaller `batch_size`.", UserWarning, "file.py", 1))

        monkeypatch.setattr("hierseg_keras.cli.train.train", warn)
        assert main(["train", "--out", "run"]) == 0
        assert printed == ["hierseg train: warning: Pass a smaller --data.batch_size.\n"]
