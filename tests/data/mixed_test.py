"""Data sets without a tree, and several of different classes, as batches of one tree's nodes."""

import re

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras import data  # noqa: E402
from hierseg_keras.data.node_table import NodeTable  # noqa: E402
from hierseg_keras.data.refusal import sentence_of  # noqa: E402
from hierseg_keras.data.training_order import interleaved  # noqa: E402
from hierseg_keras.tree import ClassTree, TreeError  # noqa: E402
from tests.data import tiny_data_sets  # noqa: E402
from tests.data.tiny_data_sets import HELEN, PET_LABEL, prepared  # noqa: E402

PETS = ClassTree.from_text("pet\n\tbody\n\tborder\nbackground")
STREETS = ClassTree.load("cityscapes")
STREET_MAP = {0: "ignore", 24: "human/person", 255: "ignore"}
# Muller & Smith's own case: faces as a whole supervise what all parts of a face have in common.
FACE_MAP = {"background": "background", "face": "foreground/face", "hair": "foreground/hair"}
MIXED = {"training": True, "tree": HELEN, "crop_size": (4, 6), "batch_size": 4, "scale_range": None}
HELEN_GRAY, FACES_GRAY = 10, 200


@pytest.fixture(scope="module")
def tiny(data_dir):
    for name in ("tiny_pets", "tiny_scenes", "tiny_streets", "tiny_helen", "tiny_faces", "tiny_colors", "tiny_turned"):
        prepared(name, data_dir)
    return data_dir


def labels(dataset):
    return np.concatenate([label for _, label in dataset.as_numpy_iterator()])


