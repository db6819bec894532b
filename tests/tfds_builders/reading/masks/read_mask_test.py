"""Masks of every format as class ids, and masks that must not become labels."""

import json
import math
import os
import pathlib

import numpy as np
import pytest
from PIL import Image

from tests.image_samples import header_only_png
from tests.mask_formats import (
    WRITERS,
    color_of,
    hex_of,
    mask_shape,
    painted,
    palette_image,
    shape,
    write_binary,
    write_colors,
    write_panoptic,
    write_shapes,
    write_uint16,
)
from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.masks import FORMATS, count_masks, find_masks, json_file, labelme, read_mask

NAMES = ["sky", "road", "car"]
LABEL = np.random.default_rng(0).integers(0, 3, (5, 7), np.uint8)
COUNTS = np.bincount(LABEL.ravel()).tolist()
CAMVID = "Sky Building Pole Road Pavement Tree SignSymbol Fence Car Pedestrian Bicyclist Unlabelled".split()


def written(folder, format_, label=LABEL):
    """Writes one label map and returns its item and its class map."""
    write, key = WRITERS[format_]
    write(folder, {"a1": label}, NAMES)
    return find_masks(folder, format_).masks["a1"], {key(id_, name): id_ for id_, name in enumerate(NAMES)}


def pixels_of(item):
    counts, problems = count_masks({"a": item})
    assert not problems
    return {key: count.pixels for key, count in counts.items()}


