"""Batches as functions of the seed and the number of the epoch."""

import keras
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras import data  # noqa: E402
from hierseg_keras.data import record_files  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from tests.data.tiny_data_sets import HELEN, prepared  # noqa: E402

# Every scene of `tiny_numbers` has a number, which is a leaf here.
NUMBERS = ClassTree.from_paths([str(number) for number in range(40)])
NUM_FILES = 4
FACE_MAP = {"background": "background", "face": "foreground/face", "hair": "foreground/hair"}


@pytest.fixture(scope="module")
def tiny(data_dir, tmp_path_factory):
    for name in ("tiny_helen", "tiny_faces", "tiny_numbers"):
        prepared(name, data_dir)
    several = tmp_path_factory.mktemp("several")
    prepared("tiny_numbers", several, num_files=NUM_FILES)
    return {1: data_dir, NUM_FILES: several}


@pytest.fixture
def load_numbers(tiny):
    def load(files=1, name="tiny_numbers", split="train", **options):
        class_maps = {"tiny_numbers": {number: str(number) for number in range(40)}}
        options = {"tree": NUMBERS, "class_maps": class_maps, "crop_size": (3, 4), "batch_size": 4, **options}
        return data.load(name, split, **{"training": True, "data_dir": tiny[files], **options})

    return load


@pytest.fixture
def load_mixed(tiny):
    def load(**options):
        options = {"tree": HELEN, "class_maps": {"tiny_faces": FACE_MAP}, "crop_size": (4, 6), **options}
        names = ["tiny_helen", "tiny_faces"]
        return data.load(names, "train", training=True, batch_size=4, data_dir=tiny[1], **options)

    return load


def bits(dataset):
    """All of a pass: the bytes of its images and labels."""
    return [(image.tobytes(), label.tobytes()) for image, label in dataset.as_numpy_iterator()]


def numbers(dataset):
    """In which order a pass draws the scenes of `tiny_numbers`."""
    return [int(image.max()) for batch, _ in dataset.as_numpy_iterator() for image in batch]


