import json
import os

import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.prediction.find_images import find_images  # noqa: E402
from hierseg_keras.prediction.results_record import EARLIER_RECORD, RECORD  # noqa: E402


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Files without content, as no file is opened."""
    monkeypatch.chdir(tmp_path)
    for name in (
        "photos/b.jpg",
        "photos/a.PNG",
        "photos/notes.txt",
        "photos/day/a.png",
        "photos/day/night/c.bmp",
        "photos/.hidden.png",
        "photos/.cache/d.png",
        "photos/out/a_level_1.png",
        "more/a.jpeg",
        "empty/notes.txt",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def found(inputs, listed=None, out="out"):
    return {image.path: image.name for image in find_images(inputs, listed, out)}


class FindImagesTest:
    def test_results_of_a_file_are_named_after_it(self, folder):
        assert found(["photos/b.jpg", "photos/day/night/c.bmp"]) == {
            "photos/b.jpg": "b",
            "photos/day/night/c.bmp": "c",
        }

    def test_folders_are_searched_with_their_subfolders_in_order(self, folder):
        images = found(["photos"], out="photos/out")
        assert list(images.items()) == [
            ("photos/a.PNG", "a"),
            ("photos/b.jpg", "b"),
            ("photos/day/a.png", "day/a"),
            ("photos/day/night/c.bmp", "day/night/c"),
        ]

    def test_several_folders_are_kept_apart(self, folder):
        assert found(["photos/day", "more"]) == {
            "photos/day/a.png": "photos/day/a",
            "photos/day/night/c.bmp": "photos/day/night/c",
            "more/a.jpeg": "more/a",
        }

    @pytest.mark.parametrize(
        "pattern, names",
        [
            ("photos/*.jpg", {"photos/b.jpg": "b"}),
            ("photos/*/a.png", {"photos/day/a.png": "day/a"}),
            ("photos/**/*.[bp][mn][gp]", {"photos/day/a.png": "day/a", "photos/day/night/c.bmp": "day/night/c"}),
            ("m*", {"more/a.jpeg": "more/a"}),
            ("photos/d*/**", {"photos/day/a.png": "day/a", "photos/day/night/c.bmp": "day/night/c"}),
        ],
    )
    def test_patterns_are_expanded_and_keep_the_path_below_their_fixed_part(self, pattern, names, folder):
        assert found([pattern], out="photos/out") == names

    def test_file_whose_name_looks_like_a_pattern_is_a_file(self, folder):
        (folder / "a[1].png").touch()
        assert found(["a[1].png"]) == {"a[1].png": "a[1]"}

    def test_image_that_is_given_twice_is_found_once(self, folder):
        images = find_images(["photos", "photos/b.jpg"], [os.path.abspath("photos/a.PNG")], "photos/out")
        assert sorted(image.name for image in images) == ["a", "b", "day/a", "day/night/c"]

    def test_listed_files_keep_the_path_below_their_common_folder(self, folder):
        assert found([], ["./photos/b.jpg", "photos/day/a.png", "photos/lost.png"]) == {
            "./photos/b.jpg": "b",
            "photos/day/a.png": "day/a",
            "photos/lost.png": "lost",
        }

    def test_earlier_results_inside_of_a_folder_are_no_images(self, folder):
        assert "photos/out/a_level_1.png" in found(["photos"], out="elsewhere")
        assert "photos/out/a_level_1.png" not in found(["photos"], out="photos/../photos/out")
        assert "photos/out/a_level_1.png" not in found(["photos/**/*.png"], out="photos/out")
        assert "photos/out/a_level_1.png" not in found(["photos/*"], out="photos/out")

    def test_links_in_a_circle_end(self, folder):
        (folder / "photos" / "day" / "up").symlink_to(folder / "photos")
        (folder / "photos" / "linked").symlink_to(folder / "more")
        names = sorted(found(["photos"], out="photos/out").values())
        assert names == ["a", "b", "day/a", "day/night/c", "linked/a"]

    @pytest.mark.parametrize("inputs", [["lost.png"], ["lost"], ["empty"], ["photos/*.tif"], ["lost/*"], ["empty/*"]])
    def test_input_without_image_is_an_error_that_names_it(self, inputs, folder):
        with pytest.raises(FileNotFoundError, match="expects") as raised:
            find_images(["photos", *inputs], None, "out")
        assert f"Received: {inputs[0]}" in str(raised.value)

    def test_images_of_other_formats_are_counted(self, folder):
        for name in ("photos/x.webp", "photos/y.webp", "photos/day/z.TIFF", "photos/.hidden.webp", "photos/notes.txt"):
            (folder / name).touch()
        said = "3 files in folders are not predicted, because the format is not read: 1 .tiff, 2 .webp. Convert to PNG"
        with pytest.warns(UserWarning, match=said):
            find_images(["photos"], None, "photos/out")
        with pytest.warns(UserWarning, match="2 files in folders are not predicted"):
            find_images(["photos/[bxy]*"], None, "photos/out")

    def test_nothing_to_predict_is_an_error(self, folder):
        for listed in (None, []):
            with pytest.raises(ValueError, match="at least one image"):
                find_images([], listed, "out")

    def test_folder_of_images_is_no_folder_of_results(self, folder):
        with pytest.raises(ValueError, match="not the folder of images"):
            find_images(["photos"], None, "./photos")

    def test_folder_that_cannot_be_read_is_an_error(self, folder, monkeypatch):
        scandir = os.scandir

        def fail_for_one(path):
            if str(path).endswith("day"):
                raise PermissionError(13, "Permission denied", path)
            return scandir(path)

        monkeypatch.setattr(os, "scandir", fail_for_one)
        with pytest.raises(PermissionError):
            find_images(["photos"], None, "out")


class EarlierResultsTest:
    @pytest.fixture(params=[RECORD, EARLIER_RECORD])
    def results(self, request, folder):
        """Two folders of results below the images, one of them with a subfolder."""
        for name in ("photos/old", "photos/day/masks"):
            path = folder / name
            (path / "day").mkdir(parents=True)
            (path / "a_level_1.png").touch()
            (path / "day" / "b_overlay.jpg").touch()
            (path / request.param).write_text("")
        return [str(folder / "photos" / "day" / "masks"), str(folder / "photos" / "old")]

    IMAGES = {
        "photos/a.PNG": "a",
        "photos/b.jpg": "b",
        "photos/day/a.png": "day/a",
        "photos/day/night/c.bmp": "day/night/c",
    }

    @pytest.mark.parametrize("given", ["photos", "photos/", "photos/**/*.*", "photos/*"])
    def test_their_folders_are_skipped_and_one_warning_names_them(self, given, results, folder):
        with pytest.warns(UserWarning, match="Results of earlier predictions are not predicted") as warned:
            names = found([given], out="photos/out")
        assert {os.path.normpath(path): name for path, name in names.items()} == self.IMAGES
        assert len(warned) == 1 and all(path in str(warned[0].message) for path in results)

    def test_pattern_from_the_working_folder(self, results, folder, monkeypatch):
        monkeypatch.chdir("photos")
        with pytest.warns(UserWarning, match="not predicted"):
            assert set(found(["**/*.png"], out="out")) == {"day/a.png"}

    def test_folder_with_nothing_else_is_an_error(self, results, folder):
        (folder / "all").mkdir()
        os.rename("photos/old", "all/old")
        with pytest.raises(FileNotFoundError, match="all, a folder without images besides results of earlier"):
            found(["all"])

    def test_folder_that_is_named_gives_the_images_beside_the_results(self, folder):
        """As after `hierseg predict RUN photos/b.jpg --out photos`."""
        line = {"done": "day/b", "endings": ["_overlay.jpg"], "image": "/b.jpg", "size": 0, "mtime_ns": 0}
        (folder / "photos" / RECORD).write_text(json.dumps(line) + "\n")
        (folder / "photos" / "day" / "b_overlay.jpg").touch()
        for given in ("photos", "photos/**/*.*"):
            with pytest.warns(UserWarning, match=f"those in {folder / 'photos'}\\. To predict other images"):
                assert found([given], out="photos/out") == self.IMAGES

    def test_files_and_lists_are_taken_as_they_are(self, results, folder):
        assert found(["photos/old/a_level_1.png"], ["photos/old/day/b_overlay.jpg"]) == {
            "photos/old/a_level_1.png": "a_level_1",
            "photos/old/day/b_overlay.jpg": "b_overlay",
        }
