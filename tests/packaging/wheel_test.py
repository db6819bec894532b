"""The wheel holds the packages and their data, and no tests; it trains where nothing of the checkout is."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("hierseg_command", "hierseg_keras", "tfds_builders")
PROJECT_FILES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "NOTICE")
RUN = """
format_version = 1

[data]
dataset = "street_blocks"
train_split = "train[:8]"
batch_size = 4
crop_size = [32, 32]
data_dir = "prepared"

[network]
name = "UNet"
filters = 4
num_stages = 2

[schedule]
epochs = 1

[evaluation]
split = "validation[:2]"
"""
pytestmark = pytest.mark.large


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, since setuptools would pack what it finds of an earlier build in the checkout."""
    copy, folder = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in PROJECT_FILES:
        shutil.copy(ROOT / name, copy)
    run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(copy)], folder)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel):
    return zipfile.ZipFile(wheel).namelist()


def run(command, folder):
    """Output of a command that runs in a folder and finds no package of the checkout."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


class WheelTest:
    def test_holds_the_packages_and_nothing_else(self, names):
        assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == set(PACKAGES)

    def test_holds_no_tests_and_no_made_up_files(self, names):
        assert not [name for name in names if name.endswith("_test.py") or "dummy_data" in name]

    def test_holds_every_file_of_the_packages(self, names):
        files = [path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()]
        ours = [path.relative_to(ROOT).as_posix() for path in files if path.suffix != ".pyc"]
        assert sorted(set(ours) - set(names)) == []

    def test_holds_data_of_every_kind(self, names):
        for name in (
            "hierseg_keras/py.typed",
            "tfds_builders/py.typed",
            "hierseg_keras/tree/taxonomies/cityscapes.txt",
            "hierseg_keras/visualization/page/static/index.html",
            "tfds_builders/street_blocks/README.md",
            "tfds_builders/street_blocks/CITATIONS.bib",
            "tfds_builders/street_blocks/TAGS.txt",
        ):
            assert name in names
        assert [name for name in names if name.startswith("hierseg_keras/training/recipes/")]

    def test_carries_license_and_notice(self, names):
        assert {"LICENSE", "NOTICE"} <= {Path(name).name for name in names if ".dist-info/licenses/" in name}

    def test_trains_in_a_fresh_environment(self, wheel, tmp_path):
        run([sys.executable, "-m", "venv", "fresh"], tmp_path)
        python, hierseg = tmp_path / "fresh/bin/python", tmp_path / "fresh/bin/hierseg"
        constraints = ["--constraint", str(ROOT / "constraints.txt")]
        run([python, "-m", "pip", "install", "--quiet", *constraints, str(wheel)], tmp_path)
        place = run([python, "-c", "import hierseg_keras, tfds_builders; print(hierseg_keras.__file__)"], tmp_path)
        assert Path(place.strip()).is_relative_to(tmp_path / "fresh")
        (tmp_path / "run.toml").write_text(RUN)
        run([hierseg, "train", "--config", "run.toml", "--out", "run"], tmp_path)
        assert (tmp_path / "run/model.weights.h5").is_file()