def message_of(item, class_map, **options):
    with pytest.raises(ImageFileError) as caught:
        read_mask(item, class_map, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


class EveryFormatTest:
    @pytest.mark.parametrize("format_", FORMATS)
    def test_label_map_comes_back(self, format_, tmp_path):
        item, class_map = written(tmp_path / "masks", format_)
        ids = read_mask(item, class_map)
        np.testing.assert_array_equal(ids, LABEL[..., None])
        assert ids.dtype == np.uint8

    @pytest.mark.parametrize("format_", FORMATS)
    def test_pixels_are_counted_per_class(self, format_, tmp_path):
        item, class_map = written(tmp_path / "masks", format_)
        assert pixels_of(item) == {key: COUNTS[id_] for key, id_ in class_map.items()}

    @pytest.mark.parametrize("format_", FORMATS)
    def test_class_that_the_table_lacks_is_named_with_its_pixels(self, format_, tmp_path):
        item, class_map = written(tmp_path / "masks", format_)
        unknown = {key for key, id_ in class_map.items() if id_ == 2}.pop()
        message = message_of(item, {key: id_ for key, id_ in class_map.items() if key != unknown})
        assert message.startswith(f"{tmp_path}/masks/") and f"({COUNTS[2]} pixels). Add a row" in message
        assert str(unknown) in message

    @pytest.mark.parametrize("format_", FORMATS)
    def test_class_ids_above_255_have_sixteen_bits(self, format_, tmp_path):
        item, class_map = written(tmp_path / "masks", format_)
        ids = read_mask(item, {key: id_ + 1000 for key, id_ in class_map.items()})
        assert ids.dtype == np.uint16
        np.testing.assert_array_equal(ids[..., 0], LABEL + np.uint16(1000))

    @pytest.mark.parametrize("format_", ["coco_panoptic", "cvat"])
    def test_names_are_keys_too(self, format_, tmp_path):
        item, _ = written(tmp_path / "masks", format_)
        np.testing.assert_array_equal(read_mask(item, dict(zip(NAMES, range(3))))[..., 0], LABEL)

    @pytest.mark.parametrize("format_", ["index", "colors", "coco_panoptic", "cvat", "binary"])
    @pytest.mark.parametrize(
        "content, reason",
        [
            (b"", "an empty file"),
            (b"\xff\xd8\xff\xe0 a photograph", "JPEG"),
            (header_only_png(100_000, 100_000), "100000 x 100000 pixels, by its header. The file was not decoded"),
        ],
        ids=["empty", "jpeg", "bomb"],
    )
    def test_damaged_file_is_named(self, format_, content, reason, tmp_path):
        item, class_map = written(tmp_path / "masks", format_)
        (path,) = [path for path in tmp_path.rglob("a1.png") if "Object" not in str(path)][:1]
        for file in tmp_path.rglob("a1.png"):
            file.write_bytes(content)
        message = message_of(item, class_map)
        assert message.partition(": ")[0].endswith("a1.png") and reason in message

    @pytest.mark.skipif("CAMVID_DIR" not in os.environ, reason="CAMVID_DIR, the folder of CamVid's files, is not set")
    @pytest.mark.parametrize("format_", FORMATS)
    def test_camvids_label_maps_come_back(self, format_, tmp_path):
        paths = sorted(pathlib.Path(os.environ["CAMVID_DIR"], "trainannot").glob("*.png"))[:300:100]
        labels = {path.stem: np.array(Image.open(path)) for path in paths}
        write, key = WRITERS[format_]
        write(tmp_path / "masks", labels, CAMVID)
        found = find_masks(tmp_path / "masks")
        assert (found.format, list(found.masks), found.problems) == (format_, list(labels), [])
        class_map = {key(id_, name): id_ for id_, name in enumerate(CAMVID)}
        for stem, label in labels.items():
            np.testing.assert_array_equal(read_mask(found.masks[stem], class_map)[..., 0], label)


class IndexTest:
    @pytest.mark.parametrize("bits", [2, 4, 8])
    def test_palette_is_read_as_indices(self, bits, tmp_path):
        palette_image(LABEL).save(tmp_path / "a.png", bits=bits)
        ids = read_mask(find_masks(tmp_path).masks["a"], {0: 0, 1: 1, 2: 2})
        np.testing.assert_array_equal(ids[..., 0], LABEL)

    def test_one_bit_is_read_as_0_and_1(self, tmp_path):
        Image.fromarray(LABEL > 0).save(tmp_path / "a.png")
        ids = read_mask(find_masks(tmp_path).masks["a"], {0: 5, 1: 6})
        np.testing.assert_array_equal(ids[..., 0], np.where(LABEL > 0, 6, 5))

    def test_sixteen_bits_are_read_whole(self, tmp_path):
        write_uint16(tmp_path, {"a": LABEL}, NAMES)
        ids = read_mask(find_masks(tmp_path).masks["a"], {300: 0, 301: 1, 302: 2})
        np.testing.assert_array_equal(ids[..., 0], LABEL)

    def test_colors_are_refused_with_the_other_format(self, tmp_path):
        write_colors(tmp_path, {"a": LABEL}, NAMES)
        assert "use the format `colors`" in message_of(find_masks(tmp_path, "index").masks["a"], {0: 0})


class ColorsTest:
    CLASS_MAP = {hex_of(color_of(id_)): id_ for id_ in range(3)}

    def test_palette_and_opaque_alpha_are_read_as_colors(self, tmp_path):
        palette_image(LABEL).save(tmp_path / "palette.png")
        write_colors(tmp_path, {"alpha": LABEL}, NAMES, "RGBA")
        for item in find_masks(tmp_path, "colors").masks.values():
            np.testing.assert_array_equal(read_mask(item, self.CLASS_MAP)[..., 0], LABEL)

    def test_transparent_pixels_are_refused(self, tmp_path):
        image = Image.fromarray(painted(LABEL)).convert("RGBA")
        image.putpixel((1, 1), (0, 0, 0, 0))
        image.save(tmp_path / "a.png")
        assert "transparent" in message_of(find_masks(tmp_path).masks["a"], self.CLASS_MAP)

    def test_many_foreign_colors_are_not_all_listed(self, tmp_path):
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 50, 3), np.uint8)).save(tmp_path / "a.png")
        message = message_of(find_masks(tmp_path).masks["a"], self.CLASS_MAP)
        assert " more" in message and len(message) < 1000


