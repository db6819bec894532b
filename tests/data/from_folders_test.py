import os
import pathlib
import re
import shutil
import sys
import unicodedata

import numpy as np
import pytest
from PIL import Image

tf = pytest.importorskip("tensorflow")
import hierseg_keras as hs  # noqa: E402
from hierseg_keras.tree import TreeError  # noqa: E402
from tests import image_folders, mask_formats  # noqa: E402
from tests.image_folders import NO_LABEL, TREE  # noqa: E402
from tfds_builders.folders.named_pairs import find_pairs  # noqa: E402
from tfds_builders.folders.split_groups import hash_shares  # noqa: E402
from tfds_builders.reading.file_problems import ImageFileError  # noqa: E402

NAMES = [f"scene_{number}" for number in range(12)]


def sizes_of(builder):
    return {name: split.num_examples for name, split in builder.info.splits.items()}


def files_of(builder, split):
    import tensorflow_datasets as tfds

    return {example["file_name"].decode() for example in tfds.as_numpy(builder.as_dataset(split=split))}


def batches(source, split="train", **options):
    return list(hs.data.load(source, split, **options).as_numpy_iterator())


@pytest.fixture
def folder(tmp_path):
    image_folders.write_pairs(tmp_path, NAMES)
    return tmp_path


@pytest.fixture
def prepare(folder):
    def run(images="images", masks="masks", tree=TREE, **options):
        options = {"val_share": 0.4, "data_dir": folder / "prepared", **options}
        return hs.data.from_folders(folder / images, folder / masks, tree, **options)

    return run


