"""The groups of images that a CSV file names."""

import pytest

from tfds_builders.folders.split_groups import few_for_validation, group_names, hash_shares
from tfds_builders.reading.file_problems import ImageFileError


class GroupNamesTest:
    def test_a_name_with_a_dot_is_another_image(self, tmp_path):
        path = tmp_path / "groups.csv"
        path.write_text("frame,v0\nframe.1,v1\nb.png,v0\n")
        assert group_names(["frame", "frame.1", "b"], str(path)) == {"frame": "v0", "frame.1": "v1", "b": "v0"}

    def test_a_missing_file_is_said_to_be_missing(self, tmp_path):
        with pytest.raises(ImageFileError, match="groups.csv: expected a CSV file .* Received: No such file or dir"):
            group_names(["a"], str(tmp_path / "groups.csv"))

    def test_an_image_of_two_groups_is_refused(self, tmp_path):
        path = tmp_path / "groups.csv"
        path.write_text("a,v0\na,v0\nb,v0\na,v1\n")
        with pytest.raises(
            ImageFileError, match="groups.csv:4: expected one group per image. Received: v0 and v1 for a"
        ):
            group_names(["a", "b"], str(path))

    def test_rows_without_content_are_skipped(self, tmp_path):
        path = tmp_path / "groups.csv"
        path.write_text("a,v0\n,\n  \n\nb,v1\n")
        assert group_names(["a", "b"], str(path)) == {"a": "v0", "b": "v1"}

    def test_a_row_without_a_name_is_refused(self, tmp_path):
        path = tmp_path / "groups.csv"
        path.write_text("a,v0\n,v1\n")
        with pytest.raises(ImageFileError, match="groups.csv:2: expected name,group. Received: ,v1"):
            group_names(["a"], str(path))


class HashSharesTest:
    def test_are_the_same_in_every_version(self):
        """With other shares, an image of an earlier run's validation would become one of the training."""
        # The first 16 digits of `printf one | sha256sum`, by 2**64.
        shares = {"one": 0x7692C3AD3540BB80 / 2**64, "two": 0.24909669124858325, "über/zwei": 0.6938717078298383}
        assert hash_shares([*shares, "one"]) == shares


class FewForValidationTest:
    def test_fewer_than_a_third_of_the_share_are_few(self):
        sentence = few_for_validation(["a"] * 39, ["b"], 0.1)
        assert sentence.startswith("1 of 40 images are in the validation, fewer than a third of val_share=0.1")
        assert few_for_validation(["a"] * 38, ["b"] * 2, 0.1) is None
        assert few_for_validation(["a"] * 40, [], 0.1) is None
