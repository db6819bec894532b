import numpy as np
import pytest

pytest.importorskip("tensorflow")
from hierseg_keras import data  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")


def arrays(count, sizes):
    """Images whose pixels and labels tell their numbers."""
    images = [np.full((*sizes[number % len(sizes)], 3), 10 * number, "uint8") for number in range(count)]
    labels = [np.full(image.shape[:2], number % 3) for number, image in enumerate(images)]
    return data.from_arrays(images, labels, TREE)


def batches(source, passes=1, **options):
    dataset = data.load(source, "train", **options)
    return [tuple(part.numpy() for part in batch) for _ in range(passes) for batch in dataset], dataset


def assert_parts_are_whole(parts, whole):
    assert [len(part) for part in parts] == [len(whole)] * len(parts)
    for own, batch in zip(zip(*parts), whole):
        for pieces, pixels in zip(zip(*own), batch):
            assert len({piece.shape for piece in pieces}) == 1
            np.testing.assert_array_equal(np.concatenate(pieces)[: len(pixels)], pixels)


class BatchPartTest:
    @pytest.mark.parametrize("count", [11, 12])
    def test_parts_of_training_batches_are_whole_batches(self, count):
        source = arrays(count, [(8, 8), (10, 12)])
        options = {"training": True, "crop_size": (8, 8), "batch_size": 4, "passes": 2}
        whole, dataset = batches(source, **options)
        parts = [batches(source, batch_part=(number, 2), **options)[0] for number in range(2)]
        assert len(whole) == 2 * (count // 4)
        assert_parts_are_whole(parts, whole)

    def test_an_epoch_begins_in_the_middle(self):
        source = arrays(11, [(8, 8)])
        datasets = [
            data.load(source, "train", training=True, crop_size=(8, 8), batch_size=4, batch_part=part)
            for part in (None, (0, 2), (1, 2))
        ]
        for dataset in datasets:
            dataset.set_epoch(3, first_batch=1)
        whole, *parts = ([tuple(map(np.array, next(iter(dataset))))] for dataset in datasets)
        assert_parts_are_whole(parts, whole)

    def test_parts_of_mixed_batches_are_whole_batches(self):
        options = {"training": True, "crop_size": (8, 8), "batch_size": 4, "batch_shares": [1, 3]}
        sources, splits = [arrays(5, [(8, 8)]), arrays(9, [(9, 9)])], ["train", "train"]
        whole, first, second = (
            list(data.load(sources, splits, tree=TREE, batch_part=part, **options).as_numpy_iterator())
            for part in (None, (0, 2), (1, 2))
        )
        assert_parts_are_whole([first, second], whole)

    @pytest.mark.parametrize("size", [(8, 8), None])
    @pytest.mark.parametrize("count, num_blank", [(5, 3), (8, 0), (10, 2), (1, 3)])
    def test_parts_of_evaluation_batches_are_equal(self, size, count, num_blank):
        source = arrays(count, [(8, 8), (10, 12)])
        whole, _ = batches(source, size=size, batch_size=4)
        parts, datasets = zip(
            *(batches(source, size=size, batch_size=4, batch_part=(number, 2)) for number in range(2))
        )
        assert_parts_are_whole(parts, whole)
        assert [dataset.num_blank for dataset in datasets] == [num_blank] * 2
        assert all(len(image) == len(label) == 2 for part in parts for image, label in part)
        last = np.concatenate([part[-1][1] for part in parts])
        assert (last[4 - num_blank :] == 255).all() and (last[: 4 - num_blank] != 255).any(axis=(1, 2)).all()

    def test_several_sources_follow_one_another(self):
        sources, splits = [arrays(3, [(8, 8)]), arrays(4, [(8, 8)])], ["train", "train"]
        whole, first, second = (
            list(data.load(sources, splits, tree=TREE, size=(8, 8), batch_size=4, batch_part=part).as_numpy_iterator())
            for part in (None, (0, 2), (1, 2))
        )
        assert_parts_are_whole([first, second], whole)

    @pytest.mark.parametrize("batch_part", [(2, 2), (-1, 2), (0, 0), (0,), "12", (0.0, 2)])
    def test_other_pairs_are_refused(self, batch_part):
        with pytest.raises(ValueError, match=r"`data.load` expects a pair \(i, n\) of integers with 0 <= i < n"):
            data.load(arrays(4, [(8, 8)]), "train", batch_part=batch_part)

    def test_a_batch_that_does_not_divide_is_refused(self):
        with pytest.raises(ValueError, match=r"multiple of the number of parts \(3\). Received: batch_size=4. Pass 6"):
            data.load(arrays(4, [(8, 8)]), "train", batch_size=4, batch_part=(0, 3))