class EpochsTest:
    @pytest.mark.parametrize("kind", ["one file", "several files", "mixed", "shares"])
    @pytest.mark.parametrize("is_cached", [True, False])
    def test_batches_follow_from_seed_and_epoch_alone(self, kind, is_cached, load_numbers, load_mixed, monkeypatch):
        if not is_cached:
            monkeypatch.setattr(record_files, "_MAX_CACHED_BYTES", 0)

        def load(**options):
            if kind == "mixed":
                return load_mixed(weights=[5, 1], **options)
            if kind == "shares":
                return load_mixed(batch_shares=[3, 1], label_levels=[2, 1], **options)
            return load_numbers(1 if kind == "one file" else NUM_FILES, shuffle_buffer=7, **options)

        train = load()
        epochs = [bits(train) for _ in range(3)]
        assert len({str(epoch) for epoch in epochs}) == 3
        # As in another process, which begins later and has another seed of TensorFlow's own.
        keras.utils.set_random_seed(7)
        later = load(initial_epoch=2)
        tf.random.set_seed(8)
        assert bits(later) == epochs[2]
        later.set_epoch(1)
        assert bits(later) == epochs[1]
        later.set_epoch(2, first_batch=4)
        assert bits(later)[: len(epochs[2]) - 4] == epochs[2][4:]
        # The next pass is whole again.
        later.set_epoch(1)
        assert bits(later) == epochs[1]

    def test_order_of_the_scenes_never_changes(self, load_numbers):
        """Results of published runs depend on it."""
        train = load_numbers(split="train[:8]", scale_range=None, flip=False)
        assert [numbers(train) for _ in range(2)] == [[39, 12, 19, 28, 16, 6, 33, 14], [6, 19, 14, 33, 39, 28, 16, 12]]

    def test_a_pass_that_begins_later_has_all_examples(self, load_numbers):
        train = load_numbers(scale_range=None, flip=False)
        train.set_epoch(0, first_batch=3)
        assert sorted(numbers(train)) == list(range(40))

    def test_a_pass_that_begins_later_has_the_batches_of_a_whole_one(self, load_numbers):
        """13 of 3, and one image left."""
        train = load_numbers(batch_size=3)
        whole = bits(train)
        train.set_epoch(0, first_batch=5)
        assert bits(train) == whole[5:] + whole[:5]
        with pytest.raises(ValueError, match="`first_batch` to be at most 13, .* Received: first_batch=14"):
            train.set_epoch(0, first_batch=14)

    def test_another_seed_gives_other_batches(self, load_numbers):
        epochs = [bits(load_numbers(seed=seed)) for seed in (0, -1, np.int64(2**40))]
        assert len({str(epoch) for epoch in epochs}) == len(epochs)

    def test_a_pass_that_is_left_early_counts(self, load_numbers):
        train, whole = load_numbers(), load_numbers()
        assert [bits(train.take(2)) for _ in range(3)] == [bits(whole)[:2] for _ in range(3)]

    @pytest.mark.parametrize("files", [1, NUM_FILES])
    def test_a_source_that_is_exhausted_starts_again_in_a_new_order(self, files, load_numbers):
        options = {"split": ["train[:4]", "train[4:]"], "batch_shares": [2, 2], "scale_range": None, "flip": False}
        found = np.reshape(numbers(load_numbers(files, name=["tiny_numbers"] * 2, **options)), (10, 2, 2))
        small, large = found[..., 0].reshape(5, 4), found[..., 1].ravel()
        assert all(len(set(round_)) == 4 for round_ in small.tolist()) and len(set(map(str, small))) > 1
        assert set(small.ravel()).isdisjoint(large) and len(set(large)) == 20

    @pytest.mark.parametrize("files", [1, NUM_FILES])
    @pytest.mark.parametrize("is_cached", [True, False])
    def test_every_scene_is_drawn_once_per_epoch(self, files, is_cached, load_numbers, monkeypatch):
        if not is_cached:
            monkeypatch.setattr(record_files, "_MAX_CACHED_BYTES", 0)
        train = load_numbers(files, scale_range=None, flip=False, shuffle_buffer=5)
        epochs = [numbers(train) for _ in range(2)]
        for epoch in epochs:
            assert sorted(epoch) == list(range(40))
        assert epochs[0] != epochs[1]

    @pytest.mark.parametrize("files", [1, NUM_FILES])
    def test_all_of_a_cached_split_is_shuffled(self, files, load_numbers):
        """The first batches of five epochs have images of every file, whatever the size of the buffer."""
        train = load_numbers(files, scale_range=None, flip=False, shuffle_buffer=1)
        first = np.reshape([numbers(train.take(2)) for _ in range(5)], (5, 8))
        in_order = [int(image.max()) for image in self.stored(load_numbers, files)]
        places = np.vectorize(in_order.index)(first)
        assert set(places.ravel() // 10) == {0, 1, 2, 3} and all(len(set(epoch // 10)) > 1 for epoch in places)

    def stored(self, load_numbers, files):
        """The images of `tiny_numbers` in the order of its files."""
        batches = load_numbers(files, training=False, crop_size=None).as_numpy_iterator()
        return [image for batch, _ in batches for image in batch]

    def test_files_come_in_an_order_of_the_epoch(self, load_numbers, monkeypatch):
        """A buffer of one does not shuffle, so that the order of the files is what is left."""
        monkeypatch.setattr(record_files, "_MAX_CACHED_BYTES", 0)
        train = load_numbers(NUM_FILES, scale_range=None, flip=False, shuffle_buffer=1)
        epochs = [tuple(numbers(train)) for _ in range(5)]
        files = [{epoch[start : start + 10] for start in range(0, 40, 10)} for epoch in epochs]
        assert all(of_epoch == files[0] for of_epoch in files) and len(set(epochs)) > 1

    def test_a_record_has_its_own_draws_in_each_epoch(self, load_numbers, monkeypatch):
        """A scene's crop of an epoch does not depend on when it is drawn; another epoch's is another one."""
        monkeypatch.setattr(record_files, "_MAX_CACHED_BYTES", 0)

        def crops(dataset):
            found = {}
            for batch, _ in dataset.as_numpy_iterator():
                found |= {int(image.max()): image.tobytes() for image in batch if image.max() != 127.5}
            return found

        options = {"crop_size": (2, 2), "scale_range": (0.5, 1.0)}
        one, other = load_numbers(shuffle_buffer=1, **options), load_numbers(shuffle_buffer=40, **options)
        assert crops(one) == crops(other)

    def test_evaluation_has_no_epochs(self, tiny):
        test = data.load("tiny_helen", "test", data_dir=tiny[1])
        assert not hasattr(test, "set_epoch") and bits(test) == bits(test)

    def test_invalid_epochs_raise(self, load_numbers):
        train = load_numbers()
        for epoch in (-1, 1.5, True, "1", None):
            with pytest.raises(ValueError, match="expects an integer of at least 0 as `epoch`"):
                train.set_epoch(epoch)
            with pytest.raises(ValueError, match="expects an integer of at least 0 as `first_batch`"):
                train.set_epoch(0, epoch)
            with pytest.raises(ValueError, match="expects an integer of at least 0 as `initial_epoch`"):
                load_numbers(initial_epoch=epoch)


class SetEpochTest:
    @pytest.fixture(autouse=True)
    def eagerly(self, run_eagerly):
        pass

    def fit(self, train, is_built=True, callbacks=(), **options):
        """The labels that `fit` draws in each epoch, image by image; the order of replicas is not defined."""
        epochs = []

        def loss(y_true, y_pred):
            if tf.executing_eagerly() and epochs:
                epochs[-1] += [label.tobytes() for label in y_true.numpy().astype(np.int32)]
            return keras.ops.mean(y_pred, axis=(1, 2))

        begins = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: epochs.append([]))
        strategy = options.pop("strategy", tf.distribute.get_strategy())
        with strategy.scope():
            image = [keras.Input((None, None, 3))] if is_built else []
            network = keras.Sequential([*image, keras.layers.Conv2D(1, 1)])
            network.compile("sgd", loss)
        network.fit(train, verbose=0, shuffle=False, callbacks=[*callbacks, begins], **options)
        return [sorted(epoch) for epoch in epochs]

    def labels(self, load, epochs, steps=10):
        passes = [load(initial_epoch=epoch).take(steps).as_numpy_iterator() for epoch in epochs]
        return [sorted(label.tobytes() for _, batch in batches for label in batch) for batches in passes]

    @pytest.mark.parametrize("is_built", [True, False])
    @pytest.mark.parametrize("replicas", [1, 2])
    def test_epoch_n_of_fit_is_pass_n(self, is_built, replicas, load_numbers, two_replicas):
        train = load_numbers()
        next(iter(train))
        options = {"strategy": two_replicas} if replicas == 2 else {}
        found = self.fit(train, is_built, [data.SetEpoch(train)], epochs=4, initial_epoch=2, **options)
        assert found == self.labels(load_numbers, [2, 3])

    def test_a_shortened_epoch_too(self, load_numbers):
        train = load_numbers()
        found = self.fit(train.take(3), callbacks=[data.SetEpoch(train)], epochs=2)
        assert found == self.labels(load_numbers, [0, 1], steps=3)

    def test_without_it_passes_are_counted(self, load_numbers):
        assert self.fit(load_numbers(), epochs=2) == self.labels(load_numbers, [0, 1])
        assert self.fit(load_numbers().take(3), epochs=2) == self.labels(load_numbers, [0, 1], steps=3)

    def test_other_data_sets_raise(self, load_numbers):
        for dataset in (load_numbers().take(1), tf.data.Dataset.range(3), None):
            with pytest.raises(TypeError, match="`SetEpoch` expects the data set that `data.load"):
                data.SetEpoch(dataset)