class PanopticTest:
    def test_segment_that_the_file_does_not_list_is_named(self, tmp_path):
        write_panoptic(tmp_path / "a", {"x": LABEL}, NAMES)
        record = json.loads((tmp_path / "a.json").read_text())
        (removed, *_) = record["annotations"][0]["segments_info"]
        del record["annotations"][0]["segments_info"][0]
        (tmp_path / "a.json").write_text(json.dumps(record))
        message = message_of(find_masks(tmp_path / "a").masks["x"], {10: 0, 11: 1, 12: 2})
        assert f"segment {removed['id']}, which the JSON file does not list" in message
        assert "Export the masks again" in message
        counts, (problem,) = count_masks(find_masks(tmp_path / "a").masks)
        assert counts == {} and "x.png: expected classes that the masks' format declares. Received: segment" in problem

    def test_pixels_of_no_segment_are_background(self, tmp_path):
        write_panoptic(tmp_path / "a", {"x": LABEL}, NAMES)
        pixels = np.array(Image.open(tmp_path / "a" / "x.png"))
        pixels[0, 0] = 0
        Image.fromarray(pixels).save(tmp_path / "a" / "x.png")
        item, class_map = find_masks(tmp_path / "a").masks["x"], {10: 0, 11: 1, 12: 2}
        assert "_background_ (no segment) (1 pixel)" in message_of(item, class_map)
        assert read_mask(item, class_map | {"_background_": 9})[0, 0] == 9


class BinaryTest:
    def overlapping(self, folder):
        write_binary(folder, {"a1": LABEL}, NAMES)
        Image.fromarray(np.full((5, 7), 255, np.uint8)).save(folder / "sky" / "a1.png")
        return find_masks(folder).masks["a1"]

    def test_pixels_in_several_classes_are_refused(self, tmp_path):
        message = message_of(self.overlapping(tmp_path), {"sky": 0, "road": 1, "car": 2})
        assert "expected one class per pixel" in message
        assert f"'car' and 'sky' in {tmp_path}/car/a1.png and {tmp_path}/sky/a1.png ({COUNTS[2]} pixels)" in message
        assert f"'road' and 'sky' in {tmp_path}/road/a1.png and {tmp_path}/sky/a1.png ({COUNTS[1]} pixels)" in message

    def test_the_deeper_class_wins_over_its_ancestors(self, tmp_path):
        item = self.overlapping(tmp_path)
        ids = read_mask(item, {"sky": 0, "road": 1, "car": 2}, above={1: {0}, 2: {0, 7}})
        np.testing.assert_array_equal(ids[..., 0], LABEL)
        message = message_of(item, {"sky": 0, "road": 1, "car": 2}, above={2: {0}})
        assert "'road' and 'sky'" in message and "'car'" not in message

    def test_classes_of_one_id_may_overlap(self, tmp_path):
        ids = read_mask(self.overlapping(tmp_path), dict.fromkeys(NAMES, 3))
        assert (ids == 3).all()

    def test_three_nested_classes_end_at_the_deepest(self, tmp_path):
        for name in NAMES:
            (tmp_path / name).mkdir()
            Image.new("L", (2, 2), 255).save(tmp_path / name / "a1.png")
        item = find_masks(tmp_path, "binary", stems=["a1"]).masks["a1"]
        ids = read_mask(item, {"sky": 0, "road": 1, "car": 2}, above={2: {1, 0}, 1: {0}})
        assert (ids == 2).all()

    def test_pixels_in_no_class_are_background(self, tmp_path):
        write_binary(tmp_path, {"a1": LABEL}, NAMES)
        (tmp_path / "car" / "a1.png").unlink()
        item = find_masks(tmp_path, "binary", stems=["a1"]).masks["a1"]
        assert f"_background_ (no class) ({COUNTS[2]} pixels)" in message_of(item, {"sky": 0, "road": 1})
        ids = read_mask(item, {"sky": 0, "road": 1, "_background_": 2})
        np.testing.assert_array_equal(ids[..., 0], LABEL)

    def test_colors_and_one_bit_are_binary_too(self, tmp_path):
        write_binary(tmp_path, {"a1": LABEL}, NAMES)
        Image.open(tmp_path / "sky" / "a1.png").convert("RGB").save(tmp_path / "sky" / "a1.png")
        Image.open(tmp_path / "car" / "a1.png").convert("1").save(tmp_path / "car" / "a1.png")
        ids = read_mask(find_masks(tmp_path).masks["a1"], dict(zip(NAMES, range(3))))
        np.testing.assert_array_equal(ids[..., 0], LABEL)

    def test_more_than_two_values_are_refused(self, tmp_path):
        write_binary(tmp_path, {"a1": LABEL}, NAMES)
        item = find_masks(tmp_path).masks["a1"]
        Image.fromarray(LABEL).save(tmp_path / "road" / "a1.png")
        message = message_of(item, dict(zip(NAMES, range(3))))
        assert message.startswith(f"{tmp_path}/road/a1.png: expected two values")

    def test_masks_of_different_sizes_are_refused(self, tmp_path):
        write_binary(tmp_path, {"a1": LABEL}, NAMES)
        item = find_masks(tmp_path).masks["a1"]
        Image.new("L", (7, 6)).save(tmp_path / "sky" / "a1.png")
        message = message_of(item, dict(zip(NAMES, range(3))))
        assert f"{tmp_path}/sky/a1.png: expected the size of {tmp_path}/car/a1.png, 7 x 5. Received: 7 x 6" in message


