"""A run on folders of images and masks, from the command line to the SavedModel."""

import json
import shutil
import tomllib
import types
import warnings

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("tensorflow")
import hierseg_keras as hs  # noqa: E402
from hierseg_keras.cli.main import main  # noqa: E402
from hierseg_keras.prediction.class_ids import written_ids  # noqa: E402
from hierseg_keras.training import ConfigError, RunConfig, evaluate_run, report_runs, train, train_hs3  # noqa: E402
from hierseg_keras.training.data_sets import DataSets, class_table, load_class_table, palette_of  # noqa: E402
from tests import image_folders  # noqa: E402
from tfds_builders.folders import folders_dataset_builder  # noqa: E402

FOLDERS = {"images": "i", "masks": "m", "tree": "street_blocks"}


class ConfigTest:
    def test_images_are_the_data_set(self):
        config = RunConfig(data=FOLDERS)
        assert config.data.dataset == "folders" == config.evaluation_dataset
        assert RunConfig(**config.to_values()) == config
        mixed = RunConfig(data={**FOLDERS, "dataset": ["street_blocks", "folders"]})
        assert mixed.data.names == ("street_blocks", "folders") and mixed.evaluation_dataset == "street_blocks"

    def test_all_contradictions_are_told_at_once(self):
        data = {"images": "i", "val_images": "v", "val_share": 0.2, "groups": "(a)", "mask_format": "indx"}
        with pytest.raises(ConfigError) as caught:
            RunConfig(data=data)
        keys = ("masks", "tree", "val_masks", "val_share", "groups", "mask_format")
        assert [line.split("`")[1] for line in caught.value.problems] == [f"data.{key}" for key in keys]
        assert "Did you mean `index`?" in caught.value.problems[-1]

    def test_folders_of_another_data_set_are_refused(self):
        with pytest.raises(ConfigError, match='`data.dataset` expects "folders", alone or in a list'):
            RunConfig(data={**FOLDERS, "dataset": "camvid_tree"})

    def test_masks_without_images_are_refused(self):
        with pytest.raises(ConfigError, match="`data.images` expects the folder of the images, with `data.masks`"):
            RunConfig(data={"masks": "m"})

    def test_a_run_without_folders_says_how_to_evaluate_some(self):
        with pytest.raises(ValueError, match="`dataset` expects a data set other than folders .* in Python"):
            DataSets(RunConfig(data={"dataset": "street_blocks"}).data, None).builder("folders")

    def test_the_data_set_needs_its_folders(self):
        with pytest.raises(ConfigError) as caught:
            RunConfig(data={"dataset": "folders"})
        assert [line.split("`")[1] for line in caught.value.problems] == ["data.images", "data.masks", "data.tree"]


class DataSetsTest:
    @pytest.mark.parametrize(
        "validation", [{"val_images": "vi", "val_masks": "vm"}, {"val_share": 0.2, "groups": "(.)"}]
    )
    def test_every_option_of_the_folders_is_passed_on(self, validation, monkeypatch):
        monkeypatch.setattr(hs.data, "from_folders", lambda **options: options)
        values = {"classes": "c.csv", "skip_bad": True, "data_dir": "prepared", **validation}
        config = RunConfig(data={**FOLDERS, "mask_format": "colors", **values})
        options = DataSets(config.data, image_folders.TREE).builder("folders")
        others = {"val_images": None, "val_masks": None, "groups": None}
        own = {"images": "i", "masks": "m", "tree": image_folders.TREE, "format": "colors"}
        assert options == {**others, **values, **own}

    def test_runs_on_the_same_folders_share_them(self):
        config, tree = RunConfig(data=FOLDERS), image_folders.TREE
        data_sets = DataSets(config.data, tree)
        assert data_sets.for_run(config.replace(data={"batch_size": 3}).data, tree) is data_sets
        for other in ({"masks": "other"}, {"val_share": 0.2}, {"classes": "c.csv"}, {"data_dir": "prepared"}):
            assert data_sets.for_run(config.replace(data=other).data, tree) is not data_sets
        assert data_sets.for_run(config.data, hs.ClassTree.load("street_blocks")) is not data_sets


class PaletteOfTest:
    def test_is_the_class_table_if_it_has_colors(self, tmp_path):
        tree = hs.ClassTree.load("street_blocks")
        for row, color in [("0,,sky,#010203", (1, 2, 3)), ("#040506,,sky,", (4, 5, 6))]:
            (tmp_path / "classes.csv").write_text(f"id,class,node,color\n{row}\n")
            values = RunConfig(data={**FOLDERS, "classes": str(tmp_path / "classes.csv")}).data
            colors = hs.visualization.node_colors(tree, palette_of(values))
            assert tuple(colors[tree.index("sky")]) == color
        (tmp_path / "classes.csv").write_text("id,class,node\n0,,sky\n")
        assert palette_of(values) is None

    def test_is_the_default_once_the_class_table_is_gone(self, tmp_path):
        assert palette_of(RunConfig(data={**FOLDERS, "classes": str(tmp_path / "gone.csv")}).data) is None


