"""The class table that is proposed from the masks in a folder."""

import os
import pathlib
import sys

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("tensorflow")
from hierseg_command.options import MASK_FORMATS  # noqa: E402
from hierseg_keras.cli.main import main  # noqa: E402
from hierseg_keras.data import ClassMap  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from tests import mask_formats  # noqa: E402
from tests.mask_formats import WRITERS, color_of, hex_of, painted, palette_image, write_index  # noqa: E402
from tfds_builders.reading.masks import FORMATS, find_masks, read_mask  # noqa: E402

TREE = ClassTree.from_text("vehicle\n\tcar\n\tbus\nsky")
NAMES = ["car", "sky", "void"]
# Regions, as masks have them: 4 x 8 pixels of 0, then 2 x 8 of 1, then 2 x 8 of 2.
LABEL = np.repeat(np.uint8([0, 1, 2]), [4, 2, 2])[:, None].repeat(8, axis=1)
LABELS = {"m0": LABEL, "m1": LABEL[:6]}


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("tree.txt").write_text(TREE.to_text())

    def run(*options):
        code = main(["classes", "--masks", "masks", *options])
        return code, capsys.readouterr()

    return run


def rows_of(printed):
    """The words of the lines of the table, by the first of them."""
    lines = printed.out.split("\n\n")[1].splitlines()[1:]
    return {line.split()[0]: line.split()[1:] for line in lines}


class ClassesTest:
    def test_option_has_every_format(self):
        assert MASK_FORMATS == FORMATS

    @pytest.mark.parametrize("format_", FORMATS)
    def test_table_of_every_format_reads_its_masks(self, format_, run, tmp_path):
        WRITERS[format_][0](tmp_path / "masks", LABELS, NAMES)
        code, printed = run("--tree", "tree.txt", "--out", "classes.csv")
        assert code == 0 and printed.err == "" and f"masks: {format_}, 2 masks" in printed.out
        assert printed.out.endswith("\nclasses.csv\n")
        rows = ClassMap.from_file("classes.csv").rows
        shares = sorted(tuple(row[:3]) for row in rows_of(printed).values())
        assert shares == [("16", "14.29%", "1"), ("32", "28.57%", "2"), ("64", "57.14%", "2")]
        if format_ not in ("index", "colors"):
            assert {row[1]: row[2] for row in rows} == {"car": "vehicle/car", "sky": "sky", "void": "ignore"}
        keys = {key: number for number, row in enumerate(rows) for key in row[:2]}
        for stem, mask in find_masks("masks").masks.items():
            assert len(np.unique(read_mask(mask, keys))) == len(np.unique(LABELS[stem]))

    def test_what_is_missing_is_listed(self, run):
        write_index(pathlib.Path("masks"), LABELS, NAMES)
        pathlib.Path("names.txt").write_text("car\ncow\n")
        code, printed = run("--tree", "tree.txt", "--names", "names.txt")
        assert code == 0
        notes = printed.out.split("\n\n")[2].splitlines()
        assert notes[:3] == [
            "without a name: 2",
            "without a node: 1 (cow), 2",
            "leaves of the tree that no mask has: vehicle/bus, sky",
        ]

    def test_declared_class_that_no_mask_has_is_listed(self, run):
        WRITERS["cvat"][0](pathlib.Path("masks"), LABELS, [*NAMES, "bus"])
        assert "declared, but in no mask: bus" in run()[1].out

    def test_count_limits_the_masks_and_spreads_them(self, run):
        labels = {f"m{number}": np.full((2, 4), number, np.uint8) for number in range(10)}
        write_index(pathlib.Path("masks"), labels, NAMES)
        code, printed = run("--count", "2")
        assert code == 0 and "masks: index, 2 of 10 masks" in printed.out
        assert list(rows_of(printed)) == ["0", "5"]

    def test_existing_file_is_replaced_only_where_asked(self, run):
        write_index(pathlib.Path("masks"), LABELS, NAMES)
        pathlib.Path("classes.csv").write_text("mine")
        code, printed = run("--out", "classes.csv")
        assert code == 1 and "--overwrite" in printed.err and printed.err.count("\n") == 1
        assert pathlib.Path("classes.csv").read_text() == "mine" and printed.out == ""
        assert run("--out", "classes.csv", "--overwrite")[0] == 0
        assert len(ClassMap.from_file("classes.csv").rows) == 3

    def test_bad_file_is_named_and_the_others_are_counted(self, run):
        write_index(pathlib.Path("masks"), LABELS, NAMES)
        pathlib.Path("masks/bad.png").write_bytes(b"")
        code, printed = run("--out", "classes.csv")
        assert code == 1 and printed.err.startswith("hierseg classes: masks/bad.png: expected a PNG file")
        assert printed.err.count("\n") == 1 and len(ClassMap.from_file("classes.csv").rows) == 3

    def test_errors_are_one_line(self, run):
        sentence = "masks: expected a folder of masks. Received: nothing there. Correct the path"
        assert run()[1].err == f"hierseg classes: {sentence}\n"
        os.mkdir("masks")
        assert "an empty folder" in run()[1].err
        write_index(pathlib.Path("masks"), LABELS, NAMES)
        code, printed = run("--tree", "unknown")
        assert code == 2 and printed.err.count("\n") == 1
        code, printed = run("--names", "lost.txt")
        assert code == 1 and "lost.txt" in printed.err and printed.err.count("\n") == 1

    def test_swatches_are_for_terminals_alone(self, run, monkeypatch):
        palette_image(LABEL).save(_made("masks") / "a.png")
        assert "\x1b" not in run()[1].out
        monkeypatch.setattr(type(sys.stdout), "isatty", lambda self: True, raising=False)
        red, green, blue = color_of(1)
        assert f"\x1b[48;2;{red};{green};{blue}m  \x1b[0m 1 " in run()[1].out

    def test_colors_that_a_format_declares_are_kept_for_drawing(self, run):
        palette_image(LABEL).save(_made("masks") / "a.png")
        run("--out", "classes.csv")
        assert [row[3] for row in ClassMap.from_file("classes.csv").rows] == [hex_of(color_of(i)) for i in range(3)]

    def test_images_tell_images_from_classes(self, run):
        for stem in ("car", "sky"):
            Image.new("RGB", (8, 8)).save(_made("images") / f"{stem}.jpg")
        labels, layout = {"car": LABEL, "sky": LABEL}, "{stem}_{name}.png"
        mask_formats.write_binary(pathlib.Path("masks"), labels, ["a", "b", "c"], layout)
        code, printed = run("--images", "images")
        assert code == 0 and {row[-1] for row in rows_of(printed).values()} == {"a", "b", "c"}


