import os
import shutil

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("tensorflow")
from hierseg_keras.files import written_into  # noqa: E402
from hierseg_keras.prediction.class_ids import written_ids  # noqa: E402
from hierseg_keras.prediction.find_images import ImageFile  # noqa: E402
from hierseg_keras.prediction.image_results import ImageResults  # noqa: E402
from hierseg_keras.prediction.network_answers import LEAF  # noqa: E402
from hierseg_keras.prediction.predict_files import _Job  # noqa: E402
from hierseg_keras.prediction.result_files import ResultFiles, check_targets  # noqa: E402
from hierseg_keras.prediction.results_record import ResultsRecord  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from hierseg_keras.visualization import node_colors  # noqa: E402
from tests.killed_process import killed_at  # noqa: E402

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")
FILES = ResultFiles((1, 2), confidence=False, threshold=None, overlay=False, pictures=False)


def record_of(out, network="one"):
    return ResultsRecord(out, network, FILES.options(written_ids(TREE, None), node_colors(TREE)))


def predict(path, leaf, network="one", out="out"):
    """Writes the results of an image as `predict_files` does, of a network that predicts one leaf everywhere."""
    results = ImageResults(TREE, written_ids(TREE, None), FILES, node_colors(TREE))
    job = _Job(None, results, FILES, None, True, None, None)
    record, image = record_of(out, network), ImageFile(str(path), "0")
    record.note(image)
    with written_into(out) as writer, record.closing():
        job._write(image, np.zeros((4, 4, 3), np.uint8), {LEAF: np.full((4, 4), leaf, np.uint8)}, writer, record)


def present():
    """The leaf in the results, or a list of what is there."""
    found = []
    for level in (1, 2):
        path = f"out/0_level_{level}.png"
        if os.path.exists(path):
            with Image.open(path) as image:
                [value] = set(np.asarray(image).flat)
            found.append(value)
    return found


@pytest.fixture
def images(tmp_path, monkeypatch):
    """Two images of one name, of equal size and time."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        os.mkdir(name)
        Image.new("RGB", (4, 4)).save(f"{name}/0.png")
        os.utime(f"{name}/0.png", ns=(0, 0))
    return "a/0.png", "b/0.png"


@pytest.mark.large
class KilledTest:
    def test_results_are_skipped_only_if_they_are_whole_and_of_the_image(self, images):
        """The results of `a` replace those of `b`, by a process that is killed before each change of a file."""
        moment, was_killed, seen = 0, True, set()
        while was_killed:
            shutil.rmtree("out", ignore_errors=True)
            predict(images[1], 2)
            was_killed = killed_at(moment, lambda: predict(images[0], 0))
            for path, leaf, top in ((images[0], 0, 3), (images[1], 2, 2)):
                if not record_of("out").unfinished([ImageFile(path, "0")]):
                    assert present() == [leaf, top]
                    seen.add(path)
            moment += 1
        assert moment > 4 and seen == set(images)

    def test_a_process_that_was_killed_can_be_repeated(self, images):
        moment, was_killed = 0, True
        while was_killed:
            shutil.rmtree("out", ignore_errors=True)
            was_killed = killed_at(moment, lambda: predict(images[0], 0))
            image = ImageFile(images[0], "0")
            check_targets([image], [image], FILES.endings.values(), "out", record_of("out"), False, True)
            predict(images[0], 0)
            assert not record_of("out").unfinished([image]) and present() == [0, 3]
            moment += 1
        assert moment > 4

    def test_results_of_another_network_are_never_taken_for_those_of_this_one(self, images):
        image, moment, was_killed, seen = ImageFile(images[0], "0"), 0, True, set()
        while was_killed:
            shutil.rmtree("out", ignore_errors=True)
            predict(images[0], 2, "other")
            was_killed = killed_at(moment, lambda: predict(images[0], 0, "one"))
            for network, expected in (("one", [0, 3]), ("other", [2, 2])):
                if not record_of("out", network).unfinished([image]):
                    assert present() == expected
                    seen.add(network)
            moment += 1
        assert seen == {"one", "other"}


class NamesTest:
    @pytest.mark.parametrize("name", ["two\nlines", "größe", "a\udcff", "#", "a.b", ' "quoted" ', "\u2028"])
    def test_any_name_is_recorded(self, name, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        Image.new("RGB", (4, 4)).save(f"{name}.png")
        predict(f"{name}.png", 0)
        assert not record_of("out").unfinished([ImageFile(f"{name}.png", "0")])
