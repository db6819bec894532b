import json
import os
import pathlib

import keras
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("tensorflow")
from hierseg_keras import decoding  # noqa: E402
from hierseg_keras.data import ClassMap  # noqa: E402
from hierseg_keras.models import SlidingWindow, UNet  # noqa: E402
from hierseg_keras.prediction import predict_files  # noqa: E402
from hierseg_keras.prediction.results_record import EARLIER_RECORD, RECORD, ResultsRecord  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from hierseg_keras.visualization import node_colors  # noqa: E402
from tests.full_disk import full_disk  # noqa: E402
from tests.image_samples import encoded, picture  # noqa: E402
from tfds_builders.reading import image_files  # noqa: E402

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")
# Those of "trainIds".
SAME_IDS = ClassMap([(0, "", "person"), (1, "", "rider"), (2, "", "sky")])


def network(tree=TREE, **options):
    return UNet(tree, **{"filters": 2, "num_stages": 1, **options})


def other_network():
    """A network with other weights than `model`, whatever seed the tests before have left."""
    made = network()
    made.set_weights([weight + 1 for weight in made.get_weights()])
    return made


@pytest.fixture(scope="module")
def model():
    return network()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Seven images of three sizes, in two folders."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos" / "day").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index, size in enumerate([(7, 11), (7, 11), (5, 4), (7, 11), (9, 9), (5, 4), (7, 11)]):
        pixels = rng.integers(0, 256, (*size, 3), np.uint8)
        Image.fromarray(pixels).save(f"photos/{'day/' if index % 2 else ''}{index}.png")
    return tmp_path


