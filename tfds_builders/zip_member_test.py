"""Archives that are whole, damaged and hostile."""

import io
import pickle
import warnings
import zipfile

import numpy as np
import pytest
from etils import epath
from PIL import Image

from tfds_builders import zip_member
from tfds_builders.image_files import ImageFileError, read_image, stored_image
from tfds_builders.zip_member import zip_members

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
    return epath.Path(tmp_path / "a.zip")


class ZipMemberTest:
    def test_is_read_in_place(self, archive):
        member = zip_members(archive)["folder/a.png"]
        np.testing.assert_array_equal(read_image(member), IMAGE)
        assert stored_image(member, read_image(member)) == png()
        assert (member.name, member.suffix, str(member)) == ("a.png", ".png", f"{archive}/folder/a.png")
        assert [path.name for path in archive.parent.iterdir()] == ["a.zip"]

    def test_pickles(self, archive):
        member = pickle.loads(pickle.dumps(zip_members(archive)["folder/a.png"]))
        np.testing.assert_array_equal(read_image(member), IMAGE)

    def test_folders_are_left_out_of_the_list(self, archive):
        assert sorted(zip_members(archive)) == ["folder/a.png", "folder/b.txt"]

    def test_replaced_archive_is_read_anew(self, archive):
        zip_members(archive)
        with zipfile.ZipFile(archive, "a") as file:
            file.writestr("c.txt", "text")
        assert "c.txt" in zip_members(archive)

    def test_truncated_archive_and_other_files_are_refused(self, archive):
        archive.write_bytes(archive.read_bytes()[:-30])
        with pytest.raises(ImageFileError, match="a.zip: expected a whole zip file"):
            zip_members(archive)
        with pytest.raises(ImageFileError, match="none.zip: expected a whole zip file"):
            zip_members(archive.with_name("none.zip"))

    def test_name_given_twice_is_refused(self, archive):
        with zipfile.ZipFile(archive, "a") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file.writestr("folder/b.txt", "other text")
        with pytest.raises(ImageFileError, match="a.zip/folder/b.txt: expected one file. Received: 2"):
            zip_members(archive)

    def test_absurd_size_is_refused_before_reading(self, archive, monkeypatch):
        monkeypatch.setattr(zip_member, "MAX_BYTES", 50)
        member = zip_members(archive)["folder/a.png"]
        with pytest.raises(ImageFileError, match="a.zip/folder/a.png: expected at most 50 bytes"):
            read_image(member)

    def test_member_longer_than_it_says_is_refused(self, archive):
        """A bomb: the directory says one byte, the stream holds a hundred thousand."""
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("bomb.png", bytes(100_000))
        content = archive.read_bytes().replace((100_000).to_bytes(4, "little"), (1).to_bytes(4, "little"))
        archive.write_bytes(content)
        with pytest.raises(ImageFileError, match="bomb.png: expected a whole PNG file"):
            read_image(zip_members(archive)["bomb.png"])

    def test_names_that_lead_outside_write_nothing(self, tmp_path, archive):
        with zipfile.ZipFile(archive, "w") as file:
            for name in ("../outside.png", "/absolute.png"):
                file.writestr(name, png())
        for member in zip_members(archive).values():
            np.testing.assert_array_equal(read_image(member), IMAGE)
        assert not (tmp_path.parent / "outside.png").exists()
        assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]
