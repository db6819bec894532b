"""Every line of the README's code is run, with training cut to a step."""

import pathlib
import re
import shlex

import keras
import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.cli.main import parser  # noqa: E402

README = (pathlib.Path(__file__).parent.parent / "README.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


class ReadmeTest:
    def test_python_runs_as_it_stands(self, data_dir, tmp_path, monkeypatch, run_eagerly, capsys):
        # The data sets are prepared once for all tests, and a step of training tells as much as twenty epochs.
        import tensorflow_datasets as tfds

        fit, builder, predict = keras.Model.fit, tfds.builder, keras.Model.predict
        monkeypatch.setattr(tfds, "builder", lambda name, data_dir=None: builder(name, data_dir=str(shared)))
        one_step = {"epochs": 1, "steps_per_epoch": 1, "validation_steps": 1, "verbose": 0}
        monkeypatch.setattr(keras.Model, "fit", lambda self, *args, **options: fit(self, *args, **options | one_step))
        monkeypatch.setattr(keras.Model, "predict", lambda self, x: predict(self, x, verbose=0))
        monkeypatch.chdir(tmp_path)
        shared, names = data_dir, {}
        for block in blocks("python"):
            exec(compile(block, "README.md", "exec"), names)
        assert [level.shape for level in names["levels"]] == [(8, 96, 128)] * 3
        assert names["learned"].num_leaves == 17
        assert (tmp_path / "street" / "1" / "saved_model.pb").is_file()
        assert "bicyclist = 0" in capsys.readouterr().out

    def test_the_tree_file_is_the_dict(self, tmp_path):
        import hierseg_keras as hs

        (tmp_path / "tree.txt").write_text(blocks("text")[0], "utf-8")
        names = {"hs": hs}
        exec(next(block for block in blocks("python") if "ClassTree.from_dict(" in block), names)
        assert hs.ClassTree.from_file(tmp_path / "tree.txt") == names["tree"]

    @pytest.mark.parametrize("line", re.findall(r"^hierseg .*$", "".join(blocks("bash")), re.MULTILINE))
    def test_commands_parse(self, line):
        assert parser().parse_args(shlex.split(line)[1:]).command in line

    def test_make_targets_exist(self):
        makefile = (pathlib.Path(__file__).parent.parent / "Makefile").read_text("utf-8")
        for target in re.findall(r"^make (\w+)", "".join(blocks("bash")), re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE)

    def test_every_public_name_stands_in_the_readme(self):
        import hierseg_keras as hs

        for room in (hs.clustering, hs.losses, hs.metrics, hs.models):
            for name in room.__all__:
                assert f"{room.__name__.rpartition('.')[2]}.{name}" in README
        for name in hs.ClassTree.available():
            assert f"`{name}`" in README