class LabelmeTest:
    SQUARE = [[1, 1], [4, 1], [4, 3], [1, 3]]

    def item(self, folder, *shapes, size=(5, 7), **changes):
        write_shapes(folder / "a.json", list(shapes), size)
        record = json.loads((folder / "a.json").read_text()) | changes
        (folder / "a.json").write_text(json.dumps(record))
        return labelme.LabelmeMask(folder / "a.json")

    def test_later_shapes_cover_earlier_ones(self, tmp_path):
        item = self.item(tmp_path, shape("car", "rectangle", [[0, 0], [6, 4]]), shape("sky", "polygon", self.SQUARE))
        expected = np.full((5, 7), 2)
        expected[1:4, 1:5] = 1
        np.testing.assert_array_equal(read_mask(item, {"sky": 1, "car": 2})[..., 0], expected)

    def test_old_polygons_have_no_type(self, tmp_path):
        item = self.item(tmp_path, shape("car", None, self.SQUARE))
        assert pixels_of(item) == {"_background_": 23, "car": 12}

    def test_more_than_255_labels_are_told_apart(self, tmp_path):
        shapes = [shape(f"c{x}", "rectangle", [[x, 0], [x, 0]]) for x in range(300)]
        ids = read_mask(self.item(tmp_path, *shapes, size=(1, 300)), {f"c{x}": x for x in range(300)})
        np.testing.assert_array_equal(ids[0, :, 0], np.arange(300))

    def test_photographs_are_never_opened(self, tmp_path):
        square = shape("car", "polygon", self.SQUARE)
        item = self.item(tmp_path, square, imagePath="../../secret.jpg", imageData="not an image")
        assert pixels_of(item)["car"] == 12

    @pytest.mark.parametrize(
        "kind, points, reason",
        [
            ("polygon", [[0, 0], [1, 1]], "expected from 3 to 50,000 points of a polygon. Received: 2"),
            ("polygon", [[0, 0]] * 50_001, "Received: 50,001"),
            ("circle", [[0, 0]], "expected 2 points of a circle. Received: 1"),
            ("polygon", [[0, 0], [1, math.nan], [2, 2]], "Received: [1, nan]"),
            ("polygon", [[0, 0], [1, math.inf], [2, 2]], "Received: [1, inf]"),
            ("circle", [[0, 0], [1e9, 0]], "Received: [1000000000.0, 0]"),
            ("rectangle", [[0, 0], [10**400, 0]], "numbers between -100,000 and 100,000"),
            ("rectangle", [[0, 0], "11"], "Received: 11"),
            ("rectangle", [[0, 0], [True, 0]], "Received: [True, 0]"),
            ("rectangle", None, "expected a list as `points`. Received: null"),
            ("spline", [[0, 0]], "expected one of polygon, rectangle"),
            ("mask", [[0, 0], [1, 1]], "expected text as `mask`. Received: null"),
        ],
        ids=lambda value: value[:20] if isinstance(value, str) else "",
    )
    def test_shape_that_labelme_does_not_write_is_named(self, kind, points, reason, tmp_path):
        good = shape("car", "polygon", self.SQUARE)
        message = message_of(self.item(tmp_path, good, shape("sky", kind, points)), {})
        assert message.startswith(f"{tmp_path}/a.json: shape 1 ('sky'): expected") and reason in message

    @pytest.mark.parametrize(
        "mask, points, reason",
        [
            ("A", [[0, 0], [1, 1]], "a PNG file in Base64"),
            ("AAAA", [[0, 0], [1, 1]], "`mask`: expected a complete PNG file"),
            (None, [[0, 0], [2, 1]], "expected a `mask` of the size of its box, 3 x 2. Received: 2 x 2"),
            (None, [[6, 4], [7, 5]], "expected a `mask` in the image, 7 x 5"),
            (None, [[-1, 0], [0, 1]], "the box from (-1, 0) to (0, 1)"),
        ],
    )
    def test_bitmap_that_does_not_fit_is_named(self, mask, points, reason, tmp_path):
        bitmap = mask_shape("sky", np.ones((2, 2), bool)) | {"points": points}
        message = message_of(self.item(tmp_path, bitmap | ({} if mask is None else {"mask": mask})), {})
        assert message.startswith(f"{tmp_path}/a.json: shape 0 ('sky'): ") and reason in message

    @pytest.mark.parametrize(
        "changes, reason",
        [
            ({"imageHeight": None}, "expected an integer as `imageHeight`. Received: null"),
            ({"imageWidth": 0}, "from 1 pixel to 89 megapixels"),
            ({"imageWidth": 10**9, "imageHeight": 10**9}, "It was not drawn"),
            ({"shapes": {}}, "expected a list as `shapes`"),
            ({"shapes": [7]}, "shape 0: expected text as `label`. Received: 7"),
            ({"shapes": [{"label": ""}]}, "expected the name of a class"),
        ],
        ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
    )
    def test_damaged_file_is_named(self, changes, reason, tmp_path):
        message = message_of(self.item(tmp_path, **changes), {})
        assert message.startswith(f"{tmp_path}/a.json: ") and reason in message

    @pytest.mark.parametrize(
        "content, reason",
        [
            (b"", "Expecting value"),
            (b'{"shapes": [', "Expecting value"),
            (b"[" * 100_000, "nested too deep"),
            (b'{"a": ' * 100_000, "nested too deep"),
            (b"[]", "Received: a list"),
            (b"\xff\xfe{}", "codec can't decode"),
            (b'{"imageHeight": ' + b"9" * 10_000 + b"}", "digits"),
        ],
        ids=["empty", "cut", "deep list", "deep object", "list", "utf-16", "long integer"],
    )
    def test_damaged_json_is_named_and_the_other_files_are_found(self, content, reason, tmp_path):
        self.item(tmp_path, shape("car", "polygon", self.SQUARE))
        (tmp_path / "b.json").write_bytes(content)
        found = find_masks(tmp_path, "labelme")
        assert list(found.masks) == ["a"] and found.classes == (("car", "car"),)
        (problem,) = found.problems
        assert problem.startswith(f"{tmp_path}/b.json: expected") and reason in problem and "\n" not in problem

    def test_large_json_is_not_read(self, tmp_path):
        self.item(tmp_path)
        with pytest.raises(ImageFileError, match="a.json: expected at most 10 bytes"):
            json_file.read_json(tmp_path / "a.json", max_bytes=10)
