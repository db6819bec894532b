import pytest

pytest.importorskip("tensorflow")
from hierseg_keras import data  # noqa: E402
from hierseg_keras.data.find_builder import find_builder  # noqa: E402


class FindBuilderTest:
    @pytest.mark.parametrize(
        "name, message",
        [
            ("camvid_tre", "Did you mean 'camvid_tree'"),
            ("camvid", "Did you mean 'camvid_tree'"),
            ("Cityscape", "Did you mean 'cityscapes'"),
            ("lip", "'lip_tree'"),
            ("street blocks", "Did you mean 'street_blocks'"),
            ("camvid_tre/groups", "Did you mean 'camvid_tree'"),
            ("nope", "`tfds.list_builders..` lists all .* names. This package adds camvid_tree, .*street_blocks"),
            ("", "This package adds"),
            ("../no/data", "This package adds"),
            ("camvid_tree/grups", "`name` expects a config of camvid_tree, 'categories', 'groups' or 'original'"),
            ("camvid_tree:9.9.9", "cannot be loaded at version 9.9.9, only: 1.0.0"),
            ("street_blocks/", "`name` expects a TFDS data set"),
        ],
    )
    def test_an_unknown_name_is_told_in_a_line(self, name, message, tmp_path):
        with pytest.raises(ValueError, match=message) as error:
            find_builder(name, tmp_path)
        assert f"Received: name={name!r}." in str(error.value) and "\n" not in str(error.value)

    def test_the_path_of_a_folder_is_no_name(self, tmp_path):
        with pytest.raises(ValueError, match="Read your folders with `data.from_folders`."):
            find_builder(str(tmp_path))

    @pytest.mark.parametrize("name", [None, 3, b"street_blocks", ["street_blocks"]])
    def test_another_type_raises(self, name):
        with pytest.raises(TypeError, match="`name` expects the name of a TFDS data set"):
            find_builder(name)


class PrepareTest:
    def test_what_a_data_set_needs_is_told_in_a_line(self, tmp_path):
        (tmp_path / "empty").mkdir()
        for manual_dir in (None, tmp_path / "empty"):
            with pytest.raises(ValueError, match="`manual_dir` expects the folder with the files of camvid_") as error:
                data.prepare("camvid_tree", data_dir=tmp_path / "data", manual_dir=manual_dir)
            assert "put these folders" in str(error.value) and "\n" not in str(error.value)
