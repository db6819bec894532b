import io

from hierseg_keras.cli import file_progress
from hierseg_keras.cli.file_progress import FileProgress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def screen(text):
    """The lines that a terminal shows."""
    return [line.split("\r\x1b[K")[-1] for line in text.split("\n")]


class FileProgressTest:
    def test_line_is_updated_in_a_terminal(self, monkeypatch):
        times = iter([0.0, 10.0, 20.0])
        monkeypatch.setattr(file_progress.time, "monotonic", lambda: next(times))
        stream = Terminal()
        progress = FileProgress(stream)
        progress.update(8, 808)
        assert screen(stream.getvalue()) == ["8/808 images"]
        progress.update(108, 808)
        assert screen(stream.getvalue()) == ["108/808 images - 10.0 images/s - 0:01:10 left"]
        progress.update(808, 808)
        progress.end()
        assert screen(stream.getvalue()) == ["808/808 images - 40.0 images/s - 0:00:00 left", ""]

    def test_messages_are_lines_above_it(self):
        stream = Terminal()
        progress = FileProgress(stream)
        progress.update(1, 2)
        progress.message("a.png: bad")
        assert screen(stream.getvalue()) == ["a.png: bad", "1/2 images"]

    def test_without_a_terminal_there_are_messages_alone(self):
        stream = io.StringIO()
        progress = FileProgress(stream)
        progress.update(1, 2)
        progress.message("a.png: bad")
        progress.update(2, 2)
        progress.end()
        assert stream.getvalue() == "a.png: bad\n"

    def test_line_is_not_written_more_often_than_it_can_be_read(self):
        stream = Terminal()
        progress = FileProgress(stream)
        for done in range(1, 1001):
            progress.update(done, 1001)
        assert stream.getvalue().count("\r") < 20