class ForeignDataSetTest:
    def test_trimap(self, tiny):
        classes = {1: "pet/body", 2: "background", 3: "pet"}
        dataset = data.load("tiny_pets", "test", tree=PETS, data_dir=tiny, class_maps={"tiny_pets": classes})
        expected = np.array([0, PETS.index("body"), PETS.index("background"), PETS.index("pet")])[PET_LABEL]
        np.testing.assert_array_equal(labels(dataset), np.stack([expected] * 3))

    def test_classes_in_three_equal_channels(self, tiny, tmp_path):
        data.ClassMap([(0, "nothing", "ignore"), (7, "person", "human/person")]).to_file(tmp_path / "map.csv")
        class_maps = {"tiny_scenes": tmp_path / "map.csv"}
        dataset = data.load("tiny_scenes", "test", tree=STREETS, data_dir=tiny, class_maps=class_maps)
        np.testing.assert_array_equal(labels(dataset)[0, :, 0], [11, 11, 255, 255])

    def test_palette_files(self, tiny):
        options = {"tree": STREETS, "data_dir": tiny, "class_maps": {"tiny_streets": STREET_MAP}}
        found = labels(data.load("tiny_streets", "test", ignore_class=-1, **options))
        np.testing.assert_array_equal(found[0], [[-1] * 8, [11] * 8, [11] * 8, [11] * 3 + [-1] * 5])
        train = data.load("tiny_streets", "train", training=True, crop_size=(8, 8), batch_size=4, **options)
        assert set(np.unique(labels(train))) == {11, 255}

    def test_colors(self, tiny):
        colors = {(0, 0, 0): "ignore", "#800000": "car", (0, 128, 0): "vegetation", "#E0E0C0": "ignore"}
        options = {"tree": STREETS, "data_dir": tiny, "class_maps": {"tiny_colors": colors}}
        car, vegetation = STREETS.index("car"), STREETS.index("vegetation")
        expected = np.array([[car] * 6, [car] * 6, [vegetation] * 6, [255] * 6])
        np.testing.assert_array_equal(labels(data.load("tiny_colors", "test", **options)), [expected] * 3)
        training = {"training": True, "crop_size": (4, 6), "batch_size": 4, "scale_range": None, "flip": False}
        np.testing.assert_array_equal(labels(data.load("tiny_colors", "train", **training, **options))[0], expected)
        del colors[0, 128, 0], colors["#E0E0C0"]
        with pytest.raises(tf.errors.InvalidArgumentError) as error:
            labels(data.load("tiny_colors", "test", **options))
        assert "tiny_colors: record 0: expected colors" in sentence_of(error.value)
        assert "Received: #008000 (6 pixels), #e0e0c0 (2 pixels)." in sentence_of(error.value)
        assert set(np.unique(labels(data.load("tiny_colors", "test", unmapped="ignore", **options)))) == {car, 255}

    def test_colors_without_a_map_of_colors_are_refused(self, tiny):
        options = {"tree": STREETS, "data_dir": tiny, "class_maps": {"tiny_colors": {0: "ignore", 128: "car"}}}
        with pytest.raises(tf.errors.InvalidArgumentError) as error:
            labels(data.load("tiny_colors", "test", **options))
        assert "20 pixels whose channels differ: #800000 (12 pixels)" in sentence_of(error.value)
        assert "pass a class table from colors to nodes" in sentence_of(error.value)

    def test_an_id_without_a_node_is_named_with_its_record(self, tiny):
        options = {"tree": STREETS, "data_dir": tiny, "class_maps": {"tiny_streets": {24: "person"}}}
        training = {"training": True, "crop_size": (4, 8), "batch_size": 1, "scale_range": None}
        for how in ({}, training):
            with pytest.raises(tf.errors.InvalidArgumentError) as error:
                labels(data.load("tiny_streets", "test", **how, **options))
            sentence = sentence_of(error.value)
            assert re.match(r"tiny_streets: a_\d: expected class ids of the data set or its class table", sentence)
            assert "Received: 0 (8 pixels), 255 (5 pixels)." in sentence
        found = labels(data.load("tiny_streets", "test", unmapped="ignore", **options))
        assert set(np.unique(found)) == {11, 255}

    def test_an_image_on_its_side_is_named(self, tiny):
        with pytest.raises(tf.errors.InvalidArgumentError) as error:
            labels(data.load("tiny_turned", "test", data_dir=tiny, tree=PETS, class_maps={"tiny_turned": {0: "pet"}}))
        sentence = sentence_of(error.value)
        assert sentence.startswith("tiny_turned: record 0: expected an image and a label map of equal size.")
        assert "an image of 4 x 6 and a label map of 6 x 4. If an EXIF tag" in sentence

    def test_what_is_missing_is_told(self, tiny):
        with pytest.raises(ValueError, match="Pass one for 'tiny_pets' with `class_maps`"):
            data.load("tiny_pets", "test", tree=PETS, data_dir=tiny)
        with pytest.raises(TreeError, match="expected a `tree`"):
            data.load("tiny_pets", "test", data_dir=tiny)
        with pytest.raises(TreeError, match=r"class table of tiny_faces: class id 2 \('hair'\)"):
            data.load("tiny_faces", "test", tree=HELEN, data_dir=tiny, class_maps={"tiny_faces": {0: "background"}})
        with pytest.raises(ValueError, match="`class_maps` expects a dict with keys among"):
            data.load("tiny_pets", "test", tree=PETS, data_dir=tiny, class_maps={1: "pet"})
        with pytest.raises(ValueError, match="unmapped='drop'"):
            data.load("tiny_pets", "test", tree=PETS, data_dir=tiny, unmapped="drop")

    def test_proposal_for_a_builder_without_names(self, tiny):
        with pytest.raises(ValueError, match="Pass a list of names"):
            data.propose_class_map(data.prepare("tiny_pets", data_dir=tiny), PETS)
        proposal = data.propose_class_map(data.prepare("tiny_faces", data_dir=tiny), HELEN)
        assert {name: node for _, name, node in proposal.rows} == FACE_MAP

    def test_sides_of_a_coarser_tree(self, tiny):
        """Declared pairs speak of the data set's classes: they follow its map, and fall away where it joins them."""
        tree = ClassTree.from_paths(["L", "R", "rest"])
        nodes = dict.fromkeys(HELEN.paths[: HELEN.num_leaves], "rest")
        eyes = {f"foreground/face/eyes/{side}_eye": node for side, node in (("left", "L"), ("right", "R"))}
        brows = {f"foreground/face/eyebrows/{side}_eyebrow": "rest" for side in ("left", "right")}
        class_maps = {"tiny_helen": nodes | eyes | brows}
        options = {**MIXED, "tree": tree, "data_dir": tiny, "class_maps": class_maps}
        plain, mirrored = [0, 0, 1, 1, 2, 2], [2, 2, 0, 0, 1, 1]
        found = {tuple(label[0]) for label in labels(data.load("tiny_helen", "train", **options))}
        assert found == {tuple(plain), tuple(mirrored)}
        found = {tuple(label[0]) for label in labels(data.load("tiny_helen", "train", flip_pairs=[], **options))}
        assert found == {tuple(plain), tuple(plain[::-1])}


