"""HS3's two phases: one call, that goes on where it was interrupted."""

import csv
import json
import types

import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.cli.main import main  # noqa: E402
from hierseg_keras.clustering import TradeOff  # noqa: E402
from hierseg_keras.training import RunConfig, evaluate_run, hs3_run, load_run, train, train_hs3  # noqa: E402
from hierseg_keras.training.config.checks import training_conflicts  # noqa: E402
from hierseg_keras.training.data_sets import DataSets  # noqa: E402
from hierseg_keras.training.folder_claim import claimed  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from tests.training.tiny_run import tiny_config  # noqa: E402

STAGES = ("encoder_0_b_relu", "encoder_1_b_relu")
METHOD = {"name": "HS3", "stages": STAGES, "ratio": 0.5, "fuse": True, "analysis_share": 0.25}


@pytest.fixture
def config(data_dir):
    tables = {"network": {"num_stages": 2}, "loss": {"name": "HierarchicalCrossentropy"}, "schedule": {"epochs": 1}}
    return tiny_config(data_dir, method=METHOD, **tables)


def interrupt(*_, **__):
    raise KeyboardInterrupt


def find_clusters(config, folder):
    data_sets = DataSets(config.data, ClassTree.load("street_blocks"))
    hs3_run._find_clusters(config, folder, data_sets, ["train[:1]"], folder / "clusters")


