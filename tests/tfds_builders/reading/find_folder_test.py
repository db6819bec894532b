import pytest
from etils import epath

from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.find_folder import find_folder


@pytest.fixture
def folder(tmp_path):
    return epath.Path(tmp_path)


class FindFolderTest:
    def test_the_first_that_is_a_folder(self, folder):
        (folder / "outer" / "inner").mkdir(parents=True)
        (folder / "file").write_bytes(b"")
        assert find_folder(folder, ("none", "file", "outer/inner", "outer"), "") == folder / "outer" / "inner"

    def test_none_tells_what_there_is(self, folder):
        (folder / "something").mkdir()
        with pytest.raises(ImageFileError) as caught:
            find_folder(folder, ("images", "data/images"), "Put them there.")
        for part in (str(folder), "images, data/images", "['something']", "Put them there."):
            assert part in str(caught.value)