class FromFoldersTest:
    def test_names_of_classes_that_masks_do_not_have_are_refused(self, prepare):
        # They would be numbered in the order of the dict.
        for classes in ({"1": "sky", "0": "person"}, {0: "sky", "road": "person"}):
            with pytest.raises(TreeError, match="masks of the format index have no names. Received: '"):
                prepare(classes=classes)

    def test_folders_of_which_one_contains_the_other_are_refused(self, prepare, folder):
        image_folders.write_pair(folder, "val/a", 0)
        inside = {"val_images": folder / "images" / "val", "val_masks": folder / "masks" / "val"}
        with pytest.raises(ValueError, match="expects folders of which none contains the other"):
            prepare(**inside)

    def test_files_that_cannot_be_used_are_not_omitted_because_they_were_once(self, prepare, folder):
        (folder / "images" / "scene_3.png").write_bytes(b"no image")
        prepare(skip_bad=True)
        with pytest.raises(ValueError, match="scene_3.png"):
            prepare()

    def test_pixels_and_labels_are_those_of_the_files(self, prepare):
        builder = prepare()
        found = {}
        for split in ("train", "validation"):
            for name, (image, label) in zip(names_in_order(builder, split), batches(builder, split, batch_size=1)):
                found[name] = image[0], label[0]
        assert sorted(found) == sorted(f"{name}.png" for name in NAMES)
        for number, name in enumerate(NAMES):
            image, label = image_folders.example(number, (12 + number % 3, 16))
            np.testing.assert_array_equal(found[f"{name}.png"][0], image)
            np.testing.assert_array_equal(found[f"{name}.png"][1], label)

    def test_folders_arrays_and_data_sets_give_equal_batches(self, prepare):
        builder = prepare()
        stored = batches(builder, batch_size=1)
        images, labels = [image[0].astype(np.uint8) for image, _ in stored], [label[0] for _, label in stored]
        examples = tf.data.Dataset.from_generator(
            lambda: zip(images, labels),
            output_signature=(tf.TensorSpec((None, None, 3), tf.uint8), tf.TensorSpec((None, None), tf.int32)),
        )
        sources = [builder, hs.data.from_arrays(images, labels, TREE), hs.data.from_dataset(examples, TREE)]
        for options in ({"training": True, "crop_size": (10, 10), "seed": 3, "batch_size": 2}, {"batch_size": 3}):
            one, *others = (batches(source, **options) for source in sources)
            assert len(one) > 2
            for other in others:
                for (image, label), (other_image, other_label) in zip(one, other, strict=True):
                    np.testing.assert_array_equal(image, other_image)
                    np.testing.assert_array_equal(label, other_label)

    def test_it_mixes_with_other_data_sets(self, prepare, data_dir):
        street = hs.ClassTree.load("street_blocks")
        own = prepare(tree=street, classes={0: "human", 1: "vehicle/car", 2: "sky", NO_LABEL: "ignore"})
        options = {"batch_size": 4, "batch_shares": [1, 3], "data_dir": str(data_dir)}
        splits = ["train", "train[:8]"]
        train = hs.data.load([own, "street_blocks"], splits, training=True, crop_size=(12, 16), **options)
        for _, label in train.as_numpy_iterator():
            assert set(np.unique(label[1])) <= {street.index(name) for name in ("human", "vehicle/car", "sky")} | {
                NO_LABEL
            }

    def test_every_mask_format_gives_the_same_labels(self, folder, prepare):
        names = ["person", "rider", "sky"]
        labels = {name: image_folders.example(n, (12 + n % 3, 16))[1] % 3 for n, name in enumerate(NAMES)}
        found = []
        for write in ("index", "colors", "panoptic", "cvat", "labelme", "binary"):
            masks = folder / write
            masks.mkdir()
            getattr(mask_formats, f"write_{write}")(masks, labels, names)
            table = None
            if write == "index":
                table = dict(enumerate(names))
            if write == "colors":
                table = {mask_formats.hex_of(mask_formats.color_of(n)): name for n, name in enumerate(names)}
            builder = prepare(masks=write, classes=table)
            found.append([label.tolist() for _, label in batches(builder, batch_size=1)])
        assert all(labels == found[0] for labels in found) and found[0]

    def test_names_that_are_no_nodes_are_listed_with_what_to_do(self, folder, prepare):
        labels = {name: image_folders.example(n, (12 + n % 3, 16))[1] % 3 for n, name in enumerate(NAMES)}
        (folder / "binary").mkdir()
        mask_formats.write_binary(folder / "binary", labels, ["person", "cow", "horse"])
        with pytest.raises(TreeError) as caught:
            prepare(masks="binary")
        assert "'cow', 'horse'" in str(caught.value) and "person" not in str(caught.value).split("Received")[1]
        assert f"hierseg classes --masks {folder / 'binary'}" in str(caught.value)

    def test_colors_without_a_table_are_refused_with_what_to_do(self, folder, prepare):
        (folder / "colors").mkdir()
        mask_formats.write_colors(folder / "colors", {name: np.zeros((12, 16), int) for name in NAMES}, ["sky"])
        with pytest.raises(TreeError, match="expected a class table.*hierseg classes --masks"):
            prepare(masks="colors")

    def test_ids_that_are_no_leaves_are_named_with_what_to_do(self, folder, prepare):
        Image.fromarray(np.full((12, 16), 7, np.uint8)).save(folder / "masks" / "scene_0.png")
        with pytest.raises(ValueError, match=r"scene_0.png: .* id 7 \(192 pixels\). Without a class table, ids are"):
            prepare()

    @pytest.mark.parametrize("masks", ["masks", "colors", "palette"])
    def test_a_table_of_numbers_for_colors_is_refused_and_the_reverse(self, masks, folder, prepare):
        labels = {name: image_folders.example(n, (12 + n % 3, 16))[1] % 3 for n, name in enumerate(NAMES)}
        if masks != "masks":
            getattr(mask_formats, f"write_{masks}")(folder / masks, labels, ["person", "rider", "sky"])
        numbers = {0: "person", 1: "rider", 2: "sky"}
        colors = {mask_formats.hex_of(mask_formats.color_of(n)): node for n, node in numbers.items()}
        if masks == "colors":
            with pytest.raises(
                TreeError, match="expected colors in the column `id` .* has numbers, such as 0. Replace"
            ):
                prepare(masks=masks, classes=numbers)
            return
        options = {} if masks == "masks" else {"format": "index"}
        with pytest.raises(TreeError, match="expected numbers in the column `id` .* has colors, such as #"):
            prepare(masks=masks, classes=colors, **options)

    def test_palette_files_with_a_table_of_colors_are_read_by_color(self, folder, prepare):
        (folder / "palette").mkdir()
        for name in NAMES:
            image = Image.new("P", (16, 12 + NAMES.index(name) % 3), 1)
            image.putpalette([0, 0, 0, 200, 10, 10])
            image.save(folder / "palette" / f"{name}.png")
        builder = prepare(masks="palette", classes={"#c80a0a": "human"})
        assert {int(node) for _, label in batches(builder, batch_size=1) for node in np.unique(label)} == {3}

    @pytest.mark.parametrize(
        "options, expected",
        [
            ({"val_share": 1}, "`val_share`"),
            ({"val_images": "images"}, "expects `val_images` and `val_masks`, or neither"),
            ({"val_images": "x", "val_masks": "y", "groups": "(a)"}, "Omit one of them"),
            ({"val_images": "images", "val_masks": "masks"}, "folders of which none contains the other"),
            ({"images": "nothing"}, "nothing: expected a folder of images. Received: nothing there. Correct the path"),
            ({"masks": "nothing"}, "nothing: expected a folder of masks. Received: nothing there. Correct the path"),
            ({"images": "masks/scene_0.png"}, "expected a folder of images. Received: a file"),
            ({"format": "gif"}, "gif"),
        ],
    )
    def test_refused_arguments(self, folder, prepare, monkeypatch, options, expected):
        monkeypatch.chdir(folder)
        with pytest.raises(ValueError, match=expected) as caught:
            prepare(**options)
        assert "\n" not in str(caught.value)


