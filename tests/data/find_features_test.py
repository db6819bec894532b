import numpy as np
import pytest

pytest.importorskip("tensorflow")
import tensorflow_datasets as tfds  # noqa: E402

from hierseg_keras.data.find_features import find_features  # noqa: E402


def info(supervised_keys=None, **features):
    class Info:
        full_name = "some_set/1.0.0"

    Info.features, Info.supervised_keys = tfds.features.FeaturesDict(features), supervised_keys
    return Info


def image(channels, dtype=np.uint8, **options):
    return tfds.features.Image(shape=(None, None, channels), dtype=dtype, **options)


def labeled(channels=1):
    return tfds.features.LabeledImage(labels=3, shape=(None, None, channels))


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
        assert find_features(info(a=image(3), b=image(1), c=image(1, np.float32))) == ("a", "b")

    @pytest.mark.parametrize("channels", [1, 3, 4])
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
    def test_images_and_label_maps_of_any_channels(self, channels, dtype):
        for label in (image(channels, dtype), image(1), labeled()):
            assert find_features(info(image=image(channels, dtype), label=label)) == ("image", "label")
            assert find_features(info(image=image(channels, dtype), mask=label)) == ("image", "mask")

    def test_gray_beside_a_labeled_image(self):
        assert find_features(info(mask=labeled(), scan=image(1))) == ("scan", "mask")

    def test_several_say_what_to_pass(self):
        several = info(left=image(3), right=image(3), mask=image(1))
        assert find_features(several, ("right", "mask")) == ("right", "mask")
        for found, asked in ((several, None), (several, ("mask", "lable")), (several, ("left", "left"))):
            with pytest.raises(ValueError, match="some_set/1.0.0 .*features={name of the data set: "):
                find_features(found, asked)

    @pytest.mark.parametrize(
        "features",
        [
            {"image": image(2), "label": image(1)},
            {"image": image(1, np.float32), "label": image(1)},
            {"image": image(3), "label": image(1, np.float32)},
            {"image": image(3), "label": image(1, encoding_format="jpeg")},
            {"image": image(3), "objects": tfds.features.Tensor(shape=(2,), dtype=np.int32)},
            {"image": tfds.features.Tensor(shape=(4, 4, 5), dtype=np.uint8), "label": image(1)},
            {"image": tfds.features.Tensor(shape=(4, 4, 3), dtype=np.bool_), "label": image(1)},
        ],
    )
    def test_what_cannot_be_read_is_told_in_a_sentence(self, features):
        with pytest.raises(ValueError, match="both with 1, 3 or 4 channels of uint8 or uint16") as error:
            find_features(info(("image", next(name for name in features if name != "image")), **features))
        assert "Received: some_set/1.0.0 with the images {" in str(error.value)