class ClassTableTest:
    def test_of_a_tfds_data_set_is_what_it_stores(self):
        tree = hs.ClassTree.load("cityscapes")
        table = class_table(DataSets(RunConfig().data, tree), "cityscapes_tree")
        assert len(table.rows) == 34
        assert written_ids(tree, table).numbers.tolist() == written_ids(tree, "labelIds").numbers.tolist()

    @pytest.mark.parametrize(
        "classes, rows",
        [
            ([(7, "Sky", "sky"), (255, "", None)], ((7, "Sky", "sky"), (255, "", "ignore"))),
            ([("#800000", "Sky", "sky"), (None, "background", None)], (("#800000", "Sky", "sky"),)),
            ([(None, "Sky", "sky"), (None, "car", "car")], ((0, "Sky", "sky"), (1, "car", "car"))),
            ([(7, "Sky", "sky"), (70_000, "car", "car")], ((7, "Sky", "sky"),)),
            # As from masks whose classes have names alone, with a class table.
            ([("Sky", "Sky", "sky"), ("car", "car", "car")], ((0, "Sky", "sky"), (1, "car", "car"))),
            # The table has numbered what masks do not declare.
            ([(0, "_background_", None), ("car", "car", "car")], ((0, "_background_", "ignore"), (1, "car", "car"))),
            ([("#800000", "Sky", "sky"), (1, "lost", "car")], (("#800000", "Sky", "sky"),)),
        ],
    )
    def test_of_folders_is_what_the_masks_hold(self, classes, rows, monkeypatch):
        builder = types.SimpleNamespace(builder_config=types.SimpleNamespace(classes=classes))
        monkeypatch.setattr(hs.data, "from_folders", lambda **_: builder)
        assert class_table(DataSets(RunConfig(data=FOLDERS).data, None), "folders").rows == rows

    def test_of_a_run_of_an_earlier_version(self, tmp_path):
        tree = hs.ClassTree.load("street_blocks")
        expected = class_table(DataSets(RunConfig().data, tree), "street_blocks")
        assert load_class_table(tmp_path, RunConfig(), tree) == expected
        with pytest.raises(ValueError, match="which does not store the ids of its masks. `hierseg classes --masks m"):
            load_class_table(tmp_path, RunConfig(data=FOLDERS), tree)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    image_folders.write_pairs(tmp_path, [f"a photo {number}" for number in range(12)], ".jpg")
    (tmp_path / "tree.txt").write_text(image_folders.TREE.to_text(), "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


DATA = "--images images --masks masks --tree tree.txt --val-share 0.4".split()
SMALL = "--data.batch_size 2 --schedule.steps 2 --network.name UNet --network.filters 2".split()
RUN = [*DATA, "--data.data_dir", "prepared", *SMALL]


def small_config(**tables):
    folders = {"images": "images", "masks": "masks", "tree": "tree.txt", "val_share": 0.4, "data_dir": "prepared"}
    network = {"name": "UNet", "filters": 2, "num_stages": 1}
    config = RunConfig(data={**folders, "batch_size": 2}, network=network, schedule={"steps": 1}, replicas=1)
    return config.replace(**tables)


@pytest.mark.usefixtures("run_eagerly")
class SearchTest:
    """How often the files of the folders are searched. On a network disk, each time takes minutes."""

    @pytest.fixture
    def searches(self, monkeypatch):
        searched, search = [], folders_dataset_builder.preparation_name

        def counted(*args):
            searched.append(args)
            return search(*args)

        monkeypatch.setattr(folders_dataset_builder, "preparation_name", counted)
        return searched

    def test_a_training_searches_once(self, folder, searches):
        # Both need the labels before the training begins.
        weighted = {"name": "HierarchicalCrossentropy", "class_weights": "inverse_frequency"}
        train(small_config(loss=weighted, class_prior=True), "run", verbose=0)
        # Another time to see that no file has changed while the records were made.
        assert len(searches) == 2

    @pytest.mark.large
    def test_each_training_finds_files_that_have_changed(self, folder):
        fingerprints = []
        for name in ("before", "after"):
            train(small_config(), name, verbose=0)
            fingerprints.append(json.loads((folder / name / "run.json").read_text("utf-8"))["data"])
            image_folders.write_pair(folder, "another photo", 20, ".jpg")
        assert fingerprints[0] != fingerprints[1]

    @pytest.mark.large
    def test_an_evaluation_and_a_report_of_several_runs_search_once(self, folder, searches):
        for seed in (0, 1):
            train(small_config(seed=seed), f"run_{seed}", verbose=0)
        for start in (lambda: evaluate_run("run_0", verbose=0), lambda: report_runs(["run_0", "run_1"], "page")):
            searches.clear()
            start()
            assert len(searches) == 1

    @pytest.mark.large
    def test_all_phases_of_hs3_search_once(self, folder, searches):
        method = {"name": "HS3", "stages": ("encoder_0_b_relu", "encoder_1_b_relu"), "ratio": 0.5}
        config = small_config(method={**method, "analysis_share": 0.4}, network={"num_stages": 2})
        train_hs3(config.replace(loss={"name": "HierarchicalCrossentropy"}), "run", verbose=0)
        assert len(searches) == 2


def command(*options):
    return main([str(option) for option in options])


class CommandTest:
    def test_data_shows_folders(self, folder, capsys):
        assert command("data", *DATA, "--data-dir", "prepared", "--out", "sheets") == 0
        printed = capsys.readouterr().out
        assert "folders/images_" in printed and "level 2, 2 classes" in printed
        assert (folder / "sheets" / "contact_sheet.png").is_file()

    @pytest.mark.parametrize(
        "options, expected",
        [
            ([], "expected NAME, or --images and --masks"),
            (["street_blocks", "--images", "images"], "--images expects the data set folders"),
            ([*DATA, "--class-map", "x.csv"], "Use --classes"),
            ([*DATA, "--val-images", "x"], "--val-masks expects"),
            ([*DATA[:2], "--tree", "tree.txt"], "--masks expects"),
            ([*DATA, "--out", "images/sheets"], "--out expects a folder outside of --images"),
        ],
    )
    def test_data_refuses(self, folder, capsys, options, expected):
        try:
            code = command("data", *options)
        except SystemExit as ended:
            code = ended.code
        assert code == 2 and expected in capsys.readouterr().err

    def test_a_run_inside_of_the_masks_is_refused(self, folder, capsys):
        assert command("train", *DATA, "--out", "masks/run") == 2
        assert "--out expects a folder outside of --masks" in capsys.readouterr().err

    @pytest.mark.large
    def test_a_run_outlives_its_folder(self, folder, capsys, monkeypatch):
        assert command("train", *RUN, "--network.num_stages", 1, "--replicas", 1, "--out", "run") == 0
        values = tomllib.loads((folder / "run" / "config.toml").read_text("utf-8"))["data"]
        assert (values["dataset"], values["images"]) == ("folders", str(folder / "images"))
        assert values["crop_size"][0] in (12, 13, 14) and values["crop_size"][1] == 16
        [name] = json.loads((folder / "run" / "run.json").read_text("utf-8"))["data"]
        assert name == "folders/1.0.0"
        (folder / "tree.txt").unlink()
        assert command("evaluate", "run") == 0
        shutil.copy(folder / "images" / "a photo 3.jpg", folder / "photo.jpg")
        shutil.rmtree(folder / "images")
        shutil.rmtree(folder / "masks")
        assert command("predict", "run", "photo.jpg", "--out", "predicted", "--flip") == 0
        assert command("export", "run", "--out", "exported", "--flip") == 0
        capsys.readouterr()
        assert command("evaluate", "run") == 1
        printed = capsys.readouterr().err
        assert "images: expected a folder" in printed
        assert "expected a folder of masks. Received: nothing there. Correct the path" in printed
        assert printed.count("\n") == 2

    @pytest.mark.large
    def test_a_run_of_relative_paths_is_resumed_and_evaluated_from_anywhere(
        self, folder, tmp_path, capsys, monkeypatch
    ):
        assert command("train", *RUN, "--network.num_stages", 1, "--replicas", 1, "--out", "run") == 0
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            assert command("evaluate", folder / "run") == 0
            assert command("train", "--resume", folder / "run", "--schedule.steps", 4, "--replan") == 0
        assert len((folder / "run" / "log.csv").read_text().splitlines()) > 2
        assert not any((tmp_path / "elsewhere").iterdir())

    @pytest.mark.large
    def test_predictions_have_the_ids_of_the_masks(self, folder, capsys):
        """Numbers, colors, and names without numbers. The table and the masks are gone when the run is used."""
        table = "id,class,node,color\n10,,person,#ff0000\n20,,rider,#00ff00\n30,,sky,#0000ff\n255,,ignore,\n"
        (folder / "numbers.csv").write_text(table)
        colors = {10: (255, 0, 0), 20: (0, 255, 0), 30: (0, 0, 255), 255: (224, 224, 192)}
        rows = "#ff0000,,person\n#00ff00,,rider\n#0000ff,,sky\n#e0e0c0,,ignore\n"
        (folder / "colors.csv").write_text(f"id,class,node\n{rows}")
        (folder / "in_colors").mkdir()
        for path in (folder / "masks").iterdir():
            with Image.open(path) as image:
                numbers = np.array([10, 20, 30, *[255] * 253], np.uint8)[np.asarray(image)]
            Image.fromarray(numbers).save(path)
            pixels = np.array([colors.get(number, (0, 0, 0)) for number in range(256)], np.uint8)[numbers]
            Image.fromarray(pixels).save(folder / "in_colors" / path.name)
        shutil.copy(folder / "images" / "a photo 3.jpg", folder / "photo.jpg")
        further = ["--network.num_stages", 1, "--replicas", 1]
        for name, masks in (("numbers", "masks"), ("colors", "in_colors")):
            options = [*RUN, "--masks", masks, "--classes", f"{name}.csv", *further]
            assert command("train", *options, "--out", name) == 0
            (folder / f"{name}.csv").unlink()
        shutil.rmtree(folder / "masks")
        shutil.rmtree(folder / "in_colors")
        images = {}
        for name in ("numbers", "colors"):
            assert command("predict", name, "photo.jpg", "--out", f"of {name}", "--ids", "dataset") == 0
            with Image.open(f"of {name}/photo_level_1.png") as image:
                images[name] = np.asarray(image), np.asarray(image.convert("RGB"))
        assert command("predict", "numbers", "photo.jpg", "--out", "leaves", "--ids", "trainIds") == 0
        with Image.open("leaves/photo_level_1.png") as image:
            leaf = np.asarray(image)
        np.testing.assert_array_equal(images["numbers"][0], np.array([10, 20, 30])[leaf])
        # The colors of the user's table outlive it too.
        rgb = np.array([colors[10], colors[20], colors[30]])
        np.testing.assert_array_equal(images["numbers"][1], rgb[leaf])
        np.testing.assert_array_equal(images["colors"][1], rgb[images["colors"][0]])

    def test_missing_folders_are_one_line(self, folder, capsys):
        options = ["--images", "nothing", *DATA[2:], *RUN[len(DATA) :]]
        assert command("train", *options, "--network.num_stages", 1, "--out", "run") == 1
        printed = capsys.readouterr().err
        assert "nothing: expected a folder of images" in printed and printed.count("\n") == 1


class NewDatasetTest:
    def test_the_written_builder_runs_as_written(self, folder, monkeypatch, capsys):
        assert command("new-dataset", "my_own_streets") == 0
        written = folder / "my_own_streets"
        names = ["__init__.py", "my_own_streets_dataset_builder.py", "my_own_streets_test.py", "tree.txt"]
        assert sorted(path.name for path in written.iterdir()) == names
        monkeypatch.syspath_prepend(folder)
        from my_own_streets import my_own_streets_test

        # Neither a file nor a hidden folder is a split.
        files = folder / "tested" / "files"
        (files / ".cache").mkdir(parents=True)
        (files / "photos.zip").touch()
        my_own_streets_test.test_images_and_labels_are_those_of_the_files(folder / "tested")

    def test_nothing_is_replaced(self, folder, capsys):
        (folder / "mine").mkdir()
        (folder / "mine" / "file").write_text("kept")
        assert command("new-dataset", "mine") == 1 and "mine, which exists" in capsys.readouterr().err
        assert [path.name for path in (folder / "mine").iterdir()] == ["file"]

    @pytest.mark.parametrize("name", ["3d", "MyStreets", "my-streets", "class", "../x", "", "json", "camvid_tree"])
    def test_names_that_are_refused(self, folder, capsys, name):
        try:
            code = command("new-dataset", name)
        except SystemExit as ended:
            code = ended.code
        assert code == 2 and "expected the name of" in capsys.readouterr().err
        assert not list(folder.glob("*/__init__.py"))


def test_the_template_is_the_page():
    from pathlib import Path

    from hierseg_keras.cli.dataset_template import files_of

    page = (Path(hs.__file__).parent.parent / "docs" / "your_own_data.md").read_text("utf-8")
    text = files_of("my_streets")["my_streets_dataset_builder.py"]
    assert text.split('"""\n\n', 1)[1] in page