def files_below(folder):
    return {str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*") if path.is_file()}


def read(path):
    with Image.open(path) as image:
        return np.asarray(image)


def leaf_of(model, path):
    return np.asarray(decoding.best_path(model.tree, model(read(path)[None]))[0][0])


class ClassMapsTest:
    def test_one_file_may_have_results_of_two_names(self, folder, model):
        predict_files(model, ["photos", "photos/day/1.png"], "out", batch_size=2)
        maps = sorted(file for file in files_below("out") if file.endswith("level_1.png"))
        assert len(maps) == 8

    def test_each_image_gets_the_maps_of_its_own_pixels(self, folder, model):
        result = predict_files(model, "photos", "out", batch_size=2)
        assert (result.num_predicted, result.num_skipped, result.problems) == (7, 0, [])
        for path in sorted(folder.glob("photos/**/*.png")):
            name = path.relative_to(folder / "photos").with_suffix("")
            for level, labels in enumerate(decoding.level_labels(TREE, leaf_of(model, path)), start=1):
                np.testing.assert_array_equal(read(f"out/{name}_level_{level}.png"), labels)
        assert len(files_below("out")) == 2 * 7 + 1

    def test_maps_are_palette_images_in_the_colors_of_the_nodes(self, folder, model):
        predict_files(model, "photos/0.png", "out")
        with Image.open("out/0_level_1.png") as image:
            assert image.mode == "P"
            np.testing.assert_array_equal(image.convert("RGB"), node_colors(TREE)[np.asarray(image)])

    def test_colors_are_chosen(self, folder, model):
        predict_files(model, "photos/0.png", "out", palette="voc")
        with Image.open("out/0_level_1.png") as image:
            np.testing.assert_array_equal(image.convert("RGB"), node_colors(TREE, "voc")[np.asarray(image)])

    def test_levels_are_chosen(self, folder, model):
        predict_files(model, "photos/0.png", "out", levels=[2])
        assert files_below("out") == {"0_level_2.png", RECORD}
        for levels in ([0], [3], [1, 9], 1):
            with pytest.raises(ValueError, match="`levels` expects a list of numbers from 1, the finest, to 2"):
                predict_files(model, "photos/0.png", "other", levels=levels)

    def test_more_than_256_nodes_are_16_bits(self, folder):
        # 256 nodes still are 8 bits.
        for leaves, dtype in ((254, np.uint8), (255, np.uint8), (256, np.uint16)):
            tree = ClassTree.from_text("top\n" + "".join(f"\tleaf {n}\n" for n in range(leaves)))
            model = network(tree)
            predict_files(model, "photos/0.png", f"out {leaves}")
            labels = read(f"out {leaves}/0_level_2.png")
            assert tree.num_nodes == leaves + 1 and (labels == leaves).all()
            assert read(f"out {leaves}/0_level_1.png").dtype == labels.dtype == dtype

    def test_numbers_are_the_ids_of_a_data_set(self, folder, model):
        table = ClassMap([(40, "", "person"), (7, "", "rider"), (0, "", "sky")])
        predict_files(model, "photos/0.png", "out", ids=table)
        leaf = leaf_of(model, "photos/0.png")
        assert files_below("out") == {"0_level_1.png", RECORD}
        np.testing.assert_array_equal(read("out/0_level_1.png"), np.array([40, 7, 0])[leaf])
        with Image.open("out/0_level_1.png") as image:
            np.testing.assert_array_equal(image.convert("RGB"), node_colors(TREE)[leaf])
        with pytest.raises(ValueError, match="class table, without an id for 'human'"):
            predict_files(model, "photos/0.png", "other", ids=table, levels=[2])
        large = ClassMap([(400, "", "person"), (7, "", "rider"), (0, "", "sky")])
        predict_files(model, "photos/0.png", "large", ids=large)
        np.testing.assert_array_equal(read("large/0_level_1.png"), np.array([400, 7, 0])[leaf])


class FurtherResultsTest:
    def test_confidence_is_the_least_probability_on_the_path(self, folder, model):
        predict_files(model, "photos/0.png", "out", levels=[], confidence=True)
        assert files_below("out") == {"0_confidence.png", RECORD}
        leaf = leaf_of(model, "photos/0.png")
        probabilities = np.asarray(decoding.node_probabilities(TREE, model(read("photos/0.png")[None])))[0]
        least = np.where(TREE.ancestor_matrix.T[leaf], probabilities, 1).min(axis=-1)
        np.testing.assert_allclose(read("out/0_confidence.png"), 255 * least, atol=0.51)

    def test_confident_map_has_coarser_classes_and_255(self, folder, model):
        y_pred = model(read("photos/0.png")[None])
        least = np.asarray(decoding.node_probabilities(TREE, y_pred))
        threshold = float(np.quantile(least, 0.6))
        expected = np.asarray(decoding.confident_labels(TREE, y_pred, threshold))[0]
        assert len(np.unique(expected)) > 1
        predict_files(model, "photos/0.png", "out", levels=[], threshold=threshold)
        np.testing.assert_array_equal(read("out/0_confident.png"), np.where(expected < 0, 255, expected))
        predict_files(model, "photos/0.png", "none", levels=[], threshold=1)
        with Image.open("none/0_confident.png") as image:
            assert (np.asarray(image) == 255).all() and not np.asarray(image.convert("RGB")).any()

    def test_unknown_is_65535_where_255_is_a_class(self, folder):
        for leaves, unknown in ((254, 255), (255, 65535)):
            tree = ClassTree.from_text("top\n" + "".join(f"\tleaf {n}\n" for n in range(leaves)))
            predict_files(network(tree), "photos/0.png", f"out {leaves}", levels=[], threshold=1)
            assert (read(f"out {leaves}/0_confident.png") == unknown).all()

    def test_overlay_is_the_image_half_covered_with_colors(self, folder, model):
        Image.new("RGB", (32, 32), (200, 100, 50)).save("plain.png")
        predict_files(model, "plain.png", "out", levels=[2], overlay=True)
        colors = node_colors(TREE)[read("out/plain_level_2.png")].astype(int)
        difference = read("out/plain_overlay.jpg") - (colors + (200, 100, 50)) // 2
        assert np.abs(difference).mean() < 8

    def test_pictures_are_drawn_where_they_are_asked_for(self, folder, model):
        predict_files(model, ["photos/0.png", "photos/day/1.png"], "out", levels=[], pictures=True)
        assert files_below("out") == {"0.png", "1.png", RECORD}
        assert read("out/0.png").shape[1] > 500

    def test_nothing_to_write_is_an_error(self, folder, model):
        with pytest.raises(ValueError, match="something to write"):
            predict_files(model, "photos", "out", levels=[])

    def test_scores_of_another_size_are_a_problem_of_the_image(self, folder):
        image = keras.Input((None, None, 3))
        scores = keras.layers.Conv2DTranspose(3, 3, 3)(keras.layers.Conv2D(3, 3, 3, "same")(image))
        result = predict_files(
            keras.Model(image, scores), "photos", "out", tree=TREE, from_logits=True, scores="leaves"
        )
        assert result.num_predicted == 1 and len(result.problems) == 6
        size = "whose scores have the image's size, 7 x 11. Received: 9 x 12."
        assert [problem for problem in result.problems if "0.png" in problem and size in problem]

    def test_all_images_with_results_of_one_name_are_named(self, folder, model):
        for name in ("a", "b"):
            for suffix in ("png", "bmp"):
                Image.new("RGB", (4, 4)).save(f"photos/{name}.{suffix}")
        with pytest.raises(
            ValueError, match=r"Received: photos/a.bmp and photos/a.png, .* photos/b.bmp and photos/b.png"
        ):
            predict_files(model, "photos", "out")

    @pytest.mark.parametrize("options", [{"threshold": 1.5}, {"threshold": float("nan")}, {"batch_size": 0}])
    def test_values_out_of_range_are_errors(self, options, folder, model):
        with pytest.raises(ValueError, match=f"`{next(iter(options))}` expects"):
            predict_files(model, "photos", "out", **options)
        assert not os.path.exists("out")


class ProblemsTest:
    def test_bad_files_are_named_as_they_come_and_the_rest_is_predicted(self, folder, model):
        (folder / "photos" / "a.jpg").write_bytes(encoded(picture("CMYK"), "JPEG"))
        (folder / "photos" / "b.png").write_bytes(encoded(picture(), "PNG")[:60])
        told, progress = [], []
        result = predict_files(
            model, "photos", "out", on_problem=told.append, on_progress=lambda *counts: progress.append(counts)
        )
        assert result.num_predicted == 7 and result.problems == told
        assert ["photos/a.jpg" in told[0], "photos/b.png" in told[1], len(told)] == [True, True, 2]
        assert progress[-1] == (9, 9) and [done for done, _ in progress] == sorted(done for done, _ in progress)

    def test_file_that_vanishes_meanwhile_is_a_bad_file(self, folder, model):
        result = predict_files(model, [], "out", listed=["photos/0.png", "photos/lost.png"])
        assert result.num_predicted == 1 and "lost.png" in result.problems[0]

    def test_image_of_another_size_than_the_network_is_a_bad_file(self, folder):
        result = predict_files(network(input_shape=(7, 11, 3)), "photos", "out")
        assert result.num_predicted == 4 and len(result.problems) == 3
        assert "the network's size, 7 x 11. Received: 5 x 4." in result.problems[0]

    def test_no_good_file_is_an_error_and_leaves_no_folder(self, folder, model):
        names = [f"bad {number}.png" for number in range(5)]
        for name in names:
            (folder / name).write_bytes(b"")
        told = []
        with pytest.raises(ValueError, match=r"Received: 5 with problems: bad 0\.png: .*bad 2\.png: .*and 2 more$"):
            predict_files(model, names, "a/out", on_problem=told.append)
        assert len(told) == 5 and not os.path.exists("a")

    def test_bad_file_beside_finished_ones_is_no_error(self, folder, model):
        predict_files(model, "photos", "out")
        (folder / "photos" / "bad.png").write_bytes(b"")
        result = predict_files(model, "photos", "out", skip_existing=True)
        assert (result.num_predicted, result.num_skipped, len(result.problems)) == (0, 7, 1)

    def test_full_disk_stops_at_once_and_leaves_whole_files(self, folder, model):
        with full_disk(40), pytest.raises(OSError, match="File too large"):
            predict_files(model, "photos", "out", batch_size=1, levels=[1])
        assert not files_below("out") - {RECORD}

    def test_interruption_leaves_whole_files(self, folder, model):
        def interrupt(num_done, num_images):
            if num_done >= 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            predict_files(model, "photos", "out", batch_size=1, on_progress=interrupt)
        written = files_below("out")
        assert RECORD in written and len(written) < 2 * 7 + 1
        assert not [name for name in os.listdir("out") if name.startswith(".")]
        for name in written - {RECORD}:
            read(os.path.join("out", name))


class SecondRunTest:
    def test_finished_images_are_skipped(self, folder, model):
        predict_files(model, "photos", "out")
        os.remove("out/day/3_level_2.png")
        Image.new("RGB", (6, 6)).save("photos/new.png")
        before = {name: os.stat(f"out/{name}").st_mtime_ns for name in files_below("out")}
        result = predict_files(model, "photos", "out", skip_existing=True)
        assert (result.num_predicted, result.num_skipped) == (2, 6)
        after = {name: os.stat(f"out/{name}").st_mtime_ns for name in files_below("out")}
        changed = {name for name in after if after[name] != before.get(name)}
        assert changed == {
            RECORD,
            *("day/3_level_1.png", "day/3_level_2.png"),
            *("new_level_1.png", "new_level_2.png"),
        }

    def test_image_that_has_changed_is_predicted_again(self, folder, model):
        predict_files(model, "photos", "out")
        later = os.stat("out/0_level_1.png").st_mtime_ns + 10**9
        os.utime("photos/0.png", ns=(later, later))
        assert predict_files(model, "photos", "out", skip_existing=True).num_predicted == 1

    def test_nothing_left_to_do_does_not_need_the_network(self, folder, model):
        predict_files(model, "photos", "out")
        result = predict_files(model, "photos", "out", skip_existing=True)
        assert (result.num_predicted, result.num_skipped, result.problems) == (0, 7, [])

    def test_results_are_not_replaced_where_that_is_not_asked_for(self, folder, model):
        predict_files(model, "photos/0.png", "out")
        with pytest.raises(FileExistsError, match=r"0_level_1\.png for photos/0\.png, which is a result of /"):
            predict_files(model, "photos", "out")
        (folder / "other").mkdir()
        (folder / "other" / "0_level_1.png").write_text("mine")
        # The files are not known to be results.
        with pytest.raises(FileExistsError):
            predict_files(model, "photos", "other", skip_existing=True)
        assert files_below("other") == {"0_level_1.png"}

    @pytest.mark.parametrize("options", [{}, {"skip_existing": True}])
    def test_results_of_different_networks_are_not_mixed(self, options, folder, model):
        predict_files(model, "photos/0.png", "out")
        other = other_network()
        assert not np.array_equal(other.get_weights()[0], model.get_weights()[0])
        for others in ({}, {"levels": [], "confidence": True}):
            with pytest.raises(ValueError, match="whose results differ in network"):
                predict_files(other, "photos/day", "out", **others, **options)
        assert files_below("out") == {"0_level_1.png", "0_level_2.png", RECORD}

    @pytest.mark.parametrize(
        "first, second, different",
        [
            ({"levels": [1]}, {"levels": [1], "ids": "trainIds"}, "ids"),
            ({"levels": [1]}, {"levels": [1], "palette": "voc"}, "palette"),
            ({"threshold": 0.5}, {"threshold": 0.6}, "threshold"),
            ({"threshold": 0.5}, {"threshold": 0.5, "palette": "voc"}, "palette"),
            ({"levels": [1], "overlay": True}, {"levels": [2], "overlay": True}, "levels"),
            ({"overlay": True}, {"overlay": True, "palette": "voc"}, "palette"),
            ({"levels": [], "pictures": True}, {"levels": [], "pictures": True, "palette": "voc"}, "palette"),
        ],
    )
    def test_results_of_different_options_are_not_mixed(self, first, second, different, folder, model):
        predict_files(model, "photos/0.png", "out", **first)
        before = files_below("out")
        for image in ("photos/day", "photos/0.png"):
            for options in ({}, {"skip_existing": True}):
                with pytest.raises(ValueError, match=f"whose results differ in {different}\\."):
                    predict_files(model, image, "out", **second, **options)
        assert files_below("out") == before

    @pytest.mark.parametrize(
        "first, second, written",
        [
            ({"levels": [1]}, {"levels": [1], "batch_size": 1}, 0),
            ({"confidence": True, "levels": []}, {"confidence": True, "levels": [], "palette": "voc"}, 0),
            ({"levels": [1]}, {"levels": [], "threshold": 0.5}, 1),
            ({"levels": [1]}, {"levels": [2]}, 1),
            ({"levels": [1, 2]}, {"levels": [1]}, 0),
            ({"levels": [1], "ids": "trainIds"}, {"levels": [1], "ids": SAME_IDS}, 0),
        ],
    )
    def test_options_that_a_result_does_not_depend_on_change_nothing(self, first, second, written, folder, model):
        predict_files(model, "photos/0.png", "out", **first)
        result = predict_files(model, "photos/0.png", "out", skip_existing=True, **second)
        assert result.num_predicted == written

    def test_results_of_a_network_that_was_overwritten_are_not_skipped(self, folder, model):
        predict_files(other_network(), "photos", "out")
        predict_files(model, "photos/0.png", "out", overwrite=True)
        result = predict_files(model, "photos", "out", skip_existing=True)
        assert (result.num_predicted, result.num_skipped) == (6, 1)

    def test_network_is_the_same_whatever_keras_calls_its_layers(self, folder):
        def numbered():
            x = keras.Input((None, None, 3))
            model = keras.Model(x, keras.layers.Conv2D(TREE.num_leaves, 1)(x))
            model.tree = TREE
            return model

        first, second = numbered(), numbered()
        second.set_weights(first.get_weights())
        assert first.layers[-1].name != second.layers[-1].name
        predict_files(first, "photos/0.png", "out")
        assert predict_files(second, "photos/0.png", "out", skip_existing=True).num_skipped == 1

    def test_network_of_other_options_is_another(self, folder, model):
        predict_files(SlidingWindow(model, (4, 4)), "photos/0.png", "out")
        for other in (model, SlidingWindow(model, (4, 4), overlap=0.5)):
            with pytest.raises(ValueError, match="differ in network"):
                predict_files(other, "photos/0.png", "out")

    @pytest.mark.parametrize(
        "other",
        [{"tree": ClassTree(["person", "rider", "car"])}, {"scores": "nodes"}, {"from_logits": False}],
    )
    def test_network_whose_channels_mean_something_else_is_another(self, other, folder):
        x = keras.Input((None, None, 3))
        model = keras.Model(x, keras.layers.Conv2D(3, 1, activation="softmax")(x))
        meaning = {"tree": ClassTree(["person", "rider", "sky"]), "scores": "leaves", "from_logits": True}
        predict_files(model, "photos/0.png", "out", levels=[1], **meaning)
        with pytest.raises(ValueError, match="differ in network"):
            predict_files(model, "photos/0.png", "out", levels=[1], skip_existing=True, **{**meaning, **other})

    def test_further_images_may_join(self, folder, model):
        predict_files(model, "photos/0.png", "out")
        predict_files(model, "photos/day", "out")
        assert len(files_below("out")) == 2 * 4 + 1

    def test_results_of_another_image_are_neither_kept_nor_replaced(self, folder, model):
        """Images of one name in two folders."""
        for name, color in (("a", 0), ("b", 255)):
            (folder / name).mkdir()
            Image.new("RGB", (5, 5), (color, 0, 0)).save(f"{name}/0001.png")
            os.utime(f"{name}/0001.png", ns=(0, 0))
        predict_files(model, "a/0001.png", "out")
        before = (folder / "out" / "0001_level_1.png").read_bytes()
        with pytest.raises(FileExistsError, match=rf"which is a result of {folder}/a/0001\.png"):
            predict_files(model, "b/0001.png", "out", skip_existing=True)
        assert (folder / "out" / "0001_level_1.png").read_bytes() == before
        assert predict_files(model, "b/0001.png", "out", overwrite=True).num_predicted == 1
        with pytest.raises(FileExistsError, match=rf"which is a result of {folder}/b/0001\.png"):
            predict_files(model, "a/0001.png", "out", skip_existing=True)

    @pytest.mark.parametrize("change", ["older", "larger"])
    def test_image_that_was_replaced_is_predicted_again(self, change, folder, model):
        predict_files(model, "photos", "out")
        stat = os.stat("photos/0.png")
        if change == "larger":
            with open("photos/0.png", "ab") as file:
                file.write(b"more")
            os.utime("photos/0.png", ns=(stat.st_atime_ns, stat.st_mtime_ns))
        else:
            os.utime("photos/0.png", ns=(0, 0))
        for expected in (1, 0):
            assert predict_files(model, "photos", "out", skip_existing=True).num_predicted == expected

    def test_image_that_changes_while_it_is_predicted_is_predicted_again(self, folder, model, monkeypatch):
        read_image = image_files.read_image

        def change(path):
            pixels = read_image(path)
            os.utime(path, ns=(0, 0))
            return pixels

        monkeypatch.setattr(image_files, "read_image", change)
        predict_files(model, "photos/0.png", "out")
        monkeypatch.undo()
        monkeypatch.chdir(folder)
        assert predict_files(model, "photos/0.png", "out", skip_existing=True).num_predicted == 1

    def test_results_that_the_user_has_edited_are_kept(self, folder, model):
        predict_files(model, "photos", "out")
        Image.new("P", (11, 7), 1).save("out/0_level_1.png")
        assert predict_files(model, "photos", "out", skip_existing=True).num_predicted == 0

    def test_images_are_the_same_from_another_working_folder(self, folder, model, monkeypatch):
        predict_files(model, "photos", "out")
        monkeypatch.chdir("photos")
        assert predict_files(model, "../photos", "../out", skip_existing=True).num_skipped == 7

    def test_one_file_may_not_be_a_result_of_two_images(self, folder, model):
        """The level map of `0` is the picture of `0_level_1`."""
        os.rename("photos/day/1.png", "0_level_1.png")
        predict_files(model, "photos/0.png", "out", levels=[1])
        options = {"levels": [], "pictures": True}
        predict_files(model, "0_level_1.png", "out", overwrite=True, **options)
        with pytest.raises(FileExistsError, match=rf"which is a result of {folder}/0_level_1\.png"):
            predict_files(model, "photos/0.png", "out", levels=[1], skip_existing=True)

    def test_overwrite_and_skip_existing_contradict_each_other(self, folder, model):
        with pytest.raises(ValueError, match="expects `overwrite` or `skip_existing`"):
            predict_files(model, "photos", "out", overwrite=True, skip_existing=True)

    def test_half_a_line_is_no_record(self, folder, model):
        """As a killed process or a full disk leaves it."""
        predict_files(model, "photos/0.png", "out")
        predict_files(model, "photos/day", "out")
        content = (folder / "out" / RECORD).read_bytes()
        (folder / "out" / RECORD).write_bytes(content[:-30])
        assert predict_files(model, ["photos/0.png"], "out", skip_existing=True).num_skipped == 1
        assert predict_files(model, "photos/day", "out", skip_existing=True).num_predicted == 1
        assert predict_files(model, "photos/day", "out", skip_existing=True).num_predicted == 0

    @pytest.mark.parametrize("content", ["", "[]", "{", '{"begun": 3}', "\0\n\xff"])
    def test_results_without_a_readable_record_are_of_unknown_images(self, content, folder, model):
        predict_files(model, "photos/0.png", "out")
        (folder / "out" / RECORD).write_text(content)
        with pytest.raises(FileExistsError, match="0_level_1.png for photos/0.png, which exists"):
            predict_files(model, "photos/0.png", "out", skip_existing=True)
        assert predict_files(model, "photos/0.png", "out", overwrite=True).num_predicted == 1
        assert predict_files(model, "photos/0.png", "out", skip_existing=True).num_skipped == 1

    def test_record_of_a_later_version_is_not_added_to(self, folder, model):
        predict_files(model, "photos/0.png", "out")
        content = (folder / "out" / RECORD).read_text().replace('"format_version": 2', '"format_version": 3')
        (folder / "out" / RECORD).write_text(content)
        with pytest.raises(ValueError, match="later version or cannot be read. Choose another folder"):
            predict_files(model, "photos", "out", skip_existing=True)
        assert (folder / "out" / RECORD).read_text() == content
        assert predict_files(model, "photos", "out", overwrite=True).num_predicted == 7
        assert predict_files(model, "photos", "out", skip_existing=True).num_skipped == 7

    def test_results_of_an_earlier_version_name_their_network_but_not_their_images(self, folder, model):
        predict_files(model, "photos/0.png", "out")
        network = json.loads((folder / "out" / RECORD).read_text().splitlines()[0])["network"]
        os.remove(f"out/{RECORD}")
        content = {"format_version": 1, "network": network, "ids": None, "threshold": None}
        (folder / "out" / EARLIER_RECORD).write_text(json.dumps(content))
        with pytest.raises(FileExistsError, match="0_level_1.png for photos/0.png, which exists"):
            predict_files(model, "photos/0.png", "out", skip_existing=True)
        with pytest.raises(ValueError, match="differ in network"):
            predict_files(other_network(), "photos/day", "out")
        assert predict_files(model, "photos/day", "out").num_predicted == 3


class ColorIdsTest:
    def test_palette_has_the_colors_of_the_masks(self, folder, model):
        table = ClassMap([("#102030", "", "person"), ("#000000", "", "rider"), ("#ff0000", "", "sky")])
        predict_files(model, "photos/0.png", "out", ids=table, palette="voc", overlay=True)
        colors = np.array([[16, 32, 48], [0, 0, 0], [255, 0, 0]])
        leaf = leaf_of(model, "photos/0.png")
        with Image.open("out/0_level_1.png") as image:
            np.testing.assert_array_equal(image.convert("RGB"), colors[leaf])
            np.testing.assert_array_equal(image, leaf)
        # The overlay has the palette's colors.
        with pytest.raises(ValueError, match="differ in palette"):
            predict_files(model, "photos/day", "out", ids=table, overlay=True)

    def test_pixels_without_a_class_have_the_color_that_is_ignored(self, folder, model):
        rows = [("#102030", "", "person"), ("#000000", "", "rider"), ("#ff0000", "", "sky"), ("#00ff00", "", "human")]
        table = ClassMap([*rows, ("#e0e0c0", "", "ignore")])
        predict_files(model, "photos/0.png", "out", ids=table, levels=[], threshold=1)
        with Image.open("out/0_confident.png") as image:
            assert set(image.convert("RGB").getdata()) == {(224, 224, 192)}


class NamesTest:
    def test_pictures_are_drawn_of_files_whose_names_are_not_valid_text(self, folder, model):
        names = ["two\nlines", "a\udcff", "$x$", "#"]
        for name in names:
            os.link("photos/0.png", f"{name}.png")
        result = predict_files(model, [f"{name}.png" for name in names], "out", levels=[], pictures=True)
        assert result.num_predicted == 4 and read("out/a\udcff.png").shape[1] > 500

    def test_name_that_becomes_too_long_is_an_error_before_the_first_prediction(self, folder, model):
        Image.new("RGB", (4, 4)).save(f"photos/{'x' * 251}.png")
        with pytest.raises(ValueError, match="Rename it"):
            predict_files(model, "photos", "out")
        assert not os.path.exists("out")

    def test_images_of_two_formats_with_one_name_are_an_error(self, folder, model):
        Image.new("RGB", (4, 4)).save("photos/0.jpg")
        with pytest.raises(ValueError, match=r"photos/0\.jpg and photos/0\.png, whose results would both"):
            predict_files(model, "photos", "out")

    def test_time_does_not_grow_faster_than_the_number_of_images(self, folder, model, monkeypatch):
        # As many files are looked at per image in a folder of 40 images as in one of 10.
        calls = []
        for name in ("stat", "lstat", "listdir", "scandir"):
            function = getattr(os, name)
            monkeypatch.setattr(
                os, name, lambda *args, function=function, **options: calls.append(1) or function(*args, **options)
            )
        counts = []
        for size in (10, 40):
            os.makedirs(f"many/{size}")
            for index in range(size):
                os.link("photos/0.png", f"many/{size}/{index}.png")
            calls.clear()
            predict_files(model, f"many/{size}", f"out/{size}")
            counts.append(len(calls))
        assert counts[1] <= 4 * counts[0]

    def test_files_are_not_opened_before_they_are_predicted(self, folder, model, monkeypatch):
        def fail(self, image):
            raise OSError("the disk is full")

        monkeypatch.setattr(ResultsRecord, "begin", fail)
        opened = []
        monkeypatch.setattr(
            "tfds_builders.reading.image_files.read_image", lambda path: opened.append(path) or picture_of(path)
        )
        picture_of = lambda path: np.zeros((4, 4, 3), np.uint8)  # noqa: E731
        listed = [f"photos/{index}.png" for index in range(2_000)]
        with pytest.raises(OSError, match="full"):
            predict_files(model, [], "out", listed=listed)
        assert len(opened) < 40


def test_model_without_a_configuration_is_identified_by_its_weights(folder):
    class Own(keras.Model):
        pass

    x = keras.Input((None, None, 3))
    model = Own(x, keras.layers.Conv2D(TREE.num_leaves, 1)(x))
    assert predict_files(model, "photos", "out", tree=TREE, from_logits=True).num_predicted == 7
