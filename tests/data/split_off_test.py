import pytest

pytest.importorskip("tensorflow")
from hierseg_keras import data  # noqa: E402


@pytest.fixture
def builder(data_dir):
    return data.prepare("street_blocks", data_dir=data_dir)


class SplitOffTest:
    @pytest.mark.parametrize(
        "split, share, pair",
        [
            ("train", 0.1, ("train[0:360]", "train[360:400]")),
            ("train[:25%]+validation", 0.1, ("train[0:100]+validation[0:80]", "validation[80:100]")),
            ("train[:0]+validation", 0.1, ("validation[0:90]", "validation[90:100]")),
            ("validation+train[:25%]", 0.6, ("validation[0:80]", "validation[80:100]+train[0:100]")),
        ],
    )
    def test_the_pair_is_the_split(self, builder, split, share, pair):
        assert data.split_off(builder, split, share) == pair
        counts = [builder.info.splits[part].num_examples for part in pair]
        assert sum(counts) == builder.info.splits[split].num_examples and counts[1] == round(share * sum(counts))

    @pytest.mark.parametrize(
        "split, message",
        [
            ("test", "a split of street_blocks/1.0.0, which has .*Received: split='test'"),
            ("train[:", "Received: split='train\\[:'"),
            ("train[5:2]", "Received: split='train\\[5:2\\]'. The split has no images"),
            ("train[:0]", "Received: split='train\\[:0\\]'. The split has no images"),
            ("train[:1]", "Received: share=.* of 1 images"),
        ],
    )
    def test_others_raise(self, builder, split, message):
        with pytest.raises(ValueError, match=message):
            data.split_off(builder, split, 0.1)

    @pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan"), True, "0.1", None])
    def test_what_is_no_share_raises(self, builder, share):
        with pytest.raises(ValueError, match="`split_off` expects a number between 0 and 1 as `share`. Received"):
            data.split_off(builder, "train", share)
