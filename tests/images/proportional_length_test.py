import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hierseg_keras.images.proportional_length import proportional_length


class ProportionalLengthTest:
    @pytest.mark.parametrize(
        "length, shorter, new_shorter, expected",
        [
            (360, 360, 90, 90),
            (480, 360, 90, 120),
            (1333, 1000, 512, 682),
            # Halves: 768.5, 1.5 and 2.5.
            (1537, 1024, 512, 768),
            (3, 2, 1, 2),
            (5, 2, 1, 2),
            (4000, 3000, 6000, 8000),
        ],
    )
    def test_hand_computed_value(self, length, shorter, new_shorter, expected):
        assert proportional_length(length, shorter, new_shorter) == expected

    @given(size=st.tuples(*[st.integers(1, 20_000)] * 2), new_shorter=st.integers(1, 3000))
    def test_is_the_rounded_quotient_of_numbers_and_of_tensors(self, size, new_shorter):
        tf = pytest.importorskip("tensorflow")
        expected = np.round(np.array(size) * new_shorter / min(size)).astype(int)
        assert [proportional_length(length, min(size), new_shorter) for length in size] == expected.tolist()
        tensors = tf.constant(size)
        found = proportional_length(tensors, tf.reduce_min(tensors), new_shorter)
        assert found.dtype == tf.int32 and found.numpy().tolist() == expected.tolist()
