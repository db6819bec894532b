import os
import subprocess
import sys

import pytest

# Writes to the process's stderr as C++ code does, and as Python does.
SCRIPT = """
import os, sys
from hierseg_command.quiet_import import quiet_import
with quiet_import():
    os.write(2, b"I0000 oneDNN\\n")
    print("from Python", file=sys.stderr)
    {last}
print(os.environ["TF_CPP_MIN_LOG_LEVEL"], os.environ.get("TQDM_DISABLE"))
print("afterwards", file=sys.stderr)
"""
HIDDEN = "I0000 oneDNN\nfrom Python\n"


def run(last="pass", **variables):
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    command = [sys.executable, "-c", SCRIPT.format(last=last)]
    return subprocess.run(command, capture_output=True, text=True, env=environment | variables)


class QuietImportTest:
    def test_hides_lines_while_it_lasts_and_sets_the_level(self):
        ended = run()
        assert (ended.stderr, ended.stdout) == ("afterwards\n", "3 1\n")

    def test_shows_lines_where_the_import_fails(self):
        ended = run("raise ImportError('no libcuda')")
        assert ended.stderr.startswith(HIDDEN) and ended.stderr.endswith("ImportError: no libcuda\n")

    def test_shows_the_stack_where_the_process_dies(self):
        ended = run("os.abort()")
        assert ended.returncode < 0 and ended.stderr.startswith("Fatal Python error: Aborted")

    @pytest.mark.parametrize("level", ["0", "1"])
    def test_level_of_the_user_is_kept(self, level):
        ended = run(TF_CPP_MIN_LOG_LEVEL=level)
        assert ended.stderr == (HIDDEN if level == "0" else "") + "afterwards\n"
        assert ended.stdout.startswith(level)
