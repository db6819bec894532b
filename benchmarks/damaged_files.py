"""Files that are damaged at random, and what the library does with them.

    python -m benchmarks.damaged_files --count 1000

Files of a run, a checkpoint, images, masks with their class table, and class trees are cut, emptied, overwritten,
removed or replaced by a folder, one at a time, and then read as a user would read them. Right is:

- an error of the library, in one line of the command line where there is a command; never an error of another package;
- or a result. It must be the one of the undamaged file where a hash protects it: a run's files and checkpoints.

No other file may change. Exit code 1 if anything else happens.
"""

import argparse
import collections
import contextlib
import hashlib
import io
import pathlib
import random
import shutil
import sys
import tempfile
import warnings

import keras
import numpy as np

from hierseg_keras import ClassTree
from hierseg_keras.cli.main import main as command_line
from hierseg_keras.models import UNet
from hierseg_keras.prediction import predict_files
from hierseg_keras.training import RunConfig, train
from hierseg_keras.training.checkpoints.checkpoint_files import last_checkpoint
from hierseg_keras.training.checkpoints.earlier_run import CHECKPOINTS
from hierseg_keras.tree import TreeError
from tfds_builders.reading.file_problems import ImageFileError

CONFIG = {
    "data": {"train_split": "train[:8]", "size": (24, 32), "batch_size": 4},
    "evaluation": {"split": "validation[:4]"},
    "network": {"name": "UNet", "filters": 2, "num_stages": 1},
    "schedule": {"epochs": 2},
    "save_every": 1,
}
CLASSES = "id,class,node\n0,road,road\n1,car,car\n2,sky,sky\n"
TREE = "ground\n\troad\nvehicle\n\tcar\nsky\n"
REFUSED, SAME, OTHER = "refused", "same result", "other result"


class Wrong(Exception):
    """Raised for anything that must not happen."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000, help="damaged files in all (default: 1000)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    counts, wrong = collections.Counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        kinds = [kind(pathlib.Path(folder, kind.__name__)) for kind in (Run, Checkpoints, Images, Masks, Trees)]
        for number in range(options.count):
            kind = kinds[number % len(kinds)]
            try:
                counts[type(kind).__name__, kind.damaged_and_read(rng)] += 1
            except Wrong as error:
                wrong += 1
                print(f"{type(kind).__name__}: {error}", flush=True)
    print(f"\n{'':14s}{REFUSED:>14s}{SAME:>14s}{OTHER:>14s}")
    for kind in kinds:
        name = type(kind).__name__
        print(f"{name:14s}" + "".join(f"{counts[name, result]:14d}" for result in (REFUSED, SAME, OTHER)))
    print(f"{wrong} wrong")
    sys.exit(wrong > 0)


def damage(path, rng):
    """Damages a file. Returns what was done."""
    content = path.read_bytes()
    position = rng.randrange(len(content))
    way = rng.choice(["cut", "emptied", "bytes", "inserted", "zeros", "bit", "removed", "folder"])
    if way in ("removed", "folder"):
        path.unlink()
        if way == "folder":
            path.mkdir()
        return way
    noise = rng.randbytes(rng.randrange(1, 30))
    changed = {
        "cut": content[:position],
        "emptied": b"",
        "bytes": content[:position] + noise + content[position + len(noise) :],
        "inserted": content[:position] + noise + content[position:],
        "zeros": content[:position] + bytes(len(content) - position),
        "bit": content[:position] + bytes([content[position] ^ 1 << rng.randrange(8)]) + content[position + 1 :],
    }[way]
    path.write_bytes(changed)
    return f"{way} at {position}"


class Kind:
    """Files of one kind in a folder.

    Derived classes make the folder in `__init__`, list in `files` what is damaged, and read the folder in `read`, which
    returns a result that can be compared, or raises an error of `expected`.
    """

    expected = ()
    is_hashed = False

    def damaged_and_read(self, rng):
        path = rng.choice(self.files)
        before = self._state()
        content = path.read_bytes()
        damaged = damage(path, rng)
        what = f"{path.relative_to(self.folder)}, {damaged}"
        after_damage = self._state()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = self.read()
        except self.expected:
            result = None
        except Wrong as error:
            raise Wrong(f"{what}: {error}") from error
        except Exception as error:
            raise Wrong(f"{what}: {error!r}") from error
        finally:
            changed = self._state() != after_damage
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            path.write_bytes(content)
        if changed or self._state() != before:
            raise Wrong(f"{what}: other files have changed")
        if result is None:
            return REFUSED
        is_same = result == self.result
        if self.is_hashed and not is_same:
            raise Wrong(f"{what}: the result is another one")
        return SAME if is_same else OTHER

    def _state(self):
        return {
            path: hashlib.sha256(path.read_bytes()).digest()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }


def answer(*arguments):
    """Returns what a command prints, or `None` if it refuses in one line."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = command_line(list(map(str, arguments)))
        except SystemExit as ended:
            code = ended.code
    lines = [line for line in err.getvalue().splitlines() if line.startswith("hierseg")]
    if "Traceback" in err.getvalue() or code not in (0, 1, 2) or code and len(lines) != 1:
        raise Wrong(f"code {code} and {err.getvalue()!r}")
    return None if code else out.getvalue()