class MixedDataSetsTest:
    @pytest.fixture(autouse=True)
    def mixed(self, tiny):
        def load(split="train", **options):
            class_maps = {"tiny_faces": FACE_MAP}
            names = ["tiny_helen", "tiny_faces"]
            return data.load(names, split, **{**MIXED, "data_dir": tiny, "class_maps": class_maps, **options})

        self.load = load

    def drawn(self, dataset):
        """Of how many images each data set made up an epoch: Helen's and the other one's."""
        colors = np.concatenate([image[:, 2, 2, 0] for image, _ in dataset.as_numpy_iterator()])
        return (colors == HELEN_GRAY).sum(), (colors == FACES_GRAY).sum()

    def test_classes_of_any_fineness(self):
        seen = set(np.unique(labels(self.load())))
        assert seen <= {0, 1, 4, 5, HELEN.index("hair"), HELEN.index("face"), 255}
        assert {4, HELEN.index("hair"), HELEN.index("face")} <= seen

    def test_an_epoch_is_as_many_images_as_there_are(self):
        # 12 of Helen and 24 others.
        assert len(self.load()) == 9
        helen, faces = self.drawn(self.load(batch_size=1))
        assert helen + faces == 36 and 4 <= helen <= 20

    def test_sources_are_drawn_as_often_as_they_have_images(self):
        one, other = (self.load(weights=weights) for weights in (None, [12, 24]))
        assert labels(one).tobytes() == labels(other).tobytes()

    def test_weights_say_how_often(self):
        helen, faces = self.drawn(self.load(batch_size=1, weights=[30, 1]))
        assert helen >= 30 and helen + faces == 36

    def test_every_batch_has_its_shares(self):
        train = self.load(batch_shares=[1, 3])
        batches = [image[:, 2, 2, 0] for _ in range(2) for image, _ in train.as_numpy_iterator()]
        # 36 images in all. The 12 of Helen are more than 9 batches take, and of the other 24 there are too few.
        assert len(batches) == 18
        for colors in batches:
            assert colors.tolist() == [FACES_GRAY, HELEN_GRAY, FACES_GRAY, FACES_GRAY]

    def test_one_data_set_may_fill_every_batch(self, tiny):
        options = {**MIXED, "data_dir": tiny}
        one, listed = (data.load("tiny_helen", "train", **options, **shares) for shares in ({}, {"batch_shares": [4]}))
        assert labels(one).tobytes() == labels(listed).tobytes()

    def test_weights_may_be_an_array(self):
        one, other = (self.load(weights=weights) for weights in ([30, 1], np.array([30, 1])))
        assert labels(one).tobytes() == labels(other).tobytes()

    def test_a_data_set_may_occur_twice(self, tiny):
        """Each split keeps its own level, and a class table by name applies to both."""
        options = {**MIXED, "data_dir": tiny, "class_maps": {"tiny_faces": FACE_MAP}, "flip": False}
        names, splits = ["tiny_faces", "tiny_faces"], ["train[:6]", "train[6:]"]
        train = data.load(names, splits, batch_shares=[2, 2], label_levels=[1, 4], **options)
        assert len(train) == 6
        face, hair, foreground = (HELEN.index(name) for name in ("face", "hair", "foreground"))
        for label in labels(train).reshape(6, 4, 4, 6):
            fine, coarse = label[[0, 2]], label[[1, 3]]
            assert set(np.unique(fine)) == {0, face, hair} and set(np.unique(coarse)) == {0, foreground}

    def test_each_set_has_its_own_flip_pairs(self):
        found = {tuple(label[0]) for label in labels(self.load(crop_size=(4, 6)))}
        face, hair = HELEN.index("face"), HELEN.index("hair")
        helen = {(4, 4, 5, 5, 0, 1), (1, 0, 4, 4, 5, 5)}
        assert found == helen | {(0, face, hair) * 2, (hair, face, 0) * 2}

    def test_evaluation_takes_one_after_the_other(self, tiny):
        both = self.load(["train", "test"], training=False, batch_size=9)
        assert [label.shape for _, label in both] == [(9, 4, 6), (9, 5, 6)]
        helen = data.load("tiny_helen", "train", data_dir=tiny)
        one_by_one = self.load(["train", "test"], training=False, batch_size=1)
        np.testing.assert_array_equal(labels(one_by_one.take(12)), labels(helen))

    def test_list_of_one_is_the_data_set_itself(self, tiny):
        options = {**MIXED, "data_dir": tiny}
        one, listed = (data.load(name, "train", **options) for name in ("tiny_helen", ["tiny_helen"]))
        assert [labels(one).tobytes() for _ in range(2)] == [labels(listed).tobytes() for _ in range(2)]

    def test_own_trees_must_agree(self, tiny):
        assert len(data.load(["tiny_helen", "tiny_helen"], "test", data_dir=tiny)) == 1
        with pytest.raises(ValueError, match="expects a `tree`, because the data sets have different trees"):
            data.load(["tiny_helen", "street_blocks"], "train[:1]", data_dir=tiny)

    def test_trains_a_network_on_all(self):
        import keras

        from hierseg_keras.losses import HierarchicalCrossentropy

        network = keras.Sequential([keras.layers.Conv2D(HELEN.num_leaves, 1)])
        network.compile("sgd", HierarchicalCrossentropy(HELEN))
        history = network.fit(self.load(), epochs=1, verbose=0)
        assert np.isfinite(history.history["loss"]).all()

    def test_invalid_arguments_raise(self):
        unfit = [{"batch_shares": [4]}, {"batch_shares": [2, 3]}, {"weights": [1, 1], "batch_shares": [2, 2]}]
        unfit += [{"label_levels": [1]}, {"label_levels": [1, 5]}, {"label_levels": 5}, {"label_levels": []}]
        messages = [
            r"expects one batch share per data set \(2\). Received: batch_shares=\[4\].",
            r"whose sum is `batch_size` \(4\). Received: batch_shares=\[2, 3\], whose sum is 5.",
            r"expects `weights` or `batch_shares`, .* Received: weights=\[1, 1\], batch_shares=\[2, 2\]. Omit one",
            r"expects one label level per data set \(2\). Received: label_levels=\[1\].",
            r"`label_levels` between 1, the finest level, and 4, .* Received: label_levels=\[1, 5\].",
            r"`label_levels` between 1, the finest level, and 4, .* Received: label_levels=5.",
            r"expects one label level per data set \(2\). Received: label_levels=\[\].",
        ]
        for options, message in zip(unfit, messages, strict=True):
            with pytest.raises(ValueError, match=message) as error:
                self.load(**options)
            assert "\n" not in str(error.value)
        for weights in ([1], [1, 0], [1, -1], [1, np.nan], [1, np.inf], [1, True], [1, "2"]):
            with pytest.raises(ValueError, match="one number above 0 per data set|one weight per data set .2."):
                self.load(weights=weights)
        with pytest.raises(ValueError, match="one per data set. Received: 1 for 2"):
            self.load(["train"])
        with pytest.raises(ValueError, match="36 images"):
            self.load(batch_size=40)


