import types
import warnings

import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.training.default_sizes import default_sizes  # noqa: E402


def sizes(images, size=None, crop_size=None):
    return default_sizes(types.SimpleNamespace(size=size, crop_size=crop_size), images)


class DefaultSizesTest:
    def test_crops_have_the_median_size(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert sizes([(360, 480), (300, 500), (400, 490)]) == {"crop_size": (360, 490)}
            assert sizes([(512, 683)] * 2, size=512) == {"crop_size": (512, 683)}
            assert sizes([(2000, 2000)], crop_size=(64, 64)) == {}

    def test_photographs_are_resized_with_a_word(self):
        with pytest.warns(UserWarning, match=r"images of about 3024 x 4032 pixels are resized .* Set `data.size` and"):
            assert sizes([(3024, 4032)] * 3) == {"size": 512, "crop_size": (512, 512)}

    def test_validation_on_whole_photographs_is_warned_of(self):
        with pytest.warns(
            UserWarning, match="validation predicts whole images. If memory is too small, set `data.size`"
        ):
            assert sizes([(3024, 4032)], crop_size=(256, 256)) == {}
