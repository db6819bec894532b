"""No picture ends a run: one warning, and training goes on."""

import warnings

import keras
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras.training import RunConfig, train  # noqa: E402
from hierseg_keras.training.callbacks import DrawPredictions, png_writer  # noqa: E402
from hierseg_keras.training.failing_pictures import OneWarning  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402


def fail(*args, **kwargs):
    raise OSError("disk full")


def fitted(tree, write, epochs=3, palette=None):
    """A network of one layer that `DrawPredictions` watches."""
    image, label = np.zeros((8, 8, 3), "float32"), np.zeros((8, 8), "int32")
    model = keras.Sequential([keras.layers.Input((8, 8, 3)), keras.layers.Conv2D(tree.num_leaves, 1)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
    drawing = DrawPredictions(tree, [(image, label), (image, label)], write, every=1, palette=palette)
    model.fit(image[None], label[None], epochs=epochs, verbose=0, callbacks=[drawing])
    return model


class DrawPredictionsTest:
    tree = ClassTree.from_dict({"$ top": {"Ba$$in": 0, "_car": 1}, "😀": 2})

    def test_a_picture_that_fails_gives_one_warning(self):
        with pytest.warns(UserWarning, match="A picture of predictions could not be drawn.*: disk full") as caught:
            model = fitted(self.tree, fail)
        assert len(caught) == 1 and model.history.epoch == [0, 1, 2]

    def test_pictures_have_the_colors_of_the_palette(self):
        figures = []
        colors = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]])
        fitted(self.tree, lambda figure, index, epoch: figures.append(figure), epochs=1, palette=colors)
        truths = [figure.axes[2].images[0].get_array() for figure in figures]
        assert len(truths) == 2 and all((truth == [1, 2, 3]).all() for truth in truths)

    def test_pictures_after_one_that_failed_are_drawn(self):
        drawn = []

        def write(figure, index, epoch):
            if (index, epoch) == (0, 1):
                fail()
            drawn.append((index, epoch))

        with pytest.warns(UserWarning, match="disk full"):
            fitted(self.tree, write)
        assert drawn == [(1, 1), (0, 2), (1, 2), (0, 3), (1, 3)]

    def test_odd_names_are_drawn_without_a_warning(self, tmp_path):
        from hierseg_keras.training.tensorboard import _pixels

        shapes, write_png = [], png_writer(tmp_path)

        def write(figure, index, epoch):
            write_png(figure, index, epoch)
            shapes.append(_pixels(figure).shape)

        fitted(self.tree, write, epochs=1)
        assert (tmp_path / "epoch_001.png").stat().st_size > 1000 and shapes[0][-1] == 3


class OneWarningTest:
    def test_is_one_warning_and_not_more(self):
        only_warning = OneWarning("curves.png")
        with pytest.warns(UserWarning, match="^curves.png could not be drawn.* OSError: disk full$") as caught:
            for _ in range(3):
                with only_warning:
                    fail()
        assert len(caught) == 1

    def test_what_is_no_error_passes(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with OneWarning("curves.png"):
                pass
        with pytest.raises(KeyboardInterrupt), OneWarning("curves.png"):
            raise KeyboardInterrupt


class TrainTest:
    @pytest.mark.large
    def test_a_run_without_any_picture_is_whole(self, tmp_path, monkeypatch, run_eagerly):
        image, label = np.zeros((8, 8, 8, 3), "float32"), np.zeros((8, 8, 8), "int32")
        (tmp_path / "tree.txt").write_text("a\n\tb\n\tc\nd", "utf-8")
        data = tf.data.Dataset.from_tensor_slices((image, label)).batch(4)
        data.set_epoch = lambda epoch: None
        monkeypatch.setattr("hierseg_keras.training.run.check_classes", lambda *values: None)
        monkeypatch.setattr("hierseg_keras.training.run.load_training", lambda *_: data)
        monkeypatch.setattr("hierseg_keras.training.run.load_evaluation", lambda *_: (data, None))
        monkeypatch.setattr("hierseg_keras.training.run.class_table", lambda *_: "id,node")
        monkeypatch.setattr("hierseg_keras.training.run.load_examples", lambda *_: [(image[0], label[0])])
        monkeypatch.setattr("hierseg_keras.training.callbacks.draw_levels", fail)
        monkeypatch.setattr("hierseg_keras.training.run.draw_curves", fail)
        values = {"tree": str(tmp_path / "tree.txt"), "batch_size": 4, "crop_size": (8, 8), "size": (8, 8)}
        network = {"name": "UNet", "filters": 2, "num_stages": 1}
        config = RunConfig(data=values, schedule={"epochs": 2}, network=network, replicas=1)
        with pytest.warns(UserWarning, match="could not be drawn; the run continues. OSError: disk full") as caught:
            train(config, tmp_path / "run", verbose=0)
        assert sum("could not be drawn" in str(warning.message) for warning in caught) == 2
        assert len((tmp_path / "run" / "log.csv").read_text().splitlines()) == 3
        assert (tmp_path / "run" / "model.weights.h5").is_file()