class NoLabelTest:
    def nodes(self, run, *options):
        assert run("--out", "classes.csv", *options)[0] == 0
        return {row[1] or row[0]: row[2] for row in ClassMap.from_file("classes.csv").rows}

    def test_255_is_ignored_beside_small_ids_only(self, run):
        write_index(pathlib.Path("masks"), {"a": np.where(LABEL == 2, 255, LABEL).astype(np.uint8)}, NAMES)
        assert self.nodes(run) == {0: "", 1: "", 255: "ignore"}
        write_index(pathlib.Path("masks"), {"a": np.where(LABEL > 0, 255, 0).astype(np.uint8)}, NAMES)
        assert self.nodes(run, "--overwrite") == {0: "", 255: ""}

    @pytest.mark.parametrize("lines, code", [("sky\ncar\ncow\nbus", 1), ("10 car\n20 cow\n30 sky", 0)])
    def test_names_of_sparse_ids_are_numbered(self, lines, code, run):
        write_index(pathlib.Path("masks"), {stem: 10 * (label + 1) for stem, label in LABELS.items()}, NAMES)
        pathlib.Path("names.txt").write_text(lines)
        found, printed = run("--names", "names.txt")
        assert found == code
        said = "Received: 4 names of ids that no mask has, such as 'sky', and no name for 10, 20, 30. Leave lines empty"
        assert (said in printed.err) == bool(code) and ("cow" in printed.out) == (not code)

    def test_names_that_say_so_are_ignored_unless_the_tree_has_them(self, run):
        names = ["car", "Un-labeled", "void"]
        WRITERS["labelme"][0](pathlib.Path("masks"), LABELS, names)
        assert self.nodes(run) == {"Un-labeled": "", "car": "", "void": "ignore"}
        pathlib.Path("with_void.txt").write_text("car\nvoid\n")
        assert self.nodes(run, "--tree", "with_void.txt", "--overwrite")["void"] == "void"

    def test_black_is_no_certain_sign_but_vocs_border_is(self, run):
        colors = np.array([[0, 0, 0], [128, 0, 0], [224, 224, 192]], np.uint8)
        Image.fromarray(colors[LABEL]).save(_made("masks") / "a.png")
        assert self.nodes(run) == {"#000000": "", "#800000": "", "#e0e0c0": "ignore"}

    def test_cvats_background_is_ignored_unless_the_tree_has_it(self, run):
        WRITERS["cvat"][0](pathlib.Path("masks"), LABELS, ["car", "sky", "background"])
        path, color = pathlib.Path("masks/labelmap.txt"), color_of(2)
        path.write_text(path.read_text().replace(",".join(map(str, color)), "0,0,0"))
        for stem, label in LABELS.items():
            Image.fromarray(painted(label) * (label != 2)[..., None]).save(f"masks/SegmentationClass/{stem}.png")
        assert self.nodes(run, "--tree", "tree.txt") == {"car": "vehicle/car", "sky": "sky", "background": "ignore"}
        pathlib.Path("other.txt").write_text("car\nbackground\n")
        assert self.nodes(run, "--tree", "other.txt", "--overwrite")["background"] == "background"

    def test_pixels_of_no_shape_stay_open_and_of_no_segment_are_ignored(self, run):
        mask_formats.write_labelme(pathlib.Path("masks"), LABELS, NAMES)
        shapes = [mask_formats.mask_shape("car", LABEL == 0)]
        mask_formats.write_shapes(pathlib.Path("masks/m2.json"), shapes, LABEL.shape)
        assert self.nodes(run, "--tree", "tree.txt")["_background_"] == ""
        mask_formats.write_panoptic(_made("coco") / "masks", LABELS, NAMES)
        pixels = np.array(Image.open("coco/masks/m0.png"))
        pixels[:2] = 0
        Image.fromarray(pixels).save("coco/masks/m0.png")
        os.chdir("coco")
        rows = {row[1]: row for row in self.written(run)}
        assert rows["_background_"] == (0, "_background_", "ignore")

    def written(self, run):
        assert run("--out", "classes.csv")[0] == 0
        return ClassMap.from_file("classes.csv").rows

    @pytest.mark.parametrize(
        "tree, node, note",
        [
            ("car\nbackground\n", "background", "become background"),
            ("background\n\tcar\n\tsea\n", "", "need a node, or ignore if they have no label"),
            ("car\n", "", "need a node, or ignore if they have no label"),
        ],
    )
    def test_what_pixels_without_a_binary_mask_become_is_said(self, tree, node, note, run):
        mask_formats.write_binary(pathlib.Path("masks"), {"m0": LABEL, "m1": LABEL[:6]}, NAMES)
        for path in pathlib.Path("masks/sky").iterdir():
            Image.new("L", Image.open(path).size).save(path)
        pathlib.Path("other.txt").write_text(tree)
        code, printed = run("--tree", "other.txt", "--out", "classes.csv")
        assert code == 0 and f"_background_, the pixels that no binary mask covers: {note}\n" in printed.out
        assert {row[1]: row[2] for row in ClassMap.from_file("classes.csv").rows}["_background_"] == node

    def test_classes_at_internal_nodes_are_listed(self, run):
        mask_formats.write_binary(pathlib.Path("masks"), LABELS, ["vehicle", "sky", "void"])
        printed = run("--tree", "tree.txt")[1].out
        assert "at an internal node, which says nothing about the classes below it: 1 (vehicle)\n" in printed
        assert "internal" not in run()[1].out


