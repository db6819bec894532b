"""The groups of images that a CSV file names."""

from tfds_builders.folders.split_groups import group_names


class GroupNamesTest:
    def test_a_name_with_a_dot_is_another_image(self, tmp_path):
        path = tmp_path / "groups.csv"
        path.write_text("frame,v0\nframe.1,v1\nb.png,v0\n")
        assert group_names(["frame", "frame.1", "b"], str(path)) == {"frame": "v0", "frame.1": "v1", "b": "v0"}