def names_in_order(builder, split):
    import tensorflow_datasets as tfds

    return [example["file_name"].decode() for example in tfds.as_numpy(builder.as_dataset(split=split))]


class SplitsTest:
    def test_a_new_image_moves_no_other_one(self, folder, prepare):
        before = files_of(prepare(), "validation")
        for number in range(12, 20):
            image_folders.write_pair(folder, f"scene_{number}", number)
        after = files_of(prepare(), "validation")
        assert before == after & {f"{name}.png" for name in NAMES} and 0 < len(before) < 12

    def test_groups_stay_together(self, folder, prepare):
        for video in "abcdef":
            for frame in range(3):
                image_folders.write_pair(folder, f"{video}_{frame}", frame)
        builder = prepare(groups=r"^(.*)_\d+$")
        train, validation = ({name.split("_")[0] for name in files_of(builder, s)} for s in ("train", "validation"))
        assert train and validation and not train & validation

    def test_groups_of_a_table_stay_together(self, folder, prepare):
        rows = [f"{name}.png,{'one' if number % 2 else 'two'}" for number, name in enumerate(NAMES)]
        (folder / "groups.csv").write_text("\n".join(["name,group", *rows]))
        share = np.mean(list(hash_shares(["one", "two"]).values()))
        found = files_of(prepare(groups=folder / "groups.csv", val_share=float(share)), "train")
        even = {f"{name}.png" for name in NAMES[::2]}
        assert found in (even, {f"{name}.png" for name in NAMES} - even)
        (folder / "groups.csv").write_text("\n".join(rows[:-2]))
        with pytest.raises(ValueError, match="Received: 2 of 12 images without one, the first scene_10"):
            prepare(groups=folder / "groups.csv")

    def test_images_of_a_subfolder_are_a_group(self, tmp_path):
        names = [f"{video}/{frame}" for video in ("a b", "ü", "c", "d", "e") for frame in range(2)]
        folders = image_folders.write_pairs(tmp_path, names)
        builder = hs.data.from_folders(*folders, TREE, val_share=0.5, data_dir=tmp_path / "prepared")
        train, validation = ({name.split("/")[0] for name in files_of(builder, s)} for s in ("train", "validation"))
        assert train and validation and not train & validation and train | validation == {"a b", "ü", "c", "d", "e"}

    @pytest.mark.parametrize("share, what", [(1e-4, "none"), (1 - 1e-9, "all")])
    def test_without_images_for_both_all_are_for_training_and_a_share_is_named(self, share, what, prepare):
        builder = prepare(val_share=share)
        assert sizes_of(builder) == {"train": 12} and len(batches(builder)) == 2
        with pytest.raises(ValueError, match=rf"With val_share=\S+, {what} of 12 images would fall into") as caught:
            hs.data.load(builder, "validation[:50%]")
        share = float(str(caught.value).split("Pass val_share=")[1].split(",")[0])
        assert sizes_of(prepare(val_share=share))["validation"] >= 1
        with pytest.raises(ValueError, match="Unknown split 'tests'"):
            hs.data.load(builder, "tests")

    def test_one_image_is_for_training(self, tmp_path):
        folders = image_folders.write_pairs(tmp_path, ["only"])
        builder = hs.data.from_folders(*folders, TREE, data_dir=tmp_path / "prepared")
        assert sizes_of(builder) == {"train": 1}
        with pytest.raises(ValueError, match="There is one image, .* Add images, or pass `val_images`"):
            hs.data.load(builder, "validation")

    def test_one_group_is_for_training_and_the_way_out_is_named(self, tmp_path):
        folders = image_folders.write_pairs(tmp_path, [f"day/{number}" for number in range(6)])
        options = {"tree": TREE, "val_share": 0.5, "data_dir": tmp_path / "prepared"}
        builder = hs.data.from_folders(*folders, **options)
        assert sizes_of(builder) == {"train": 6}
        with pytest.raises(ValueError, match=r"All 6 images are in the subfolder day, .* Pass groups='\(.\+\)'"):
            hs.data.load(builder, "validation")
        assert set(sizes_of(hs.data.from_folders(*folders, groups="(.+)", **options))) == {"train", "validation"}
        builder = hs.data.from_folders(*folders, groups="^(d)", **options)
        with pytest.raises(ValueError, match="All 6 images are of one group, 'd', .* Pass `groups` that make"):
            hs.data.load(builder, "validation")

    def test_folders_of_validation_are_the_split(self, folder, prepare):
        for kind in ("images", "masks"):
            (folder / f"val_{kind}").mkdir()
            shutil.move(folder / kind / "scene_3.png", folder / f"val_{kind}")
        builder = prepare(val_images=folder / "val_images", val_masks=folder / "val_masks")
        assert sizes_of(builder) == {"train": 11, "validation": 1} and files_of(builder, "validation") == {
            "scene_3.png"
        }

    @pytest.mark.parametrize("format_", ["panoptic", "labelme", "binary"])
    def test_a_class_may_be_in_the_masks_of_the_validation_alone(self, format_, folder, prepare):
        names = ["person", "rider", "sky"]
        labels = {name: image_folders.example(n, (12 + n % 3, 16))[1] % 3 for n, name in enumerate(NAMES)}
        (folder / "val_images").mkdir()
        shutil.move(folder / "images" / "scene_3.png", folder / "val_images")
        parts = {"few": {name: np.minimum(label, 1) for name, label in labels.items() if name != "scene_3"}}
        parts["all"] = {"scene_3": labels["scene_3"]}
        for part, label in parts.items():
            (folder / part).mkdir()
            getattr(mask_formats, f"write_{format_}")(folder / part, label, names[: 2 if part == "few" else 3])
        builder = prepare(masks="few", val_images=folder / "val_images", val_masks=folder / "all")
        (label,) = (label for _, label in batches(builder, "validation", batch_size=1))
        np.testing.assert_array_equal(label[0], labels["scene_3"])

    def test_masks_of_0_and_255_alone_are_told_unless_there_is_a_table(self, folder, prepare):
        for number, name in enumerate(NAMES):
            label = np.where(image_folders.example(number, (12 + number % 3, 16))[1] > 0, 255, 0).astype(np.uint8)
            Image.fromarray(label).save(folder / "masks" / f"{name}.png")
        with pytest.warns(UserWarning, match=r"first 8 masks hold 0 and 255 alone. .* {0: 'person', 255: 'rider'}"):
            prepare()
        # Again with the prepared data set, but not where a table says what 255 is.
        with pytest.warns(UserWarning, match="first 8 masks hold 0 and 255 alone"):
            prepare()
        with pytest.warns(UserWarning, match="{0: 'ignore', 255: 'person'}"):
            prepare(tree=hs.ClassTree(["person"]))
        builder = prepare(classes={0: "sky", 255: "person"})
        assert {*np.unique([label for _, label in batches(builder, batch_size=1, size=(12, 16))])} == {0, 2}

    @pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
    def test_a_name_in_another_encoding_is_one_problem(self, folder, prepare):
        for kind in ("images", "masks"):
            path = os.fsencode(folder / kind)
            os.rename(path + b"/scene_3.png", path + b"/caf\xe9.png")
        with pytest.raises(ImageFileError) as caught:
            prepare()
        assert len(caught.value.problems) == 2 and all("expected a name in UTF-8" in p for p in caught.value.problems)


