import pytest
from PIL import Image

pytest.importorskip("tensorflow")
from hierseg_keras import data  # noqa: E402
from hierseg_keras.cli.main import main  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from hierseg_keras.visualization import node_colors  # noqa: E402
from tests import image_folders  # noqa: E402


class DataTest:
    @pytest.fixture(autouse=True)
    def command(self, data_dir, capsys):
        def run(*options, name="street_blocks", folder=data_dir):
            code = main(["data", name, "--data-dir", str(folder), *map(str, options)])
            return code, capsys.readouterr()

        self.run, self.error = run, lambda: capsys.readouterr().err

    def test_prints_splits_and_shares_of_every_level(self, data_dir):
        code, printed = self.run("--split", "validation", "--count", 3)
        assert code == 0
        lines = [line.split() for line in printed.out.splitlines()]
        assert ["train", "400"] in lines and ["validation", "100"] in lines
        assert "3 of 100 images of validation: 36,864 pixels" in printed.out
        for level, classes in ((1, 17), (2, 14), (3, 7)):
            assert ["level", f"{level},", str(classes), "classes"] in lines
        start = lines.index(["level", "3,", "7", "classes"]) + 1
        shares = {line[1]: float(line[0][:-1]) for line in lines[start:] if line and line[0].endswith("%")}
        tree = ClassTree.load("street_blocks")
        assert set(shares) <= {tree.paths[node] for node in tree.level_classes(3)}
        assert sum(shares.values()) == pytest.approx(100, abs=0.1)

    def test_writes_a_sheet(self, tmp_path):
        code, printed = self.run("--count", 3, "--sheet-images", 2, "--out", tmp_path / "a folder")
        assert code == 0 and "contact_sheet.png" in printed.out
        assert Image.open(tmp_path / "a folder" / "contact_sheet.png").size[0] > 1000

    def test_sheet_has_the_colors_asked_for(self, tmp_path):
        assert self.run("--count", 1, "--palette", "voc", "--out", tmp_path)[0] == 0
        with Image.open(tmp_path / "contact_sheet.png") as sheet:
            shown = {color for _, color in sheet.convert("RGB").getcolors(1 << 24)}
        tree = ClassTree.load("street_blocks")
        road = tree.index("road")
        assert tuple(node_colors(tree, "voc")[road].tolist()) in shown
        assert tuple(node_colors(tree)[road].tolist()) not in shown

    def test_classes_that_are_coarse_or_missing(self, tmp_path):
        tree = ClassTree.from_text("scene\n\tsky\n\trest\n\t\thuman\n\t\tall\nunicorn")
        (tmp_path / "tree.txt").write_text(tree.to_text(), "utf-8")
        nodes = {"human": "scene/rest/human", "sky": "scene/sky"}
        paths = ClassTree.load("street_blocks").paths[:17]
        rows = [(i, path, nodes.get(path.split("/")[0], "scene/rest")) for i, path in enumerate(paths)]
        data.ClassMap([*rows, (17, "", "ignore")]).to_file(tmp_path / "map.csv")
        options = ("--tree", tmp_path / "tree.txt", "--class-map", tmp_path / "map.csv", "--count", 2)
        code, printed = self.run(*options)
        assert code == 0 and "with a label above this level" in printed.out
        missing = [line for line in printed.out.splitlines() if line.startswith("  missing")]
        assert missing[0].endswith("scene/rest/all, unicorn") and missing[1:] == ["  missing  unicorn"] * 2

    def test_prepares_only_where_asked(self, tmp_path, monkeypatch):
        code, printed = self.run(folder=tmp_path)
        assert code == 1 and "--prepare" in printed.err and "expected a prepared data set" in printed.err
        assert not list(tmp_path.iterdir())
        asked, prepare = [], data.prepare

        def prepared(name, data_dir, *options):
            asked.append(options)
            return prepare(name, data_dir)

        monkeypatch.setattr(data, "prepare", prepared)
        with pytest.warns(UserWarning, match="street_blocks is already prepared, so that `manual_dir` is not read"):
            assert self.run("--prepare", "--manual-dir", tmp_path, "--skip-bad", "--count", 1)[0] == 0
        assert asked[0] == (str(tmp_path), True)

    def test_a_small_folder_is_shown_although_it_has_no_validation(self, tmp_path):
        image_folders.write_pairs(tmp_path, ["a", "b", "c"])
        (tmp_path / "tree.txt").write_text(image_folders.TREE.to_text())
        folders = [part for kind in ("images", "masks") for part in (f"--{kind}", tmp_path / kind)]
        options = (*folders, "--tree", tmp_path / "tree.txt", "--val-share", 1e-6)
        code, printed = self.run(*options, name="folders", folder=tmp_path / "prepared")
        assert code == 0 and ["train", "3"] in [line.split() for line in printed.out.splitlines()]
        assert "There is no split validation, which `hierseg train` needs. With --val-share 1e-06, none" in printed.out
        assert "Pass --val-share 0." in printed.out and "or pass --val-images and --val-masks.\n" in printed.out
        # A run needs it, and says the same.
        small = "--network.name UNet --network.filters 2 --network.num_stages 1 --schedule.epochs 1 --replicas 1"
        small += " --data.crop_size 8,8 --data.batch_size 1"
        small += f" --data.data_dir {tmp_path / 'prepared'} --out {tmp_path / 'run'}"
        assert main(["train", *map(str, options), *small.split()]) == 1
        error = self.error()
        assert "Pass --val-share 0." in error and error.count("\n") == 1

    def test_remedies_are_options(self, tmp_path):
        folders = image_folders.write_pairs(tmp_path, ["a", "b", "c"])
        (folders[1] / "b.png").unlink()
        (tmp_path / "tree.txt").write_text(image_folders.TREE.to_text())
        options = ("--images", folders[0], "--masks", folders[1], "--tree", tmp_path / "tree.txt")
        code, printed = self.run(*options, name="folders", folder=tmp_path / "prepared")
        assert code == 1 and printed.err.endswith("or omit the images with --skip-bad\n")

    def test_mistakes_are_told(self):
        assert "Received: --split 'tests'" in self.run("--split", "tests")[1].err
        assert "street_block" in self.run(name="street_block")[1].err
