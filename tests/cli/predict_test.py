import io
import os
import shlex

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("tensorflow")
from hierseg_keras import decoding  # noqa: E402
from hierseg_keras.cli import predict  # noqa: E402
from hierseg_keras.cli.main import main  # noqa: E402
from hierseg_keras.models import SlidingWindow, UNet  # noqa: E402
from hierseg_keras.prediction.network_answers import NetworkAnswers  # noqa: E402
from hierseg_keras.prediction.results_record import RECORD  # noqa: E402
from hierseg_keras.training import RunConfig  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from hierseg_keras.visualization import node_colors  # noqa: E402
from tests import image_samples  # noqa: E402
from tests.image_samples import encoded, header_only_png, picture  # noqa: E402

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")
FILES = ["{}.png", "{}_level_1.png", "{}_level_2.png"]


@pytest.fixture(scope="module")
def model():
    return UNet(TREE, filters=2, num_stages=1)


@pytest.fixture(autouse=True)
def predicted(model, monkeypatch):
    """The batches that reach the network of a run."""
    batches = []

    call = NetworkAnswers.__call__
    monkeypatch.setattr(NetworkAnswers, "__call__", lambda self, images: batches.append(images) or call(self, images))
    monkeypatch.setattr(predict, "load_run", lambda folder: (RunConfig(), model))
    return batches


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a/frame.png", "b/frame.png", "a/frame.bmp", "a/frame_level_1.png", "a/FRAME.png", "c/other.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        picture().save(tmp_path / name)
    return tmp_path