class NamesTest:
    def test_names_that_pair_ambiguously_are_refused(self, tmp_path):
        folders = image_folders.write_pairs(tmp_path, ["a/x", "b/x", "c/y"])
        shutil.copy(tmp_path / "masks" / "a" / "x.png", tmp_path / "masks")
        shutil.copy(tmp_path / "masks" / "c" / "y.png", tmp_path / "masks")
        for name in "abc":
            shutil.rmtree(tmp_path / "masks" / name)
        with pytest.raises(ValueError, match="one image and one mask of the name x. Received: 2 images, a/x, b/x"):
            hs.data.from_folders(*folders, TREE, data_dir=tmp_path / "prepared")

    def test_masks_may_lie_in_other_subfolders(self, tmp_path):
        images, masks = image_folders.write_pairs(tmp_path, ["x", "y", "z", "u", "v", "w"])
        for letter in "xyz":
            (images / letter).mkdir()
            shutil.move(images / f"{letter}.png", images / letter)
        builder = hs.data.from_folders(images, masks, TREE, val_share=0.5, data_dir=tmp_path / "prepared")
        assert sum(sizes_of(builder).values()) == 6

    def test_masks_of_other_subfolders_are_not_used(self, tmp_path):
        names = [f"{folder}/{number}" for folder in "ab" for number in range(6)]
        folders = image_folders.write_pairs(tmp_path, names)
        (tmp_path / "masks" / "d").mkdir()
        shutil.move(tmp_path / "masks" / "b" / "4.png", tmp_path / "masks" / "d")
        options = {"tree": TREE, "groups": "(.+)", "val_share": 0.4, "data_dir": tmp_path / "prepared"}
        with pytest.raises(ValueError) as caught:
            hs.data.from_folders(*folders, **options)
        problem = f"{tmp_path}/images/b/4.png: expected one mask of the same name in {tmp_path}/masks. Received: none. "
        assert f"{problem}The mask d/4 is in another" in str(caught.value)
        assert sum(sizes_of(hs.data.from_folders(*folders, skip_bad=True, **options)).values()) == 11

    def test_two_images_of_one_name_are_refused(self, folder, prepare):
        Image.new("RGB", (16, 12)).save(folder / "images" / "scene_0.jpg")
        with pytest.raises(ValueError, match="scene_0.png: expected one file per name. Received: scene_0.jpg"):
            prepare()

    def test_masks_below_the_images_are_no_images(self, tmp_path):
        images, masks = image_folders.write_pairs(tmp_path, NAMES)
        shutil.move(masks, images / "labels")
        builder = hs.data.from_folders(images, images / "labels", TREE, val_share=0.4, data_dir=tmp_path / "prepared")
        assert sum(sizes_of(builder).values()) == 12

    def test_images_without_masks_are_named(self, folder, prepare):
        for name in ("scene_3", "scene_5"):
            os.remove(folder / "masks" / f"{name}.png")
        problem = r"images/scene_3.png: expected one mask .* 1 more file has this problem: .*images/scene_5.png"
        with pytest.raises(ValueError, match=problem):
            prepare()
        builder = prepare(skip_bad=True)
        assert sum(sizes_of(builder).values()) == 10
        left_out = pathlib.Path(builder.data_dir, "left_out.txt").read_text().splitlines()
        assert [re.search(r"scene_\d", line)[0] for line in left_out] == ["scene_3", "scene_5"]

    def test_a_jpeg_file_among_masks_is_named(self, folder, prepare):
        os.remove(folder / "masks" / "scene_3.png")
        Image.new("RGB", (16, 12)).save(folder / "masks" / "scene_3.jpg")
        with pytest.raises(ValueError) as caught:
            prepare()
        assert len(caught.value.args[0].splitlines()) == 1
        assert "masks/scene_3.jpg: expected a PNG mask. Received: a JPEG file." in str(caught.value)

    def test_masks_without_images_are_named(self, folder, prepare):
        os.remove(folder / "images" / "scene_3.png")
        with pytest.raises(ValueError, match="masks/scene_3: expected one image of the same name .* Received: none"):
            prepare()

    def test_an_empty_folder_is_named(self, folder, prepare):
        (folder / "empty").mkdir()
        remedy = "Received: an empty folder. Put .* or pass the folder that has them"
        for options, what in (
            ({"images": "empty"}, "images that end in .png, "),
            ({"masks": "empty"}, "masks"),
            ({"masks": "empty", "format": "index"}, "masks that end in .png"),
            ({"masks": "empty", "format": "labelme"}, "labelme's files that end in .json"),
        ):
            with pytest.raises(ValueError, match=f"empty: expected {what}.*{remedy}"):
                prepare(**options)
        (folder / "empty" / "a.tif").touch()
        with pytest.raises(ValueError, match="empty: expected images .* Received: a.tif. "):
            prepare(images="empty")

    def test_missing_folders_are_named_together(self, prepare):
        with pytest.raises(ValueError) as caught:
            prepare(images="one", masks="two")
        assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == [
            "expected a folder of images. Received",
            "expected a folder of masks. Received",
        ]