def times(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("run_eagerly")
class TrainHS3Test:
    @pytest.mark.large
    def test_interrupted_between_its_phases(self, config, tmp_path, monkeypatch):
        folder = tmp_path / "run"
        with monkeypatch.context() as context, pytest.raises(KeyboardInterrupt):
            context.setattr(hs3_run, "load_run", interrupt)
            train_hs3(config, folder, verbose=0)
        assert (folder / "deep_supervision").is_dir() and not (folder / "clusters").exists()
        first = times(folder / "deep_supervision")

        # It goes on with the clusters, which are edited before the second phase is run again.
        with monkeypatch.context() as context, pytest.raises(KeyboardInterrupt):
            context.setattr(hs3_run, "train_on", interrupt)
            train_hs3(config, folder, verbose=0)
        assert times(folder / "deep_supervision") == first
        expected = {f"{name}.{kind}" for name in STAGES for kind in ("txt", "png")}
        expected |= {"trade_offs.csv", "trade_offs.png"}
        assert {path.name for path in (folder / "clusters").iterdir()} == expected
        names = ClassTree.load("street_blocks").names[:17]
        edited = ClassTree.from_clusters(names, [0] * 8 + [1] * 9).to_text()
        (folder / "clusters" / f"{STAGES[0]}.txt").write_text(edited, "utf-8")

        model = train_hs3(config, folder, verbose=0)
        deep, final = (load_run(folder / name)[0] for name in ("deep_supervision", "hs3"))
        assert (deep.method.clusters, deep.data.train_split, deep.method.fuse) == (None, "train[0:12]", False)
        assert (final.data.train_split, final.method.fuse) == ("train[:16]", True)
        assert final.method.clusters[0] == edited and model.clusters[STAGES[0]].tolist() == [0] * 8 + [1] * 9
        with (folder / "clusters" / "trade_offs.csv").open() as file:
            chosen = [int(row["classes"]) for row in csv.DictReader(file) if row["chosen"] == "1"]
        found = model.clusters[STAGES[1]]
        # Half the classes present; the absent ones are clusters of their own.
        assert found.max() + 1 >= chosen[1] == 2 * chosen[0] >= 4
        assert not list(folder.glob("unfinished.*"))

    def test_clusters_are_searched_on_images_of_the_size_of_the_training(self, config, tmp_path, monkeypatch):
        """The size of large images is found with the data, and only in the configuration of the first phase."""
        seen = []
        loaded = config.replace(data={"size": 24}), types.SimpleNamespace(tree=ClassTree.load("street_blocks"))
        monkeypatch.setattr(hs3_run, "load_run", lambda run: loaded)

        def load(config, *_):
            seen.append(config.data.size)
            raise KeyboardInterrupt

        monkeypatch.setattr(hs3_run, "load_held_out", load)
        with pytest.raises(KeyboardInterrupt):
            find_clusters(config.replace(data={"size": None}), tmp_path)
        assert seen == [24]

    @pytest.mark.parametrize("theta, size", [(0.0, 10), ("origin", 5), (90.0, 5)])
    def test_sizes_are_those_of_the_angle(self, config, theta, size):
        """At 5 of 10 clusters the mIoU is on the line through the origin, and nowhere as high as the final output's."""
        found = {STAGES[0]: TradeOff({}, {10: 0.5, 5: 0.4}, 10, 0.8)}
        method = {"ratio": None, "theta": theta, "stages": STAGES[:1]}
        assert hs3_run._sizes(config.replace(method=method), found) == {STAGES[0]: size}

    def test_search_has_the_options_of_the_method(self, config, tmp_path, monkeypatch):
        method, seen = {"clustering": "kmeans", "embeddings": "regions"}, []

        def search(examples, *options):
            seen.append(options)
            raise KeyboardInterrupt

        model = types.SimpleNamespace(tree=None, search=search)
        monkeypatch.setattr(hs3_run, "load_run", lambda run: (config, model))
        monkeypatch.setattr(hs3_run, "load_held_out", lambda *_: ([], None))
        with pytest.raises(KeyboardInterrupt):
            find_clusters(config.replace(method=method), tmp_path)
        assert seen == [("kmeans", "regions")]

    @pytest.mark.large
    def test_several_data_sets_are_split_one_by_one(self, config, tmp_path):
        """Of the coarse labels of the second one, none says anything about the clusters."""
        sources = {"dataset": ["street_blocks"] * 2, "train_split": ["train[:8]", "train[8:16]"]}
        config = config.replace(data={**sources, "batch_shares": [2, 2], "label_levels": [1, 2]})
        train_hs3(config, tmp_path / "run", verbose=0)
        deep, final = (load_run(tmp_path / "run" / name)[0] for name in ("deep_supervision", "hs3"))
        assert deep.data.train_split == ("train[0:6]", "train[8:14]")
        assert final.data == config.data
        values = evaluate_run(tmp_path / "run" / "hs3", verbose=0, flip=True)
        assert 0 <= values["miou_1"] <= 1

    @pytest.mark.parametrize(
        "method, fuses",
        [
            ({"clustering": "spectral"}, False),
            ({"clustering": "kmeans"}, True),
            ({"clustering": "kmeans", "embeddings": "features"}, False),
            ({"clustering": "kmeans", "fuse": False}, False),
            ({"clustering": "kmeans", "fuse": False, "embeddings": "regions"}, True),
        ],
    )
    def test_deep_supervision_has_blocks_if_kmeans_needs_regions(self, config, method, fuses, tmp_path, monkeypatch):
        trained = []
        monkeypatch.setattr(hs3_run, "train_on", lambda config, *_, **__: interrupt(trained.append(config)))
        with pytest.raises(KeyboardInterrupt):
            train_hs3(config.replace(method=method), tmp_path / "run")
        assert (trained[0].method.fuse, trained[0].method.clusters) == (fuses, None)
        # The options of the search have no effect in this training, which would refuse them.
        assert not list(training_conflicts(trained[0]))

    @pytest.mark.large
    def test_kmeans_on_regions(self, config, tmp_path):
        method = {"clustering": "kmeans", "fuse": False, "embeddings": "regions"}
        model = train_hs3(config.replace(method=method), tmp_path / "run", verbose=0)
        assert model.inference_model.count_params() < load_run(tmp_path / "run" / "deep_supervision")[1].count_params()
        assert {path.suffix for path in (tmp_path / "run" / "clusters").iterdir()} == {".txt", ".png", ".csv"}

    def test_configurations_of_earlier_versions_have_no_name_of_channels(self, config):
        values = config.to_values()
        values["method"]["filters"] = False
        assert RunConfig(**values).method.filters == "half" == config.method.filters

    def test_a_tree_of_two_leaves_is_refused_before_the_training(self, config, tmp_path):
        (tmp_path / "tree.txt").write_text("road\nsky\n")
        config = config.replace(data={"tree": str(tmp_path / "tree.txt")})
        with pytest.raises(ValueError, match="expects a tree of 3 leaves or more. Received: 2. Set `method.clusters`"):
            train_hs3(config, tmp_path / "run", verbose=0)

    def test_an_edited_tree_with_a_mistake_is_named(self, config, tmp_path, monkeypatch):
        for name in ("deep_supervision", "clusters"):
            (tmp_path / "run" / name).mkdir(parents=True)
        for stage in STAGES:
            (tmp_path / "run" / "clusters" / f"{stage}.txt").write_text("a\n\t\tb\n")
        monkeypatch.setattr(hs3_run, "_check_configuration", lambda *_: None)
        monkeypatch.setattr(hs3_run, "_split_off", lambda *_: (["train[:1]"], ["train[1:]"]))
        with pytest.raises(ValueError, match=f"clusters/{STAGES[0]}.txt:2: indent jumps"):
            train_hs3(config, tmp_path / "run", verbose=0)

    def test_leaves_other_folders_alone(self, config, tmp_path):
        (tmp_path / "mine.txt").write_text("x")
        with pytest.raises(FileExistsError, match="new or empty folder"):
            train_hs3(config, tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]

    def test_data_that_cannot_be_prepared_leave_nothing(self, config, tmp_path, monkeypatch):
        monkeypatch.setattr(hs3_run.data, "prepare", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train_hs3(config, tmp_path / "run")
        assert not any(tmp_path.iterdir())

    def test_second_process_is_refused(self, config, tmp_path):
        with claimed(tmp_path / "run"), pytest.raises(FileExistsError, match="no other process writes to"):
            train_hs3(config, tmp_path / "run")

    def test_scope_of_several_replicas_is_refused(self, config, tmp_path, two_replicas):
        with two_replicas.scope(), pytest.raises(ValueError, match="`train_hs3` expects to be called outside"):
            train_hs3(config, tmp_path / "run")

    def test_another_configuration_is_refused(self, config, tmp_path):
        other = RunConfig.from_recipe("hssn_lip_deeplabv3plus_r101")
        other.to_file(tmp_path / "config.toml")
        with pytest.raises(ValueError, match="was started with. Received: .*'method.name': \"'HSSN' -> 'HS3'\""):
            train_hs3(config, tmp_path)

    def test_folder_that_an_earlier_version_began_goes_on(self, config, tmp_path, monkeypatch):
        flat = {"model": "unet", "filters": 2, "num_stages": 2, "loss": "hierarchical_crossentropy", "method": "hs3"}
        flat |= {"stages": STAGES, "ratio": 0.5, "fuse": True, "analysis_share": 0.25, "replicas": 1, "epochs": 1}
        flat |= {"train_split": "train[:16]", "validation_split": "validation[:5]", "size": (24, 32), "batch_size": 4}
        (tmp_path / "config.json").write_text(json.dumps({**flat, "data_dir": config.data.data_dir}))
        monkeypatch.setattr(hs3_run, "train_on", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train_hs3(config, tmp_path)

    def test_each_command_takes_its_own_configurations(self, config, tmp_path, capsys):
        with pytest.raises(ValueError, match="`train` expects `method.clusters` .*`train_hs3`, which finds them"):
            train(config, tmp_path / "run")
        with pytest.raises(ValueError, match='`HS3` with clusters="search". Received: method=None'):
            train_hs3(RunConfig(), tmp_path / "run")
        assert main(["train", "--network.name", "UNet", "--method.name", "HS3", "--out", str(tmp_path / "run")]) == 2
        assert "`method.stages` expects" in capsys.readouterr().err and not (tmp_path / "run").exists()

    @pytest.mark.large
    def test_smoke_run_without_clusters(self, capsys):
        options = "--data.tree lip --network.name HRNet --network.width 2 --network.num_modules 1,1,1 "
        options += "--network.num_blocks 1 --data.crop_size 32,32 --method.name HS3 --method.fuse"
        assert main(["train", *options.split(), "--smoke"]) == 0
        assert {"loss", "stage2", "stage3"} <= {line.split()[0] for line in capsys.readouterr().out.splitlines()}
