import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
import tensorflow_datasets as tfds  # noqa: E402

from hierseg_keras.data.stored_labels import decode_class_ids, find_features  # noqa: E402
from tests.data.tiny_data_sets import png  # noqa: E402

IDS = np.array([[0, 1, 5], [2, 3, 255]], np.uint8)


def info(supervised_keys=None, **features):
    class Info:
        full_name = "some_set/1.0.0"

    Info.features, Info.supervised_keys = tfds.features.FeaturesDict(features), supervised_keys
    return Info


def image(*shape, dtype=np.uint8):
    return tfds.features.Image(shape=(None, None, *shape), dtype=dtype)


class FindFeaturesTest:
    @pytest.mark.parametrize(
        "name, pair",
        [
            ("cityscapes/semantic_segmentation", ("image_left", "segmentation_label")),
            ("scene_parse150", ("image", "annotation")),
            ("oxford_iiit_pet", ("image", "segmentation_mask")),
            ("lost_and_found/semantic_segmentation", ("image_left", "segmentation_label")),
            ("street_blocks", ("image", "label")),
        ],
    )
    def test_data_sets_of_tfds(self, name, pair, tmp_path):
        import tfds_builders  # noqa: F401

        assert find_features(tfds.builder(name, data_dir=str(tmp_path)).info) == pair

    def test_depth_is_no_label_map(self):
        assert find_features(info(a=image(3), b=image(1), c=image(1, dtype=np.float32))) == ("a", "b")

    def test_several_or_none_say_what_to_pass(self):
        several = info(left=image(3), right=image(3), mask=image(1))
        assert find_features(several, ("right", "mask")) == ("right", "mask")
        for found, asked in ((several, None), (several, ("mask", "right")), (several, ("left", "lable"))):
            with pytest.raises(ValueError, match="features={name of the data set: "):
                find_features(found, asked)
        with pytest.raises(ValueError, match="some_set/1.0.0"):
            find_features(info(image=image(3), objects=tfds.features.Tensor(shape=(2,), dtype=np.int32)))


class DecodeClassIdsTest:
    def decoded(self, encoded, feature):
        dataset = tf.data.Dataset.from_tensors(encoded).map(lambda data: decode_class_ids(data, feature, "file 7"))
        return next(iter(dataset)).numpy()[..., 0]

    def test_palettes_are_read_as_indices(self):
        for feature in (image(1), image(3), image(1, dtype=np.uint16)):
            found = self.decoded(png(IDS, "P"), feature)
            np.testing.assert_array_equal(found, IDS)
            assert found.dtype == feature.np_dtype

    @pytest.mark.parametrize("bits", [1, 2, 4])
    def test_small_palettes(self, bits):
        ids = IDS % 2**bits
        np.testing.assert_array_equal(self.decoded(png(ids, "P", bits=bits), image(1)), ids)

    def test_masks_of_one_bit_are_0_and_1(self):
        np.testing.assert_array_equal(self.decoded(png(IDS % 2, "1"), image(1)), IDS % 2)

    def test_narrow_values_are_not_stretched(self):
        np.testing.assert_array_equal(self.decoded(png(IDS, "L"), image(1, dtype=np.uint16)), IDS)

    def test_wide_values(self):
        ids = IDS.astype(np.uint16) * 200
        np.testing.assert_array_equal(self.decoded(png(ids, "I;16"), image(1, dtype=np.uint16)), ids)
        np.testing.assert_array_equal(self.decoded(png(IDS.astype(np.uint16), "I;16"), image(1)), IDS)

    def test_first_of_several_channels(self):
        label = np.stack([IDS, IDS + 1, 0 * IDS], -1)
        np.testing.assert_array_equal(self.decoded(png(label, "RGB"), image(3)), IDS)

    def test_what_cannot_be_read_is_named(self):
        wide = png(IDS.astype(np.uint16) * 200, "I;16")
        for encoded in (wide, tf.io.encode_jpeg(IDS[..., None]).numpy()):
            with pytest.raises(tf.errors.InvalidArgumentError, match="file 7: expected a label map"):
                self.decoded(encoded, image(1))