class LabelLevelsTest:
    """Labels of an odd tree: `hair` and `background` are shallower than most levels."""

    @pytest.fixture(autouse=True)
    def stored(self, tiny):
        self.load = lambda **options: labels(data.load("tiny_helen", "test", data_dir=tiny, **options))

    @pytest.mark.parametrize("level", [1, 2, 3, 4])
    def test_labels_are_no_finer_and_evaluation_reads_them_so_too(self, level):
        stored, coarse = self.load(), self.load(label_levels=level)
        depth = HELEN.num_levels - level + 1
        for before, after in zip(stored.ravel(), coarse.ravel(), strict=True):
            path = HELEN.path(before) if before != 255 else [255]
            assert after == path[: depth if before != 255 else 1][-1]
        assert (level == 1) == (stored == coarse).all()

    def test_ignored_pixels_stay_ignored(self, tiny):
        options = {"tree": STREETS, "data_dir": tiny, "class_maps": {"tiny_streets": STREET_MAP}, "label_levels": 2}
        found = labels(data.load("tiny_streets", "test", ignore_class=-1, **options))
        assert set(np.unique(found)) == {STREETS.index("human"), -1}

    def test_mirror_images_are_coarsened_after_their_sides_are_swapped(self):
        """Left and right below different parents: the mirror image of a left part is on the right."""
        tree = ClassTree.from_paths(["left/arm", "left/rest", "right/arm", "right/other"])
        swap, coarse = tree.swap([("left/arm", "right/arm")]), tree.depth_table[0]
        table = NodeTable({7: 0, 8: 1}, swap=swap, coarse=coarse)
        left, right = tree.index("left"), tree.index("right")
        for mirrored, expected in ((False, [left, left]), (True, [right, left])):
            assert table.look_up(tf.constant([7, 8]), tf.constant(""), mirrored).numpy().tolist() == expected


class InterleavedTest:
    def test_halves_of_a_batch_have_equal_shares(self):
        for shares in ([2, 6], [4, 4], [2, 4, 10], [8]):
            sources = interleaved(shares)
            assert np.bincount(sources).tolist() == shares
            half = len(sources) // 2
            assert np.bincount(sources[:half], minlength=len(shares)).tolist() == [share // 2 for share in shares]

    def test_order_is_even(self):
        assert interleaved([1, 3]).tolist() == [1, 0, 1, 1]


class SkipBadTest:
    def test_is_passed_where_asked(self, monkeypatch, tiny):
        import tensorflow_datasets as tfds

        builder, asked = tfds.builder, []

        def recorded(name, **options):
            asked.append(options)
            return builder(name, data_dir=tiny)

        monkeypatch.setattr(tfds, "builder", recorded)
        data.prepare("tiny_pets")
        data.prepare("tiny_pets", skip_bad=True)
        assert asked == [{"data_dir": None}, {"data_dir": None, "skip_bad": True}]

    def test_builder_that_cannot(self, tiny):
        with pytest.raises(ValueError, match="`skip_bad` expects a data set of `tfds_builders`"):
            data.prepare("tiny_pets", data_dir=tiny, skip_bad=True)


def test_tiny_data_sets_are_registered():
    assert tiny_data_sets.TinyPets.name == "tiny_pets"
