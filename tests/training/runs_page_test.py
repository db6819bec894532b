import json
import shutil

import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.cli.main import main  # noqa: E402
from hierseg_keras.files import file_hash  # noqa: E402
from hierseg_keras.training import evaluate_run, report_runs, train  # noqa: E402
from hierseg_keras.training.runs_page import without_seed  # noqa: E402
from tests.running_eagerly import running_eagerly  # noqa: E402
from tests.training.tiny_run import tiny_config  # noqa: E402
from tests.visualization.small_page import content, prediction  # noqa: E402

LEAVES = {"name": "HierarchicalCrossentropy"}


@pytest.fixture(scope="module")
def folder(data_dir, tmp_path_factory):
    """A run with node scores and one with leaf scores, which does not resize the images."""
    folder = tmp_path_factory.mktemp("runs")
    short = {"schedule": {"steps": 1}}
    with running_eagerly():
        train(tiny_config(data_dir, **short), folder / "nodes")
        train(
            tiny_config(data_dir, **short, loss=LEAVES, data={"size": None, "crop_size": (24, 32)}), folder / "leaves"
        )
    return folder


def replace(path, before, after):
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after), "utf-8")


@pytest.fixture(scope="module")
def index(folder):
    with running_eagerly():
        return report_runs([folder / "nodes", folder / "leaves"], folder / "page")


class ReportRunsTest:
    def test_values_are_those_of_evaluate(self, folder, index):
        runs = content(index)["runs"]
        assert [run["name"] for run in runs] == ["nodes", "leaves"]
        for shown in runs:
            with running_eagerly():
                evaluated = evaluate_run(folder / shown["name"], verbose=0)
            assert shown["values"] == {key: evaluated[key] for key in shown["values"]}
            assert {"miou_1", "miou_3", "accuracy_1", "mistake_severity"} <= shown["values"].keys()

    def test_runs_that_differ_in_the_seed_alone_have_one_configuration(self, index):
        assert content(index)["comparison"]["groups"] == [[0], [1]]
        config = tiny_config()
        text = without_seed(config)
        for same in ({"seed": 1}, {"data": {"data_dir": "/elsewhere"}}, {"replicas": 2}, {"save_every": "1h"}):
            assert without_seed(config.replace(**same)) == text
        for other in (
            {"loss": {"name": "TreeMin"}},
            {"schedule": {"epochs": 3}},
            {"data": {"train_split": "train[:8]"}},
        ):
            assert without_seed(config.replace(**other)) != text

    def test_repeats_of_a_seed_and_unfinished_runs_do_not_show_what_the_seed_changes(self, folder, tmp_path):
        runs = [shutil.copytree(folder / "nodes", tmp_path / name) for name in ("stopped", "nodes", "same", "another")]
        replace(runs[3] / "config.toml", "seed = 0", "seed = 1")
        replace(runs[0] / "run.json", '"finished": true', '"finished": false')
        for run in runs:
            record = json.loads((run / "run.json").read_text())
            record["sha256"]["config.toml"] = file_hash(run / "config.toml")
            (run / "run.json").write_text(json.dumps(record))
        with running_eagerly(), pytest.warns(UserWarning, match="is an unfinished run"):
            page = content(report_runs(runs, tmp_path / "page"))
        assert page["comparison"]["groups"] == [[0], [1, 3], [2]]
        states = [dict(run["facts"]).get("state") for run in page["runs"]]
        assert states == ["unfinished, after epoch 1", None, None, None]

    def test_images_have_their_names_and_runs_their_facts(self, index):
        page = content(index)
        assert page["dataSet"] == "street_blocks/1.0.0, validation[:5]" and page["numImages"] == 5
        assert page["images"][0]["name"].endswith(".png")
        # The first run resizes the images.
        assert {(image["height"], image["width"]) for image in page["images"]} == {(24, 32)}
        assert prediction(index, 4, 1, tree_of(page))[0].shape == (24, 32)
        assert dict(page["runs"][1]["facts"]) == {
            "network": "UNet",
            "loss": "HierarchicalCrossentropy",
            "scores": "one per leaf",
            "training": "1 step",
            "seed": "0",
        }
        assert page["runs"][0]["curves"]["epochs"] == [1]

    def test_what_cannot_be_compared_is_refused_before_any_run_is_evaluated(
        self, folder, tmp_path, monkeypatch, two_replicas
    ):
        monkeypatch.setattr("hierseg_keras.training.runs_page.load_run", None)
        shutil.copytree(folder / "leaves", tmp_path / "run")
        config, tree = (tmp_path / "run" / name for name in ("config.toml", "tree.txt"))
        text = config.read_text()
        for file, changed, message in (
            (tree, "a\n\tb\nc\n", "one class tree"),
            (
                config,
                text.replace('dataset = "street_blocks"', 'dataset = "camvid_tree"'),
                "street_blocks and camvid_tree",
            ),
            (config, text.replace("validation[:5]", "validation[:6]"), r"\[:6\]\). Pass `split`"),
        ):
            before = file.read_text()
            file.write_text(changed)
            with pytest.raises(ValueError, match=message):
                report_runs([folder / "nodes", tmp_path / "run"], tmp_path / "page")
            file.write_text(before)
        with pytest.raises(ValueError, match="several different runs"):
            report_runs([folder / "leaves", folder / "nodes" / ".." / "leaves"], tmp_path / "page")
        with pytest.raises(FileNotFoundError, match="is not there"):
            report_runs([folder / "lost"], tmp_path / "page")
        with two_replicas.scope(), pytest.raises(ValueError, match="`report_runs` expects to be called outside"):
            report_runs([folder / "leaves"], tmp_path / "page")
        assert not (tmp_path / "page").exists()

    def test_command_writes_the_page_and_refuses_in_one_line(self, folder, tmp_path, capsys):
        page = tmp_path / "page"
        run = [str(folder / "leaves"), "--out", str(page)]
        with running_eagerly():
            assert main(["report", *run, "--split", "validation[:3]", "--images", "2", "--flip"]) == 0
        assert capsys.readouterr().out == f"{page / 'index.html'}\n"
        values = content(page / "index.html")
        assert len(values["images"]) == 2 and values["numImages"] == 3
        assert main(["report", *run]) == 1
        error = capsys.readouterr().err
        assert error.startswith("hierseg report: `hierseg report` expects a path that does not exist.")
        assert error.count("\n") == 1 and "Pass --overwrite" in error

    def test_progress_counts_the_images_of_all_runs(self, folder, tmp_path):
        done, runs = [], [folder / "nodes", folder / "leaves"]
        options = {"split": "validation[:6]", "on_progress": lambda *counts: done.append(counts)}
        with running_eagerly():
            report_runs(runs, tmp_path / "page", **options)
        assert done == [(4, 12), (6, 12), (10, 12), (12, 12)]


def tree_of(page):
    from hierseg_keras.tree import ClassTree

    tree = ClassTree.load("street_blocks")
    assert list(tree.names) == page["tree"]["names"]
    return tree