class NamesTest:
    @pytest.mark.parametrize("line", ["{0} {1} {2}\t{name}", "{0},{1},{2},{name}", "{hex} {name}"])
    def test_names_of_colors(self, line, run):
        mask_formats.write_colors(pathlib.Path("masks"), LABELS, NAMES)
        lines = [line.format(*color_of(n), hex=hex_of(color_of(n)).upper(), name=x) for n, x in enumerate(NAMES)]
        pathlib.Path("names.txt").write_text("\n".join(["", *lines, "0 0 0 traffic light", ""]))
        code, printed = run("--tree", "tree.txt", "--names", "names.txt", "--out", "classes.csv")
        assert code == 0
        rows = {row[0]: row[1:3] for row in ClassMap.from_file("classes.csv").rows}
        nodes = zip(NAMES, ("vehicle/car", "sky", "ignore"))
        assert rows == {hex_of(color_of(number)): pair for number, pair in enumerate(nodes)}

    @pytest.mark.parametrize("line", ["car", "300 0 0 car", "#12345 car", "0 0 0"])
    def test_a_line_without_a_color_is_refused(self, line, run):
        mask_formats.write_colors(pathlib.Path("masks"), LABELS, NAMES)
        pathlib.Path("names.txt").write_text(f"1 2 3 sky\n{line}\n")
        code, printed = run("--names", "names.txt")
        assert code == 1 and "names.txt:2: expected a color and a name, such as #800000 car" in printed.err

    def test_a_color_of_two_names_is_refused(self, run):
        mask_formats.write_colors(pathlib.Path("masks"), LABELS, NAMES)
        pathlib.Path("names.txt").write_text("1 2 3 sky\n#010203 car\n")
        assert (
            "names.txt:2: expected one name per color. Received: 'sky' and 'car'" in run("--names", "names.txt")[1].err
        )

    @pytest.mark.parametrize("lines", ["#ac2f75 sky\n#010203 car\n", "1 2 3 sky\n4 5 6 car\n"])
    def test_names_of_colors_are_refused_for_ids(self, lines, run):
        write_index(pathlib.Path("masks"), LABELS, NAMES)
        pathlib.Path("names.txt").write_text(lines)
        code, printed = run("--names", "names.txt", "--out", "classes.csv")
        assert code == 1 and "because the masks hold ids. Received: colors and names, such as" in printed.err
        assert not pathlib.Path("classes.csv").exists()

    def test_an_id_of_two_names_is_refused(self, run):
        write_index(pathlib.Path("masks"), LABELS, NAMES)
        pathlib.Path("names.txt").write_text("0 sky\n0 car\n")
        said = "names.txt:2: expected one name per id. Received: 'sky' and 'car' for 0."
        assert said in run("--names", "names.txt")[1].err

    @pytest.mark.parametrize("lines, place", [("id,name\n0,sky\n1,car\n", 1), ("0 sky\n1\n2 car\n", 2)])
    def test_a_line_without_an_id_among_numbered_ones_is_refused(self, lines, place, run):
        write_index(pathlib.Path("masks"), LABELS, NAMES)
        pathlib.Path("names.txt").write_text(lines)
        code, printed = run("--names", "names.txt")
        assert code == 1 and f"names.txt:{place}: expected an id and a name, such as 7 car" in printed.err

    def test_formats_with_names_need_none(self, run):
        mask_formats.write_labelme(pathlib.Path("masks"), LABELS, NAMES)
        pathlib.Path("names.txt").write_text("car\n")
        code, printed = run("--names", "names.txt")
        assert code == 1 and "--names expects masks of the formats index or colors" in printed.err

    def test_a_folder_without_images_is_refused(self, run):
        mask_formats.write_binary(pathlib.Path("masks"), LABELS, NAMES)
        assert "lost: expected a folder of images" in run("--images", "lost")[1].err