class BadFilesTest:
    """One bad file is named; with `skip_bad` it is left out and listed."""

    @pytest.fixture(params=["damaged", "turned", "size", "id"])
    def bad(self, folder, request):
        image, mask = folder / "images" / "scene_4.png", folder / "masks" / "scene_4.png"
        if request.param == "damaged":
            image.write_bytes(image.read_bytes()[:80])
            return "images/scene_4.png: expected a complete PNG file"
        if request.param == "turned":
            exif = Image.Exif()
            exif[0x0112] = 6
            Image.open(image).save(folder / "images" / "scene_4.jpg", exif=exif)
            image.unlink()
            return "images/scene_4.jpg: .*EXIF orientation 6"
        Image.new("L", (3, 3) if request.param == "size" else (16, 13), 9 if request.param == "id" else 0).save(mask)
        return {
            "size": "masks/scene_4.png: expected the size of its image .*images/scene_4.png, .* Export the mask",
            "id": r"masks/scene_4.png: .* id 9 \(208",
        }[request.param]

    def test_it_is_named_or_left_out(self, bad, prepare):
        with pytest.raises(ValueError, match=bad):
            prepare()
        builder = prepare(skip_bad=True)
        assert sum(sizes_of(builder).values()) == 11
        assert "scene_4" in pathlib.Path(builder.data_dir, "left_out.txt").read_text()

    def test_different_problems_are_named_together(self, folder, prepare):
        Image.new("L", (3, 3)).save(folder / "masks" / "scene_4.png")
        Image.new("L", (16, 12), 9).save(folder / "masks" / "scene_3.png")
        Image.new("L", (16, 14), 8).save(folder / "masks" / "scene_2.png")
        os.remove(folder / "masks" / "scene_7.png")
        with pytest.raises(ValueError) as caught:
            prepare()
        lines = str(caught.value).splitlines()
        assert len(lines) == 4
        for line, expected in zip(
            lines, ("scene_7.png", "id 8 (224 pixels)", "id 9 (192 pixels)", "the size of its image")
        ):
            assert expected in line

    def test_names_are_equal_however_their_accents_are_composed(self, folder, prepare):
        for name, form in (("images", "NFC"), ("masks", "NFD")):
            path = folder / name / "scene_0.png"
            path.rename(path.with_stem(unicodedata.normalize(form, "grün")))
        builder = prepare()
        assert sum(split.num_examples for split in builder.info.splits.values()) == len(NAMES)

    def test_names_that_differ_in_their_composition_alone_stay_apart(self, folder, prepare):
        for name in ("images", "masks"):
            for number, form in ((0, "NFC"), (1, "NFD")):
                path = folder / name / f"scene_{number}.png"
                path.rename(path.with_stem(unicodedata.normalize(form, "grün")))
        pairs, problems = find_pairs(folder / "images", folder / "masks", "index", ())
        assert not problems and all(pair.mask.path.stem == pair.image.stem for pair in pairs)

    def test_images_that_training_and_validation_share_are_named(self, folder, prepare):
        for name in ("images", "masks"):
            (folder / f"val_{name}").mkdir()
            shutil.copy(folder / name / "scene_1.png", folder / f"val_{name}" / "renamed.png")
        # Also when the data set is prepared already.
        for _ in range(2):
            with pytest.warns(UserWarning, match="1 of 1 images of the validation are in the training.*renamed.png is"):
                prepare(val_images=folder / "val_images", val_masks=folder / "val_masks")

    def test_blended_colors_are_no_forgotten_classes(self, folder, prepare):
        rng = np.random.default_rng(0)
        for path in (folder / "masks").iterdir():
            Image.fromarray(rng.integers(0, 256, (*Image.open(path).size[::-1], 3), np.uint8)).save(path)
        with pytest.raises(ValueError, match="and [0-9]+ more. So many are blended edges"):
            prepare(classes={"#800000": "sky"})

    def test_what_is_wrong_in_many_files_is_shortened(self, folder, prepare):
        for number in range(12, 60):
            image_folders.write_pair(folder, f"scene_{number}", number)
            Image.new("L", (16, 12), 9).save(folder / "masks" / f"scene_{number}.png")
        with pytest.raises(ValueError) as caught:
            prepare()
        first, last = str(caught.value).splitlines()
        assert "19 more files have this problem" in first and len(caught.value.problems) == 21

    def test_a_mask_that_cannot_be_read_is_one_problem(self, folder, prepare):
        labels = {name: image_folders.example(n, (12 + n % 3, 16))[1] % 3 for n, name in enumerate(NAMES)}
        mask_formats.write_labelme(folder / "labelme", labels, ["person", "rider", "sky"])
        (folder / "labelme" / "scene_3.json").write_text("{}")
        with pytest.raises(ValueError, match="scene_3.json: expected a list as `shapes`") as caught:
            prepare(masks="labelme")
        assert "\n" not in str(caught.value)
