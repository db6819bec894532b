"""Shapes beside labelme's own drawing of them; see `data/README.md`."""

import json
import pathlib

import numpy as np
import PIL
import pytest

from tfds_builders.reading.masks import find_masks, read_mask


@pytest.mark.skipif(int(PIL.__version__.split(".")[0]) < 12, reason="older Pillow draws other edges, for labelme too")
def test_shapes_have_labelmes_pixels(tmp_path):
    answers = np.load(pathlib.Path(__file__).parent / "data" / "labelme_6_3_1.npz")
    files, class_map = json.loads(str(answers["files"])), {"_background_": 0}
    class_map |= {name: number for number, name in enumerate(answers["names"].tolist(), 1)}
    kinds = {shape["shape_type"] for file in files for shape in file["shapes"]}
    assert kinds == {
        "polygon",
        "rectangle",
        "oriented_rectangle",
        "circle",
        "line",
        "linestrip",
        "point",
        "mask",
    }
    for number, file in enumerate(files):
        (tmp_path / f"{number:02d}.json").write_text(json.dumps(file))
    found = find_masks(tmp_path)
    assert (found.format, found.problems) == ("labelme", [])
    labels = np.stack([read_mask(mask, class_map)[..., 0] for mask in found.masks.values()])
    np.testing.assert_array_equal(labels, answers["labels"])
