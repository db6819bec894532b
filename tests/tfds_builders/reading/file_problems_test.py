"""Errors about files of a data set."""

from tfds_builders.reading.file_problems import ImageFileError


class ImageFileErrorTest:
    def test_a_problem_of_several_files_is_one_line(self):
        problems = [
            f"{name}.png: expected ids. Received: 7 ({count} pixels). Add a row." for count, name in enumerate("abcdef")
        ]
        error = ImageFileError([*problems[:2], "g.png: expected ids. Received: 8 (1 pixel)", *problems[2:], "None"])
        assert error.problems[0] == problems[0] and len(error.problems) == 8
        assert str(error).splitlines() == [
            "a.png: expected ids. Received: 7 (0 pixels). Add a row. 5 more files have this problem: b.png, c.png, "
            "d.png, ... and 2 more",
            "g.png: expected ids. Received: 8 (1 pixel)",
            "None",
        ]