class BlendedTest:
    def test_smoothed_masks_get_one_sentence_with_the_plain_colors(self, run):
        label = np.kron(np.random.default_rng(0).integers(0, 3, (6, 6)), np.ones((20, 20), int)).astype(np.uint8)
        Image.fromarray(painted(label)).rotate(10, Image.BICUBIC).save(_made("masks") / "a.png")
        code, printed = run("--out", "classes.csv")
        assert code == 1 and printed.out == "" and printed.err.count("\n") == 1
        assert "blended edges" in printed.err and "without smoothing" in printed.err and len(printed.err) < 700
        for id_ in range(3):
            assert hex_of(color_of(id_)) in printed.err
        assert not os.path.exists("classes.csv")

    def test_photographs_are_no_masks(self, run):
        pixels = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
        Image.fromarray(pixels).save(_made("masks") / "a.png")
        assert "as in photographs. Pass the folder of the masks" in run()[1].err

    def test_many_rare_classes_are_no_blended_edges(self, run):
        label = np.repeat(np.arange(150, dtype=np.uint8), 4)[None].repeat(3, axis=0)
        Image.fromarray(painted(label)).save(_made("masks") / "a.png")
        code, printed = run()
        assert code == 0 and len(rows_of(printed)) == 150

    def test_gray_colors_may_be_ids(self, run):
        Image.fromarray(LABEL).convert("RGB").save(_made("masks") / "a.png")
        assert "All colors are gray" in run()[1].out


def _made(folder):
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    return pathlib.Path(folder)