class Run(Kind):
    """The files of a run, which `predict` loads."""

    is_hashed = True

    def __init__(self, folder):
        self.folder, self.out = folder / "run", folder / "out"
        train(RunConfig(**CONFIG), self.folder, verbose=0)
        names = ("config.toml", "tree.txt", "classes.csv", "run.json", "model.weights.h5")
        self.files = [self.folder / name for name in names]
        self.image = folder / "image.png"
        save_image(self.image, 0)
        self.result = self.read()

    def read(self):
        shutil.rmtree(self.out, ignore_errors=True)
        if answer("predict", self.folder, self.image, "--out", self.out) is None:
            if self.out.exists() and any(self.out.rglob("*.png")):
                raise Wrong("refused, but there are maps")
            return None
        return [path.read_bytes() for path in sorted(self.out.rglob("*.png"))]


class Checkpoints(Kind):
    """The last of two checkpoints. The one before is used if it is damaged."""

    is_hashed = True
    expected = (ValueError,)

    def __init__(self, folder):
        train(RunConfig(**CONFIG), folder, verbose=0)
        self.folder = folder / CHECKPOINTS
        before, last = sorted(path for path in self.folder.iterdir())
        self.files = sorted(last.iterdir())
        self.result, self.before = self._digest(), None
        shutil.move(last, folder / "aside")
        self.before = self._digest()
        shutil.move(folder / "aside", last)

    def read(self):
        digest = self._digest()
        return None if digest == self.before else digest

    def _digest(self):
        checkpoint = last_checkpoint(self.folder)
        arrays = {name: array.tobytes() for name, array in checkpoint.arrays.items()}
        return str(checkpoint.position), arrays, repr(checkpoint.values)


class Images(Kind):
    """Photographs, which `predict_files` reads."""

    expected = (ValueError, ImageFileError, FileNotFoundError)

    def __init__(self, folder):
        self.folder, self.out = folder / "images", folder / "out"
        self.folder.mkdir(parents=True)
        self.model = UNet(ClassTree.from_text(TREE), filters=2, num_stages=1)
        self.files = [self.folder / name for name in ("a.png", "b.jpg", "c.bmp")]
        for number, path in enumerate(self.files):
            save_image(path, number)
        self.result = self.read()

    def read(self):
        shutil.rmtree(self.out, ignore_errors=True)
        problems = predict_files(self.model, self.files, self.out, levels=[1]).problems
        maps = {path.name: path.read_bytes() for path in sorted(self.out.rglob("*.png"))}
        if not problems:
            return maps
        if len(problems) > 1 or any(content != self.result[name] for name, content in maps.items()):
            raise Wrong(f"{problems}, or another image has another map")
        return None


class Masks(Kind):
    """Masks with a class table and a tree, which `data` prepares."""

    def __init__(self, folder):
        self.folder, self.records = folder / "data", folder / "records"
        masks, images = self.folder / "masks", self.folder / "images"
        masks.mkdir(parents=True)
        images.mkdir()
        rng = np.random.default_rng(0)
        for number in range(3):
            save_image(images / f"{number}.png", number)
            mask = rng.integers(0, 3, (24, 32, 1), np.uint8)
            keras.utils.save_img(masks / f"{number}.png", mask, scale=False)
        (self.folder / "classes.csv").write_text(CLASSES)
        (self.folder / "tree.txt").write_text(TREE)
        self.files = [path for path in sorted(self.folder.rglob("*")) if path.is_file()]
        self.result = self.read()
        if self.result is None:
            sys.exit("the undamaged data set is refused")

    def read(self):
        folder = self.folder
        options = ("--classes", folder / "classes.csv", "--tree", folder / "tree.txt", "--data-dir", self.records)
        return answer("data", "--images", folder / "images", "--masks", folder / "masks", *options)


class Trees(Kind):
    """Files of class trees."""

    expected = (TreeError, OSError)

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True)
        self.files = [folder / "tree.txt", folder / "tree.json"]
        self.files[0].write_text(ClassTree.load("street_blocks").to_text())
        self.files[1].write_text('{"human": {"person": 1, "rider": {"bicyclist": 0}}, "sky": 2}')
        self.result = self.read()

    def read(self):
        return [ClassTree.from_file(path).to_text() for path in self.files]


def save_image(path, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), np.uint8)
    keras.utils.save_img(path, pixels, scale=False)


if __name__ == "__main__":
    main()
