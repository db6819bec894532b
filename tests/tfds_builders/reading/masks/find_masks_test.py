"""Which format a folder of masks has, and which files belong to a mask."""

import json
import os
import pickle

import numpy as np
import pytest
from PIL import Image

from tests import mask_formats
from tests.mask_formats import WRITERS, write_binary, write_colors, write_index, write_labelme, write_panoptic
from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.masks import FORMATS, described_in, find_masks

NAMES = ["sky", "road", "traffic_light"]
LABELS = {f"0{number}_left": np.random.default_rng(number).integers(0, 3, (5, 7), np.uint8) for number in range(4)}

OUTSIDE = ["../secret.png", "/etc/secret.png", "a/../../secret.png", "..\\secret.png", "", "."]


def message_of(*args, **options):
    with pytest.raises(ImageFileError) as caught:
        find_masks(*args, **options)
    return str(caught.value)


class FindMasksTest:
    def test_every_format_has_a_writer(self):
        assert tuple(WRITERS) == FORMATS

    @pytest.mark.parametrize("format_", FORMATS)
    def test_format_is_inferred(self, format_, tmp_path):
        WRITERS[format_][0](tmp_path / "masks", LABELS, NAMES)
        found = find_masks(tmp_path / "masks")
        assert (found.format, list(found.masks), found.problems) == (format_, sorted(LABELS), [])

    @pytest.mark.parametrize("format_", FORMATS)
    def test_items_can_be_pickled_and_are_small(self, format_, tmp_path):
        WRITERS[format_][0](tmp_path / "masks", LABELS, NAMES)
        for item in find_masks(tmp_path / "masks", format_).masks.values():
            content = pickle.dumps(item)
            assert pickle.loads(content) == item and len(content) < 2000

    def test_declared_classes_are_the_formats(self, tmp_path):
        colors = [mask_formats.hex_of(mask_formats.color_of(id_)) for id_ in range(3)]
        declared = {
            "index": (),
            "colors": (),
            "coco_panoptic": tuple(zip((10, 11, 12), NAMES)),
            "cvat": tuple(zip(colors, NAMES)),
            "labelme": tuple((name, name) for name in sorted(NAMES)),
            "binary": tuple((name, name) for name in sorted(NAMES)),
        }
        for format_, classes in declared.items():
            WRITERS[format_][0](tmp_path / format_, LABELS, NAMES)
            assert find_masks(tmp_path / format_).classes == classes, format_

    def test_masks_in_subfolders_are_named_by_their_path(self, tmp_path):
        write_index(tmp_path / "aachen", {"a": LABELS["00_left"]}, NAMES)
        write_index(tmp_path / "bonn", {"b": LABELS["00_left"]}, NAMES)
        assert list(find_masks(tmp_path).masks) == ["aachen/a", "bonn/b"]

    def test_links_in_circles_end(self, tmp_path):
        write_index(tmp_path, LABELS, NAMES)
        (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
        assert list(find_masks(tmp_path).masks) == sorted(LABELS)

    def test_hidden_files_are_ignored(self, tmp_path):
        write_index(tmp_path, LABELS, NAMES)
        (tmp_path / "._00_left.png").write_bytes(b"resource fork")
        assert find_masks(tmp_path).problems == []

    def test_unknown_format_lists_all(self, tmp_path):
        with pytest.raises(ValueError, match="index, colors, coco_panoptic, cvat, labelme, binary.*'yolo'"):
            find_masks(tmp_path, "yolo")

    def test_missing_folder_is_named(self, tmp_path):
        assert message_of(tmp_path / "none").startswith(f"{tmp_path}/none: expected a folder of masks")

    def test_empty_folder_and_folder_of_jpegs_are_refused(self, tmp_path):
        assert "an empty folder" in message_of(tmp_path)
        Image.new("RGB", (2, 2)).save(tmp_path / "a.jpg")
        assert "JPEG files have blended ids and colors" in message_of(tmp_path)

    def test_ids_and_colors_in_one_folder_are_ambiguous(self, tmp_path):
        write_index(tmp_path, {"a": LABELS["00_left"]}, NAMES)
        write_colors(tmp_path, {"b": LABELS["00_left"]}, NAMES)
        message = message_of(tmp_path)
        assert "index (a.png)" in message and "colors (b.png)" in message
        assert list(find_masks(tmp_path, "index").masks) == ["a", "b"]

    def test_labelmes_files_may_be_beside_their_photographs(self, tmp_path):
        write_labelme(tmp_path, LABELS, NAMES)
        for stem in LABELS:
            Image.new("RGB", (7, 5)).save(tmp_path / f"{stem}.png")
        assert find_masks(tmp_path).format == "labelme"

    def test_labelmes_files_and_masks_of_ids_are_ambiguous(self, tmp_path):
        write_labelme(tmp_path, LABELS, NAMES)
        write_index(tmp_path, LABELS, NAMES)
        message = message_of(tmp_path)
        assert "labelme (its JSON files)" in message and "index (00_left.png)" in message

    def test_other_json_files_are_no_annotations(self, tmp_path):
        write_index(tmp_path, LABELS, NAMES)
        (tmp_path / "classes.json").write_text(json.dumps({"names": NAMES}))
        assert find_masks(tmp_path).format == "index"


class FindBinaryTest:
    @pytest.mark.parametrize("layout", ["{name}/{stem}.png", "{stem}/{name}.png"])
    def test_folders_are_told_by_the_digits_in_names_of_images(self, layout, tmp_path):
        write_binary(tmp_path, {"01": LABELS["01_left"], "02": LABELS["02_left"]}, NAMES, layout)
        found = find_masks(tmp_path)
        assert (found.format, list(found.masks)) == ("binary", ["01", "02"])
        assert [name for name, _ in found.classes] == sorted(NAMES)

    @pytest.mark.parametrize("known", [{"stems": ["london", "paris"]}, {"classes": ["car", "bus"]}])
    @pytest.mark.parametrize("layout", ["{name}/{stem}.png", "{stem}/{name}.png", "{stem}_{name}.png"])
    def test_names_of_images_or_classes_decide(self, layout, known, tmp_path):
        labels = dict(zip(["london", "paris"], [LABELS["01_left"] % 2] * 2))
        write_binary(tmp_path, labels, ["car", "bus"], layout)
        found = find_masks(tmp_path, "binary", **known)
        assert (list(found.masks), found.classes) == (["london", "paris"], (("bus", "bus"), ("car", "car")))

    def test_names_that_can_be_read_either_way_are_refused(self, tmp_path):
        labels = dict(zip(["london", "paris"], [LABELS["01_left"] % 2] * 2))
        write_binary(tmp_path, labels, ["car", "bus"])
        assert "Pass the folder of the images" in message_of(tmp_path, "binary")

    @pytest.mark.parametrize("known", [{"stems": LABELS}, {"classes": NAMES}])
    def test_names_with_underscores_are_split_at_known_ones(self, known, tmp_path):
        write_binary(tmp_path, LABELS, NAMES, "{stem}_{name}.png")
        found = find_masks(tmp_path, "binary", **known)
        assert list(found.masks) == sorted(LABELS)
        assert [name for name, _ in found.classes] == sorted(NAMES)

    def test_several_files_per_known_image_are_binary_masks(self, tmp_path):
        write_binary(tmp_path, LABELS, NAMES, "{stem}_{name}.png")
        assert find_masks(tmp_path, stems=LABELS).format == "binary"

    def test_a_damaged_file_does_not_hide_the_format(self, tmp_path):
        write_binary(tmp_path, LABELS, NAMES)
        (tmp_path / "road" / "00_left.png").write_bytes(b"")
        assert find_masks(tmp_path).format == "binary"

    def test_the_same_names_in_several_folders_may_be_ids(self, tmp_path):
        write_index(tmp_path / "a", LABELS, NAMES)
        write_index(tmp_path / "b", LABELS, NAMES)
        found = find_masks(tmp_path)
        assert found.format == "index" and len(found.masks) == 8

    def test_stray_file_is_a_problem(self, tmp_path):
        write_binary(tmp_path, LABELS, NAMES)
        write_index(tmp_path, {"legend": LABELS["00_left"]}, NAMES)
        (problem,) = find_masks(tmp_path, "binary").problems
        assert problem.startswith(f"{tmp_path}/legend.png: expected a name of the layout")


class FindPanopticTest:
    def test_json_file_may_be_in_the_folder_or_above_both(self, tmp_path):
        write_panoptic(tmp_path / "panoptic_val", LABELS, NAMES)
        beside = find_masks(tmp_path / "panoptic_val")
        above = find_masks(tmp_path)
        os.replace(tmp_path / "panoptic_val.json", tmp_path / "panoptic_val" / "all.json")
        inside = find_masks(tmp_path / "panoptic_val")
        assert beside == above == inside and list(beside.masks) == sorted(LABELS)

    def test_two_json_files_are_refused(self, tmp_path):
        write_panoptic(tmp_path / "a", LABELS, NAMES)
        write_panoptic(tmp_path / "b", LABELS, NAMES)
        assert "Received: a.json, b.json" in message_of(tmp_path, "coco_panoptic")

    def test_missing_mask_is_a_problem(self, tmp_path):
        write_panoptic(tmp_path / "a", LABELS, NAMES)
        (tmp_path / "a" / "01_left.png").unlink()
        found = find_masks(tmp_path / "a")
        assert len(found.masks) == 3
        assert found.problems == [
            f"{tmp_path}/a/01_left.png: expected the mask that a.json lists. Received: nothing there"
        ]

    @pytest.mark.parametrize("name", OUTSIDE)
    def test_file_names_outside_of_the_folder_are_not_opened(self, name, tmp_path):
        folder = tmp_path / "data" / "masks"
        write_panoptic(folder, LABELS, NAMES)
        Image.new("RGB", (2, 2)).save(tmp_path / "data" / "secret.png")
        record = json.loads((tmp_path / "data" / "masks.json").read_text())
        record["annotations"][0]["file_name"] = name
        (tmp_path / "data" / "masks.json").write_text(json.dumps(record))
        found = find_masks(folder)
        assert len(found.masks) == 3 and len(found.problems) == 1
        assert found.problems[0].startswith(f"{folder}.json: expected file names below {folder}. Received: {name!r}")

    def test_unknown_category_is_a_problem(self, tmp_path):
        write_panoptic(tmp_path / "a", LABELS, NAMES)
        record = json.loads((tmp_path / "a.json").read_text())
        record["annotations"][0]["segments_info"][0]["category_id"] = 99
        (tmp_path / "a.json").write_text(json.dumps(record))
        (problem,) = find_masks(tmp_path / "a").problems
        assert problem.startswith(f"{tmp_path}/a.json: 00_left.png: expected a category in `categories`")
        assert "category_id=99" in problem

    def changed(self, folder, change):
        """The masks after `change` was applied to the annotations of the first one."""
        write_panoptic(folder, LABELS, NAMES)
        record = json.loads(folder.with_name("a.json").read_text())
        change(record["annotations"])
        folder.with_name("a.json").write_text(json.dumps(record))
        return find_masks(folder)

    def test_a_segment_of_two_categories_is_a_problem(self, tmp_path):
        def change(annotations):
            segments = annotations[0]["segments_info"]
            segments.append({**segments[0], "category_id": 10 + (segments[0]["category_id"] - 9) % 3})

        found = self.changed(tmp_path / "a", change)
        assert list(found.masks) == sorted(LABELS)[1:]
        (problem,) = found.problems
        assert problem.startswith(f"{tmp_path}/a.json: 00_left.png: expected one category per segment. Received: ")

    def test_a_segment_that_is_repeated_is_read_once(self, tmp_path):
        def change(annotations):
            annotations[0]["segments_info"] *= 2

        found = self.changed(tmp_path / "a", change)
        write_panoptic(tmp_path / "b", LABELS, NAMES)
        once = find_masks(tmp_path / "b").masks["00_left"]
        assert not found.problems and found.masks["00_left"].segments == once.segments

    def test_a_mask_of_two_annotations_is_left_out(self, tmp_path):
        found = self.changed(tmp_path / "a", lambda annotations: annotations.append(annotations[0]))
        (problem,) = found.problems
        assert "00_left: expected one annotation per mask. Received: 2" in problem
        assert list(found.masks) == sorted(LABELS)[1:]


class DescribedInTest:
    def test_files_beside_the_folder_are_listed(self, tmp_path):
        write_panoptic(tmp_path / "coco", LABELS, NAMES)
        assert described_in(tmp_path / "coco", "coco_panoptic") == [tmp_path / "coco.json"]
        WRITERS["cvat"][0](tmp_path / "cvat", LABELS, NAMES)
        names = ("labelmap.txt", "ImageSets/Segmentation/default.txt")
        expected = [tmp_path / "cvat" / name for name in names]
        assert described_in(tmp_path / "cvat" / "SegmentationClass", "cvat") == expected
        assert described_in(tmp_path / "coco", "index") == described_in(tmp_path / "none", "coco_panoptic") == []


class FindCvatTest:
    def test_the_folder_of_masks_may_be_given(self, tmp_path):
        WRITERS["cvat"][0](tmp_path, LABELS, NAMES)
        assert find_masks(tmp_path / "SegmentationClass") == find_masks(tmp_path)

    def test_listed_image_without_mask_is_a_problem(self, tmp_path):
        WRITERS["cvat"][0](tmp_path, LABELS, NAMES)
        (tmp_path / "SegmentationClass" / "02_left.png").unlink()
        (problem,) = find_masks(tmp_path).problems
        assert problem.startswith(f"{tmp_path}/ImageSets/Segmentation/default.txt:3: expected the mask of '02_left'")

    def test_damaged_lines_of_the_label_map_are_all_named(self, tmp_path):
        WRITERS["cvat"][0](tmp_path, LABELS, NAMES)
        (tmp_path / "labelmap.txt").write_text("# label\nsky:1,2,3::\nroad:1,2::\nsea:1,2,3::\n:4,5,6::\nx:1,2,999::\n")
        message = message_of(tmp_path)
        places = [line.partition(": ")[0].rpartition(":")[2] for line in message.splitlines()]
        assert places == ["3", "4", "5", "6"]
        assert "one label per color. Received: #010203 for 'sky' and 'sea'" in message

    def test_names_may_contain_colons(self, tmp_path):
        WRITERS["cvat"][0](tmp_path, LABELS, NAMES)
        (tmp_path / "labelmap.txt").write_text("street: left:1,2,3:wheel:parked\n")
        assert find_masks(tmp_path).classes == (("#010203", "street: left"),)

    def test_export_without_label_map_is_refused(self, tmp_path):
        write_colors(tmp_path / "SegmentationClass", LABELS, NAMES)
        assert "expected labelmap.txt and the folder SegmentationClass" in message_of(tmp_path, "cvat")
