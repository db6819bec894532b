import types

import keras
import pytest

from hierseg_keras.distribution.blank_images import ExcludeBlankImages


class ExcludeBlankImagesTest:
    def test_last_batch_has_the_weight_of_its_other_images(self):
        loss = keras.metrics.Mean("loss")
        callback = ExcludeBlankImages(num_batches=2, batch_size=4, num_blank=3)
        callback.set_model(types.SimpleNamespace(metrics=[keras.metrics.Mean("miou"), loss]))
        for _ in range(2):
            loss.reset_state()
            for batch, value in enumerate((1.0, 6.0)):
                callback.on_test_batch_begin(batch)
                loss.update_state(value, sample_weight=4)
                callback.on_test_batch_end(batch)
            assert float(loss.result()) == pytest.approx((4 * 1 + 1 * 6) / 5)
