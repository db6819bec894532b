"""The groups of images that a CSV file names."""

import pytest

from tfds_builders.folders.split_groups import group_names
from tfds_builders.reading.file_problems import ImageFileError


class GroupNamesTest:
    def test_a_name_with_a_dot_is_another_image(self, tmp_path):
        path = tmp_path / "groups.csv"
        path.write_text("frame,v0\nframe.1,v1\nb.png,v0\n")
        assert group_names(["frame", "frame.1", "b"], str(path)) == {"frame": "v0", "frame.1": "v1", "b": "v0"}

    def test_an_image_of_two_groups_is_refused(self, tmp_path):
        path = tmp_path / "groups.csv"
        path.write_text("a,v0\na,v0\nb,v0\na,v1\n")
        with pytest.raises(
            ImageFileError, match="groups.csv:4: expected one group per image. Received: v0 and v1 for a"
        ):
            group_names(["a", "b"], str(path))
