"""The whole program in a process of its own, as it is installed."""

import os
import subprocess
import sys

import pytest
from PIL import Image

pytest.importorskip("tensorflow")
from tests.manual_data import FOLDER  # noqa: E402

# TensorFlow is imported once for all command lines, quietly, by the first of them.
SCRIPT = """
import contextlib, sys
from hierseg_command.main import main
from tests.running_eagerly import running_eagerly
eager = contextlib.ExitStack()
for line in {lines!r}:
    sys.argv = ["hierseg", *line.split()]
    print("##", flush=True)
    print(f"## {{line.split()[0]}}: {{main()}}", file=sys.stderr, flush=True)
    if {eagerly}:
        eager.enter_context(running_eagerly())
"""
TINY = "--network.name UNet --network.filters 2 --network.num_stages 1 --schedule.epochs 2"
DATA = "--data.crop_size 24,32 --data.batch_size 2 --data.train_split train[:4] --evaluation.split validation[:2]"


def run(folder, *lines, eagerly=True):
    """What each command line printed to stdout, and all of stderr."""
    names = ("TF_CPP_MIN_LOG_LEVEL", "TQDM_DISABLE")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    environment |= {"PYTHONPATH": os.pathsep.join([os.getcwd(), environment.get("PYTHONPATH", "")])}
    command = [sys.executable, "-c", SCRIPT.format(lines=lines, eagerly=eagerly)]
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return ended.stdout.split("##\n")[1:], ended.stderr


class MainTest:
    @pytest.mark.parametrize("closed, other", [("stdout", "stderr"), ("stderr", "stdout")])
    def test_a_stream_may_be_closed(self, closed, other):
        program = "import sys; from hierseg_command.main import main; sys.exit(main())"
        command = f"{sys.executable} -c '{program}' recipes {1 if closed == 'stdout' else 2}>&-"
        ended = subprocess.run(command, shell=True, **{other: subprocess.PIPE}, text=True)
        printed = getattr(ended, other)
        assert ended.returncode == 0 and "hierseg: " not in printed
        assert other == "stderr" or "hssn" in printed

    def test_no_command_prints_lines_of_other_packages(self, data_dir, tmp_path):
        """In particular TensorFlow, TFDS while it prepares a data set, and the bars of tqdm."""
        Image.new("RGB", (33, 21), (90, 10, 200)).save(tmp_path / "image.png")
        manual_dir = FOLDER / "camvid_tree" / "dummy_data" / "original"
        printed, errors = run(
            tmp_path,
            "recipes",
            "profile --data.tree street_blocks --image 8x8 --total",
            f"data camvid_tree/original --prepare --data-dir prepared --manual-dir {manual_dir} --count 1",
            f"train {TINY} {DATA} --data.data_dir {data_dir} --out run",
            "evaluate run --report report",
            "report run --out page",
            "predict run image.png --out pictures",
            "export run --out model",
            "evaluate lost",
        )
        *lines, refused, last = errors.splitlines()
        whole = [line for line in lines if not line.startswith("hierseg ")]
        # What the builder of a data set says.
        others = [line for line in lines if line not in whole]
        assert all(line.startswith("hierseg data: warning: camvid_tree/original/1.0.0: ") for line in others), others
        names = ("recipes", "profile", "data", "train", "evaluate", "report", "predict", "export")
        assert whole == [f"## {name}: 0" for name in names]
        assert refused.startswith("hierseg evaluate: expected the folder of a training run. Received: lost")
        assert last == "## evaluate: 1"
        assert printed[2].startswith("camvid_tree/original/") and printed[5:] == [
            "page/index.html\n",
            "Predicted 1 image into pictures.\n",
            "model\n",
            "",
        ]
        epochs = printed[3].splitlines()
        assert len(epochs) == 3 and epochs[2] == "The run is in run" and "\r" not in printed[3]
        for number, line in enumerate(epochs[:2], start=1):
            assert line.startswith(f"Epoch {number}/2 - 2/2 - ") and len(line) <= 100
            shown = [part.split(":")[0] for part in line.split(" - ")[4:]]
            assert shown == ["loss", "miou_mean", "val_miou_mean"]
        assert "miou_1" in printed[4] and "step" not in printed[4]

    @pytest.mark.large
    def test_the_demo_prints_lines_of_its_own(self, data_dir, tmp_path):
        small = "--steps 1 --backbone resnet18_small --weights none --filters 8 --size 32x32"
        line = f"demo --data-dir {data_dir} {small} --out demo"
        [printed], errors = run(tmp_path, line, eagerly=False)
        assert errors == "## demo: 0\n"
        page = tmp_path / "demo" / "page" / "index.html"
        end = f"Page with what both networks predict, to be opened in a browser: {page}\n"
        assert page.is_file() and printed.endswith(f"The SavedModel agrees on every output.\n\n{end}")
