"""Archives that are whole, damaged and hostile."""

import io
import pickle
import warnings
import zipfile

import numpy as np
import pytest
from etils import epath
from PIL import Image

from tfds_builders.ordered_map import ordered_map
from tfds_builders.reading import zip_path
from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.image_files import read_image, stored_image
from tfds_builders.reading.paired_images import ImagePair, pair_folders
from tfds_builders.reading.zip_path import ZipPath

IMAGE = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)


def png():
    stream = io.BytesIO()
    Image.fromarray(IMAGE).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.mkdir("folder")
        file.writestr("folder/a.png", png())
        file.writestr("folder/b.txt", "text")
        file.writestr("folder/deeper/c.txt", "text")
        file.writestr("top.txt", "text")
    return epath.Path(tmp_path / "a.zip")


class ZipPathTest:
    def test_is_read_in_place(self, archive):
        path = ZipPath(archive) / "folder" / "a.png"
        np.testing.assert_array_equal(read_image(path), IMAGE)
        assert stored_image(path, read_image(path)) == png()
        assert (path.name, path.stem, path.suffix, str(path)) == ("a.png", "a", ".png", f"{archive}/folder/a.png")
        assert [path.name for path in archive.parent.iterdir()] == ["a.zip"]

    def test_folders_are_listed(self, archive):
        root = ZipPath(archive)
        assert sorted(root.iterdir()) == [root / "folder", root / "top.txt"]
        assert sorted(path.name for path in (root / "folder").iterdir()) == ["a.png", "b.txt", "deeper"]
        assert root.is_dir() and (root / "folder/deeper").is_dir()
        assert (root / "top.txt").exists() and not (root / "top.txt").is_dir()
        assert not (root / "none").exists() and not (root / "folder" / "..").exists()

    def test_folders_are_paired(self, archive):
        with zipfile.ZipFile(archive, "a") as file:
            file.writestr("labels/a.png", png())
            file.writestr("labels/c.png", png())
        pairs, problems = pair_folders(ZipPath(archive) / "folder", ZipPath(archive) / "labels")
        assert pairs == [ImagePair(ZipPath(archive, "folder/a.png"), ZipPath(archive, "labels/a.png"))]
        assert len(problems) == 1 and problems[0].startswith(f"{archive}/labels/c.png: ")
        assert "nothing there" in pair_folders(ZipPath(archive) / "none", ZipPath(archive) / "labels")[1][0]

    def test_pickles(self, archive):
        path = pickle.loads(pickle.dumps(ZipPath(archive, "folder/a.png")))
        np.testing.assert_array_equal(read_image(path), IMAGE)

    def test_several_threads_read_at_once(self, archive):
        with zipfile.ZipFile(archive, "w") as file:
            for number in range(40):
                file.writestr(f"{number}.bin", bytes([number]) * 50_000)
        paths = [ZipPath(archive, f"{number}.bin") for number in range(40)]
        for number, content in enumerate(ordered_map(lambda path: path.open().read(), paths, workers=4)):
            assert content == bytes([number]) * 50_000

    def test_replaced_archive_is_read_anew(self, archive):
        assert not (ZipPath(archive) / "c.txt").exists()
        with zipfile.ZipFile(archive, "a") as file:
            file.writestr("c.txt", "text")
        assert (ZipPath(archive) / "c.txt").exists()

    def test_truncated_archive_and_other_files_are_refused(self, archive):
        archive.write_bytes(archive.read_bytes()[:-30])
        with pytest.raises(ImageFileError, match="a.zip: expected a complete zip file"):
            ZipPath(archive).is_dir()
        with pytest.raises(ImageFileError, match="none.zip: expected a complete zip file"):
            ZipPath(archive.with_name("none.zip")).is_dir()

    @pytest.mark.parametrize("name", ["folder/b.txt", "folder//b.txt", "./folder/b.txt"])
    def test_name_given_twice_is_refused(self, name, archive):
        with zipfile.ZipFile(archive, "a") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file.writestr(name, "other text")
        with pytest.raises(ImageFileError, match="a.zip/folder/b.txt: expected one file"):
            ZipPath(archive).is_dir()

    def test_missing_file_is_named(self, archive):
        with pytest.raises(ImageFileError, match="a.zip/folder/none.png"):
            read_image(ZipPath(archive, "folder/none.png"))

    def test_absurd_size_is_refused_before_reading(self, archive, monkeypatch):
        monkeypatch.setattr(zip_path, "MAX_BYTES", 50)
        with pytest.raises(ImageFileError, match="a.zip/folder/a.png: expected at most 50 bytes"):
            read_image(ZipPath(archive, "folder/a.png"))

    def test_file_longer_than_it_says_is_refused(self, archive):
        """A bomb: the directory says one byte, the stream holds a hundred thousand."""
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("bomb.png", bytes(100_000))
        content = archive.read_bytes().replace((100_000).to_bytes(4, "little"), (1).to_bytes(4, "little"))
        archive.write_bytes(content)
        with pytest.raises(ImageFileError, match="bomb.png: expected a complete PNG file"):
            read_image(ZipPath(archive, "bomb.png"))

    def test_names_that_lead_outside_write_nothing(self, tmp_path, archive):
        with zipfile.ZipFile(archive, "w") as file:
            for name in ("../outside.png", "/absolute.png"):
                file.writestr(name, png())
        for name in ("../outside.png", "/absolute.png"):
            np.testing.assert_array_equal(read_image(ZipPath(archive, name)), IMAGE)
        assert not (tmp_path.parent / "outside.png").exists()
        assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]
