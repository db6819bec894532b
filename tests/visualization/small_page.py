"""A report page of random predictions on a small ragged tree, and what its files contain."""

import base64
import csv
import json
import zlib

import numpy as np

from hierseg_keras.metrics import TreeReport
from hierseg_keras.tree import ClassTree
from hierseg_keras.visualization import ReportedRun

TREE = ClassTree.from_text("human\n\tperson\n\trider\nvehicle\n\tcar\n\t\tsedan\n\t\tvan\n\tbus\nsky")
IGNORED, NUM_NEXT = -1, 3
SIZES = [(12, 16), (9, 14), (12, 16), (16, 12), (12, 16)]
EPOCHS = 3
# Names that would be code or markup if they were not text.
HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "\"quoted\" 'twice' \\ `${1}`",
    "--><b>&amp;&lt;b",
    "\u05d0\u05d1 right to left",
    "emoji \U0001f6b2 \u00e9",
]
HOSTILE_TREE = ClassTree.from_paths([(HOSTILE[0].replace("/", ""), name.replace("/", "")) for name in HOSTILE])


def examples(tree=TREE, sizes=SIZES, seed=0):
    """Images with labels at any node and without, in regions so that predictions can agree with them."""
    rng = np.random.default_rng(seed)
    for height, width in sizes:
        labels = rng.integers(0, tree.num_nodes, (3, 4)).repeat(6, axis=0).repeat(4, axis=1)[:height, :width].copy()
        labels[rng.random(labels.shape) < 0.1] = IGNORED
        yield rng.integers(0, 256, (height, width, 3)).astype("float32"), labels.astype("int32")


def logits(label, tree, kind, rng):
    """Scores that are right about as often as not."""
    channels = tree.num_nodes if kind == "nodes" else tree.num_leaves
    scores = rng.normal(scale=2, size=(*label.shape, channels)).astype("float32")
    for row, column in np.argwhere(label != IGNORED):
        path = tree.path(label[row, column])
        scores[row, column, path[path < channels]] += rng.normal(2, 2)
    return scores


def predictions(kind="leaves", tree=TREE, seed=0, sizes=SIZES):
    """Triples of image, label and logits, without the axis of a batch."""
    rng = np.random.default_rng(seed)
    return [(image, label, logits(label, tree, kind, rng)) for image, label in examples(tree, sizes)]


def one_by_one(triples):
    return [tuple(array[None] for array in triple) for triple in triples]


def reported(name="first", kind="leaves", tree=TREE, seed=0, sizes=SIZES, **options):
    """A run over the small examples."""
    report = TreeReport(tree, scores=kind, ignore_class=IGNORED)
    return ReportedRun(name, report, one_by_one(predictions(kind, tree, seed, sizes)), **options)


def write_log(path, tree=TREE, seed=0):
    """A log as `CSVLogger` writes it. The second epoch was not validated."""
    rng = np.random.default_rng(seed)
    levels = range(1, tree.num_levels + 1)
    names = [f"{part}{name}_{level}" for part in ("", "val_") for name in ("miou", "depth_loss") for level in levels]
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", *names])
        for epoch in range(EPOCHS):
            writer.writerow([epoch, *("NA" if epoch == 1 and name[:4] == "val_" else rng.random() for name in names)])
    return path


def arguments(script):
    """The values that a data file passes to the page."""
    text = script.read_text("ascii")
    assert text.startswith("hierseg.") and text.endswith(");\n")
    return json.loads(f"[{text.partition('(')[2][:-3]}]")


def content(index):
    (values,) = arguments(index.parent / "data" / "report.js")
    return values


def planes(text, height, width):
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8).reshape(-1, height, width)


def _nodes(parts, tree):
    """Takes the planes of nodes, of one or two bytes, off a list."""
    count = 1 if tree.num_nodes < 256 else 2
    return sum(parts.pop(0).astype(int) << 8 * i for i in range(count))


def _probabilities(parts):
    return np.cumsum(parts.pop(0), axis=1, dtype=np.uint8)


def truth(index, image, tree=TREE):
    """The labels of an image in a page; the number of nodes where there is none."""
    size = content(index)["images"][image]
    place, text = arguments(index.parent / "data" / f"{image}.js")
    assert place == image
    return _nodes(list(planes(text, size["height"], size["width"])), tree)


def prediction(index, image, run=0, tree=TREE):
    """The leaf, the probabilities by depth, and the next leaves and probabilities of an image in a page, in 8 bits."""
    size = content(index)["images"][image]
    *places, text = arguments(index.parent / "data" / f"{image}.{run}.js")
    assert places == [image, run]
    parts = list(planes(text, size["height"], size["width"]))
    leaf, path = _nodes(parts, tree), [_probabilities(parts)]
    for _ in range(1, tree.num_levels):
        path.append(path[-1] - _probabilities(parts))
    following = [(_nodes(parts, tree), _probabilities(parts)) for _ in range(min(NUM_NEXT, tree.num_leaves - 1))]
    assert not parts
    return leaf, np.array(path), following
