import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
import hierseg_keras as hs  # noqa: E402
from hierseg_keras.tree import TreeError  # noqa: E402
from tests.image_folders import NO_LABEL, TREE, example  # noqa: E402

PAIRS = [example(number, (10 + number % 3, 12)) for number in range(7)]
IMAGES, LABELS = [image for image, _ in PAIRS], [label for _, label in PAIRS]


def batches(source, split="train", **options):
    return list(hs.data.load(source, split, batch_size=1, **options).as_numpy_iterator())


def dataset(pairs=PAIRS):
    shapes = (tf.TensorSpec((None, None, 3), tf.uint8), tf.TensorSpec((None, None), tf.uint8))
    return tf.data.Dataset.from_generator(lambda: iter(pairs), output_signature=shapes)


def from_arrays(images=IMAGES, labels=LABELS, tree=TREE, **options):
    return hs.data.from_arrays(images, labels, tree, **options)


def from_dataset(tree=TREE, **options):
    return hs.data.from_dataset(dataset(), tree, **options)


@pytest.fixture(params=[from_arrays, from_dataset])
def make(request):
    return request.param


class InMemoryTest:
    """What arrays and data sets have in common."""

    def test_examples_come_in_order_and_unchanged(self, make):
        for (image, label), (expected_image, expected_label) in zip(batches(make()), PAIRS, strict=True):
            np.testing.assert_array_equal(image[0], expected_image)
            np.testing.assert_array_equal(label[0], expected_label)

    def test_the_split_and_its_parts(self, make):
        source = make(split="mine")
        assert hs.data.split_off(source, "mine", 0.3) == ("mine[0:5]", "mine[5:7]")
        np.testing.assert_array_equal(batches(source, "mine[5:]")[0][1][0], LABELS[5])
        with pytest.raises(ValueError, match="which has 'mine' \\(7 images\\)"):
            hs.data.load(source, "train")

    def test_a_name_of_a_split_that_tfds_reserves_is_refused(self, make):
        for name in ("all", "train[:5]", ""):
            with pytest.raises(ValueError, match="expects the name of a split"):
                make(split=name)

    def test_epochs_are_set(self, make):
        train = hs.data.load(make(), "train", training=True, crop_size=(8, 8), batch_size=2)
        passes = [[image.tobytes() for image, _ in train.as_numpy_iterator()] for _ in range(2)]
        train.set_epoch(0)
        assert passes[0] != passes[1]
        assert [image.tobytes() for image, _ in train.as_numpy_iterator()] == passes[0]

    def test_labels_may_be_ids_of_a_table(self, make):
        nodes = {0: "sky", 1: "human", 2: "rider", NO_LABEL: "ignore"}
        table = np.full(256, NO_LABEL)
        table[:3] = TREE.index("sky"), TREE.index("human"), TREE.index("rider")
        for (_, label), expected in zip(batches(make(classes=nodes)), LABELS, strict=True):
            np.testing.assert_array_equal(label[0], table[expected])
        with pytest.raises(TreeError, match="cow"):
            make(classes={0: "cow"})

    def test_internal_nodes_are_told_once_unless_a_table_says_that_they_are_meant(self, make, monkeypatch):
        """Void that is stored after the three leaves, as CamVid's 11 of 11, is the index of `human`."""
        changed = [(image, np.where(label == NO_LABEL, 3, label).astype(np.uint8)) for image, label in PAIRS]
        monkeypatch.setitem(globals(), "PAIRS", changed)
        monkeypatch.setitem(globals(), "LABELS", [label for _, label in changed])
        monkeypatch.setattr(dataset, "__defaults__", (changed,))
        monkeypatch.setattr(from_arrays, "__defaults__", (IMAGES, LABELS, TREE))
        pixels = sum((label == 3).sum() for label in LABELS)
        with pytest.warns(
            UserWarning, match=rf"internal nodes: 3 \('human', {pixels} pixels\).*{{0: .*, 3: 'ignore'}}"
        ):
            make()
        coarse = batches(make(classes=dict(enumerate(TREE.paths))))
        assert {int(node) for _, label in coarse for node in np.unique(label)} == {0, 1, 2, 3}
        void = batches(make(classes=dict(enumerate([*TREE.paths[:3], "ignore"]))))
        assert {int(node) for _, label in void for node in np.unique(label)} == {0, 1, 2, NO_LABEL}

    def test_another_pixel_without_a_label(self, make):
        labels = [np.unique(label) for _, label in batches(make(ignore_class=NO_LABEL), ignore_class=-1)]
        assert {-1} <= set(np.concatenate(labels).tolist()) <= {-1, 0, 1, 2}