def files_below(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class PredictTest:
    def test_files_hold_the_nodes_of_every_level(self, folder, model, predicted):
        assert main(["predict", "run", "a/frame.png", "c/other.jpg", "--out", "out"]) == 0
        files = [name.format(stem) for stem in ("frame", "other") for name in FILES]
        assert sorted(os.listdir("out")) == sorted([*files, RECORD])
        leaf, _ = decoding.best_path(TREE, model(np.asarray(picture())[None]))
        for level, labels in enumerate(decoding.level_labels(TREE, leaf[0]), start=1):
            found = np.asarray(Image.open(f"out/frame_level_{level}.png"))
            np.testing.assert_array_equal(found, labels)
            assert found.dtype == np.uint8

    @pytest.mark.parametrize(
        "images",
        [
            ["a/frame.png", "b/frame.png"],
            ["a/frame.png", "a/frame.bmp"],
            ["a/frame.png", "a/frame_level_1.png"],
            ["a/frame_level_1.png", "a/frame.bmp"],
            ["a/frame.bmp", "a/FRAME.png"],
            # The same letter, composed and decomposed.
            ["gr\u00f6\u00dfe.png", "gro\u0308\u00dfe.png"],
        ],
    )
    @pytest.mark.parametrize("options", [[], ["--overwrite"]])
    def test_no_result_replaces_another(self, images, options, folder, predicted, capsys):
        for name in images:
            if not os.path.exists(name):
                picture().save(name)
        before = files_below(folder)
        assert main(["predict", "run", *images, "--out", "out", *options]) == 1
        message = capsys.readouterr().err
        assert all(os.path.normpath(name) in message for name in images) and message.count("\n") == 1
        assert not predicted and files_below(folder) == before

    def test_image_that_is_given_twice_is_predicted_once(self, folder, capsys):
        images = ["a/frame.png", "./a/frame.png", "a/frame.png"]
        assert main(["predict", "run", *images, "--out", "out", "--no-pictures"]) == 0
        assert capsys.readouterr().out == "Predicted 1 image into out.\n"

    @pytest.mark.parametrize("images", [["a/frame.png"], ["c/other.jpg", "a/frame_level_1.png"], ["link.png"]])
    def test_no_result_replaces_an_image(self, images, folder, predicted, capsys):
        (folder / "link.png").symlink_to("a/frame.png")
        (folder / "a" / "link.png").symlink_to("frame.png")
        before = files_below(folder)
        assert main(["predict", "run", *images, "--out", "a", "--overwrite"]) == 1
        message = capsys.readouterr().err
        assert "never replaces an input image" in message and message.count("\n") == 1
        assert not predicted and files_below(folder) == before

    def test_earlier_results_are_replaced_where_that_is_asked_for_alone(self, folder, predicted, capsys):
        assert main(["predict", "run", "a/frame.png", "--out", "out"]) == 0
        before = files_below(folder / "out")
        Image.new("RGB", (5, 4)).save("b/frame.png")
        assert main(["predict", "run", "b/frame.png", "--out", "out"]) == 1
        assert "pass --overwrite" in capsys.readouterr().err
        assert len(predicted) == 1 and files_below(folder / "out") == before
        assert main(["predict", "run", "b/frame.png", "--out", "out", "--overwrite"]) == 0
        assert Image.open("out/frame_level_1.png").size == (5, 4)
        assert files_below(folder / "out").keys() == before.keys()

    @pytest.mark.parametrize(
        "name, content",
        [
            ("16 bits.png", image_samples.png(16, 0)),
            ("float.tif", encoded(picture("F"), "TIFF")),
            ("cmyk.jpg", encoded(picture("CMYK"), "JPEG")),
            ("clear.png", encoded(picture("RGBA"), "PNG")),
            ("bomb.png", header_only_png(10_001, 10_000)),
            ("bomb.png", header_only_png(2**31 - 1, 2**31 - 1)),
            ("turned.jpg", image_samples.jpeg_with(b"Exif\0\0" + image_samples.exif(6))),
            ("two.gif", encoded(picture(), "GIF")),
            ("nothing.png", b""),
            ("half.png", encoded(picture(), "PNG")[:60]),
            ("text.png", b"no image"),
            ("other.png", encoded(picture(), "JPEG")),
        ],
    )
    def test_file_that_cannot_be_read_exactly_is_named_and_the_rest_is_predicted(
        self, name, content, folder, predicted, capsys
    ):
        (folder / name).write_bytes(content)
        options = ["--out", "out", "--no-pictures", "--levels", "2"]
        assert main(["predict", "run", name, "a/frame.png", *options]) == 1
        printed = capsys.readouterr()
        problem, count = printed.err.splitlines()
        assert problem.startswith("hierseg predict: ") and name in problem
        assert count == "hierseg predict: 1 of 2 images could not be predicted."
        assert printed.out == "Predicted 1 image into out.\n"
        assert len(predicted) == 1 and sorted(os.listdir("out")) == ["frame_level_2.png", RECORD]

    def test_every_file_that_cannot_be_read_is_named_as_it_comes(self, folder, capsys):
        os.symlink("loop.png", "loop.png")
        (folder / "half.png").write_bytes(b"")
        assert main(["predict", "run", "half.png", "a/frame.png", "loop.png", "--out", "out"]) == 1
        lines = capsys.readouterr().err.splitlines()
        assert ["half.png" in lines[0], "loop.png" in lines[1], "2 of 3 images" in lines[2], len(lines)] == [
            *(True, True, True),
            3,
        ]

    @pytest.mark.parametrize("name", ["none.png", "none/*.png", "empty"])
    def test_input_that_is_no_image_is_an_error_before_the_first_prediction(self, name, folder, predicted, capsys):
        (folder / "empty").mkdir()
        assert main(["predict", "run", "a/frame.png", name, "--out", "out"]) == 1
        message = capsys.readouterr().err
        assert name in message and message.count("\n") == 1
        assert not predicted and not (folder / "out").exists()

    def test_images_come_from_folders_patterns_and_lists(self, folder, capsys):
        options = ["--no-pictures", "--levels", "1"]
        assert main(["predict", "run", "b", "c", "--out", "folders", *options]) == 0
        assert sorted(os.listdir("folders")) == ["b", "c", RECORD]
        assert main(["predict", "run", "a/*.bmp", "--out", "pattern", *options]) == 0
        assert sorted(os.listdir("pattern")) == ["frame_level_1.png", RECORD]
        (folder / "list.txt").write_bytes(b"a/frame.png\r\n\nb/frame.png\n")
        assert main(["predict", "run", "--list", "list.txt", "--out", "list", *options]) == 0
        assert sorted(os.listdir("list")) == ["a", "b", RECORD]
        assert main(["predict", "run", "c", "--list", "list.txt", "--out", "both", *options]) == 0
        assert sorted(os.listdir("both")) == ["a", "b", "c", RECORD]

    @pytest.mark.parametrize("content", [b"a/frame.png\n", b"a/frame.png\0"])
    def test_list_may_come_from_a_pipe(self, content, folder, monkeypatch):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert main(["predict", "run", "--list", "-", "--out", "out", "--no-pictures"]) == 0
        assert "frame_level_1.png" in os.listdir("out")

    def test_every_option_reaches_its_file(self, folder, predicted):
        options = "--levels 2 --confidence --threshold 0.5 --overlay --no-pictures --batch-size 2"
        names = ["a/frame.png", "c/other.jpg", "a/frame_level_1.png"]
        assert main(["predict", "run", *names, "--out", "out", *options.split()]) == 0
        endings = ["level_2.png", "confidence.png", "confident.png", "overlay.jpg"]
        stems = ["frame", "other", "frame_level_1"]
        assert sorted(os.listdir("out")) == sorted([RECORD, *(f"{stem}_{end}" for stem in stems for end in endings)])
        assert [len(batch) for batch in predicted] == [2, 1]

    def test_maps_have_the_colors_asked_for(self, folder):
        assert main(["predict", "run", "a/frame.png", "--out", "out", "--no-pictures", "--palette", "voc"]) == 0
        colors = np.reshape(Image.open("out/frame_level_1.png").getpalette(), (-1, 3))[: TREE.num_nodes]
        np.testing.assert_array_equal(colors, node_colors(TREE, "voc"))

    def test_ids_come_without_pictures_and_from_the_run_where_that_is_asked_for(self, folder, capsys):
        (folder / "classes.csv").write_text("id,class,node\n40,,person\n7,,rider\n0,,sky\n")
        assert main(["predict", "run", "a/frame.png", "--out", "out", "--ids", "classes.csv"]) == 0
        assert sorted(os.listdir("out")) == ["frame_level_1.png", RECORD]
        assert set(np.unique(Image.open("out/frame_level_1.png"))) <= {40, 7, 0}
        assert main(["predict", "run", "a/frame.png", "--out", "drawn", "--ids", "classes.csv", "--pictures"]) == 0
        assert "frame.png" in os.listdir("drawn")
        # The run's data set has other classes than this network.
        assert main(["predict", "run", "a/frame.png", "--out", "other", "--ids", "dataset"]) == 1
        assert "class id 0" in capsys.readouterr().err

    def test_second_run_skips_what_is_done(self, folder, predicted, capsys):
        for _ in range(2):
            assert main(["predict", "run", "a/frame.png", "--out", "out", "--no-pictures", "--skip-existing"]) == 0
            predicted.clear()
        assert capsys.readouterr().out.splitlines()[1] == "Predicted 0 images into out, and skipped 1."

    @pytest.mark.parametrize(
        "options", ["--levels 3", "--levels 0", "--threshold 2", "--overlap 0.5", "--batch-size 0"]
    )
    def test_refused_value_is_2(self, options, folder, capsys):
        try:
            code = main(["predict", "run", "a/frame.png", "--out", "out", *shlex.split(options)])
        except SystemExit as ended:
            code = ended.code
        assert code == 2 and capsys.readouterr().err.count("\n") == 1

    def test_nothing_to_predict_is_2(self, capsys):
        with pytest.raises(SystemExit) as ended:
            main(["predict", "run", "--out", "out"])
        assert ended.value.code == 2 and "expected an IMAGE or --list" in capsys.readouterr().err

    def test_windows_overlap_as_asked(self, folder, model, predicted):
        options = ["--window", "4x4", "--overlap", "0.5", "--no-pictures"]
        assert main(["predict", "run", "a/frame.png", "--out", "out", *options]) == 0
        windowed = SlidingWindow(model, (4, 4), overlap=0.5)
        leaf, _ = decoding.best_path(TREE, windowed(np.asarray(picture())[None]))
        np.testing.assert_array_equal(np.asarray(Image.open("out/frame_level_1.png")), leaf[0])

    def test_pixels_are_those_of_the_builders(self, folder, predicted):
        for mode in ("1", "L", "P", "RGB"):
            picture(mode).save(f"{mode}.PNG")
            assert main(["predict", "run", f"{mode}.PNG", "--out", "out", "--no-pictures"]) == 0
            np.testing.assert_array_equal(predicted[-1][0], np.asarray(picture(mode).convert("RGB")))

    def test_disk_that_is_full_stops_it_and_leaves_no_half_of_a_file(self, folder, monkeypatch, capsys):
        def fail(results, kind, *answers):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("hierseg_keras.prediction.image_results.ImageResults.encode", fail)
        assert main(["predict", "run", "a/frame.png", "--out", "out"]) == 1
        message = capsys.readouterr().err
        assert "No space left" in message and message.count("\n") == 1
        assert sorted(os.listdir("out")) == ["frame.png", RECORD]

    def test_out_that_is_a_file_is_an_error(self, folder, capsys):
        (folder / "out").write_text("mine")
        assert main(["predict", "run", "a/frame.png", "--out", "out"]) == 1
        assert "out" in capsys.readouterr().err and (folder / "out").read_text() == "mine"
