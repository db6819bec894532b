import os

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("tensorflow")
from hierseg_keras import decoding  # noqa: E402
from hierseg_keras.cli import predict  # noqa: E402
from hierseg_keras.cli.main import main  # noqa: E402
from hierseg_keras.models import UNet  # noqa: E402
from hierseg_keras.training import RunConfig  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from tests import image_samples  # noqa: E402
from tests.image_samples import encoded, header_only_png, picture  # noqa: E402

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")
FILES = ["{}.png", "{}_level_1.png", "{}_level_2.png"]


@pytest.fixture(scope="module")
def model():
    return UNet(TREE, filters=2, num_stages=1)


@pytest.fixture(autouse=True)
def predicted(model, monkeypatch):
    """The images that reach the network of a run."""
    images = []

    def call(image, training):
        images.append(image[0])
        return model(image, training=training)

    call.tree, call.scores, call.from_logits = TREE, model.scores, model.from_logits
    monkeypatch.setattr(predict, "load_run", lambda folder: (RunConfig(), call))
    return images


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
        assert sorted(os.listdir("out")) == sorted(name.format(stem) for stem in ("frame", "other") for name in FILES)
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
            ["a/frame.png", "a/frame.png"],
            ["a/frame.png", "./a/frame.png"],
            ["größe.png", "größe.png"],
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
        assert "Pass --overwrite" in capsys.readouterr().err
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
    def test_file_that_cannot_be_read_exactly_is_named_and_nothing_written(
        self, name, content, folder, predicted, capsys
    ):
        (folder / name).write_bytes(content)
        assert main(["predict", "run", "a/frame.png", name, "--out", "out"]) == 1
        message = capsys.readouterr().err
        assert message.startswith("hierseg predict: ") and name in message and message.count("\n") == 1
        assert not predicted and not (folder / "out").exists()

    def test_every_file_that_cannot_be_read_is_named(self, folder, capsys):
        os.symlink("loop.png", "loop.png")
        assert main(["predict", "run", "none.png", "a/frame.png", "a", "loop.png", "--out", "out"]) == 1
        lines = capsys.readouterr().err.splitlines()
        assert [name for line in lines for name in ("none.png", "a:", "loop.png") if name in line] == [
            "none.png",
            "a:",
            "loop.png",
        ]

    def test_pixels_are_those_of_the_builders(self, folder, predicted):
        for mode in ("1", "L", "P", "RGB"):
            picture(mode).save(f"{mode}.PNG")
            assert main(["predict", "run", f"{mode}.PNG", "--out", "out"]) == 0
            np.testing.assert_array_equal(predicted[-1], np.asarray(picture(mode).convert("RGB")))

    def test_disk_that_is_full_leaves_no_half_of_a_file(self, folder, monkeypatch, capsys):
        def fail(tree, labels, path):
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(predict, "_write_labels", fail)
        assert main(["predict", "run", "a/frame.png", "--out", "out"]) == 1
        assert "No space left" in capsys.readouterr().err
        assert os.listdir("out") == ["frame.png"]

    def test_out_that_is_a_file_is_an_error(self, folder, capsys):
        (folder / "out").write_text("mine")
        assert main(["predict", "run", "a/frame.png", "--out", "out"]) == 1
        assert "out" in capsys.readouterr().err and (folder / "out").read_text() == "mine"