class FromArraysTest:
    def test_colors_of_a_table(self):
        colors = np.array([(0, 0, 0), (200, 10, 10)], np.uint8)
        ids = np.arange(24).reshape(2, 3, 4) % 2
        source = from_arrays(
            np.zeros((2, 3, 4, 3), np.uint8), colors[ids], classes={"#000000": "sky", "#c80a0a": "human"}
        )
        np.testing.assert_array_equal(
            batches(source)[1][1][0], np.where(ids[1], TREE.index("human"), TREE.index("sky"))
        )

    @pytest.mark.parametrize(
        "classes, label",
        [({0: "sky", 1: "person"}, 2**32 + 1), ({0: "sky"}, -(2**32)), ({(1, 0, 0): "sky"}, (0, 256, 0))],
    )
    def test_labels_do_not_wrap(self, classes, label):
        label = np.broadcast_to(np.array(label, np.int64), (1, 4, 4, *np.shape(label)))
        with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="example 0"):
            hs.data.from_arrays(np.zeros((1, 4, 4, 3), np.uint8), label, TREE, classes=classes)

    def test_images_without_pixels_are_refused(self):
        with pytest.raises(ValueError, match=r"example 1: .* at least one pixel. Received: \(0, 2, 3\)"):
            from_arrays([IMAGES[0], np.zeros((0, 2, 3), np.uint8)], [LABELS[0], np.zeros((0, 2), int)])

    def test_class_that_another_tree_has_at_two_levels_raises_a_warning(self):
        tree, other = (hs.ClassTree.from_text(text) for text in ("road\nsky", "flat\n\troad\nsky\n\tsky"))
        source = hs.data.from_arrays(np.zeros((1, 2, 2, 3), np.uint8), np.ones((1, 2, 2), int), tree)
        with pytest.warns(UserWarning, match=r"nodes \['sky'\] are top classes.*write \['sky/sky'\]"):
            hs.data.load(source, "train", tree=other)

    def test_gray_images_get_three_channels(self):
        gray = np.full((5, 6), 7, np.uint8)
        source = from_arrays([gray, gray[..., None]], [np.zeros((5, 6, 1), np.int64)] * 2)
        assert all(image.shape == (1, 5, 6, 3) and (image == 7).all() for image, _ in batches(source))

    def test_large_arrays_are_shuffled_whole(self, monkeypatch):
        monkeypatch.setattr("hierseg_keras.data.record_files._MAX_CACHED_BYTES", 100)
        images = np.arange(200, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
        source = hs.data.from_arrays(images, np.zeros((200, 2, 2), np.uint8), TREE)
        options = {"training": True, "crop_size": (2, 2), "scale_range": None, "shuffle_buffer": 10, "batch_size": 50}
        first, _ = next(iter(hs.data.load(source, "train", **options)))
        assert first.numpy().max() > 150

    def test_a_tree_of_more_than_255_nodes(self):
        tree = hs.ClassTree.from_text("\n".join(f"class_{number}" for number in range(300)))
        source = from_arrays([IMAGES[0]], [np.full((10, 12), 299)], tree, ignore_class=-1)
        assert (batches(source, ignore_class=-1)[0][1] == 299).all()

    @pytest.mark.parametrize(
        "images, labels, expected",
        [
            ([], [], "0 images and 0 labels"),
            (IMAGES, LABELS[:3], "7 images and 3 labels"),
            ([IMAGES[0].astype(float)], LABELS[:1], "example 0: expected a uint8 image .* float64"),
            ([IMAGES[0][None]], LABELS[:1], "Call `unbatch` first"),
            ([IMAGES[0][..., :2]], LABELS[:1], r"example 0: expected an image .* \(10, 12, 2\)"),
            (IMAGES[:1], [LABELS[0].astype(float)], "expected a label of an integer dtype"),
            (IMAGES[:1], [np.zeros((10, 12, 4), int)], r"expected a label \(H, W\). Received: \(10, 12, 4\)"),
            (IMAGES[:1], [IMAGES[0]], "colors stand for classes"),
            (IMAGES[:2], LABELS[:1] * 2, "example 1: expected an image and a label of equal size"),
            (IMAGES[:1], [np.full((10, 12), 77)], r"example 0: .* 77 \(120 pixels\)"),
        ],
    )
    def test_refused_arrays(self, images, labels, expected):
        with pytest.raises(ValueError, match=expected):
            from_arrays(images, labels)

    def test_one_problem_of_many_examples_is_one_line(self):
        with pytest.raises(ValueError) as caught:
            from_arrays([image / 255 for image in IMAGES], LABELS)
        assert str(caught.value).startswith(
            "`data.from_arrays`: examples 0, 1, 2, 3, 4, ... and 2 more: expected a uint8"
        )
        assert "\n" not in str(caught.value)

    def test_values_of_all_labels_are_checked(self):
        labels = [np.full((4, 4), 77)] * 30
        with pytest.raises(ValueError) as caught:
            from_arrays(np.zeros((30, 4, 4, 3), np.uint8), labels)
        lines = str(caught.value).splitlines()
        assert len(lines) == 21 and lines[-1] == "... and 10 more"
        assert lines[1] == (
            "`data.from_arrays`: example 1: expected node indices from 0 to 3, or 255 for a pixel without a label. "
            "Received: 77 (16 pixels). If labels are the ids of classes, pass `classes`, such as {0: 'sky', 11: "
            "'ignore'}."
        )

    def test_values_of_labels_from_an_iterator_are_checked(self):
        with pytest.raises(ValueError, match=r"example 1: .* 77 \(120 pixels\)"):
            from_arrays(iter(IMAGES[:1] * 2), iter([LABELS[0], np.full((10, 12), 77)]))

    def test_load_says_how_to_pass_arrays(self):
        with pytest.raises(TypeError, match="data.from_arrays"):
            hs.data.load(np.stack([IMAGES[0]] * 2), "train")


class FromDatasetTest:
    def test_an_example_whose_label_is_no_node_is_named(self):
        bad = hs.data.from_dataset(dataset([*PAIRS[:2], (IMAGES[2], np.full((12, 12), 77, np.uint8))]), TREE)
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"dataset: example 2: .* 77 \(144 pixels\)"):
            batches(bad)

    def test_a_large_one_is_streamed(self, monkeypatch):
        monkeypatch.setattr("hierseg_keras.data.record_files._MAX_CACHED_BYTES", 100)
        drawn = []

        def pairs():
            for number, pair in enumerate(PAIRS):
                drawn.append(number)
                yield pair

        shapes = (tf.TensorSpec((None, None, 3), tf.uint8), tf.TensorSpec((None, None), tf.uint8))
        examples = tf.data.Dataset.from_generator(pairs, output_signature=shapes)
        examples = examples.apply(tf.data.experimental.assert_cardinality(7))
        source = hs.data.from_dataset(examples, TREE)
        options = {"training": True, "crop_size": (8, 8), "batch_size": 2, "shuffle_buffer": 3}
        train = hs.data.load(source, "train", **options)
        drawn.clear()
        assert len(list(train)) == 3 and len(list(train)) == 3
        assert len(drawn) >= 14

    @pytest.mark.parametrize(
        "make_bad, expected",
        [
            (lambda: dataset().repeat(), "an infinite one"),
            (lambda: dataset([]), "an empty data set"),
            (lambda: dataset().batch(1), "(unbatch|unknown)"),
            (lambda: dataset().map(lambda image, label: (tf.cast(image, tf.float32), label)), "uint8 image"),
            (lambda: dataset().map(lambda image, label: image), "another structure"),
        ],
    )
    def test_refused_data_sets(self, make_bad, expected):
        with pytest.raises(ValueError, match=expected):
            hs.data.from_dataset(make_bad(), TREE)

    def test_another_type_is_refused(self):
        with pytest.raises(TypeError, match="from_arrays"):
            hs.data.from_dataset(PAIRS, TREE)
