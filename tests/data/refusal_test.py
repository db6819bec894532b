import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras.data.refusal import refuse, sentence_of  # noqa: E402

# What messages of TensorFlow escape.
TEXT = "a_0's \"x\": expected 'ä' [a\\b]. Received: #112233 (12 pixels)."


def refused(value):
    with tf.control_dependencies([refuse(lambda value: f"{value}: {TEXT}", value)]):
        return tf.identity(value)


class RefuseTest:
    def test_a_sentence_comes_out_of_tf_data_as_it_went_in(self):
        with pytest.raises(tf.errors.InvalidArgumentError) as error:
            next(iter(tf.data.Dataset.from_tensors(7).map(refused).batch(1)))
        assert sentence_of(error.value) == f"7: {TEXT}"

    def test_eagerly_it_is_a_value_error(self):
        with pytest.raises(ValueError) as error:
            refused(tf.constant(7))
        assert str(error.value) == f"7: {TEXT}"

    def test_other_errors_have_no_sentence(self):
        def check(value):
            with tf.control_dependencies([tf.debugging.Assert(value < 0, ["a label. Received:", value])]):
                return tf.identity(value)

        with pytest.raises(tf.errors.InvalidArgumentError) as error:
            next(iter(tf.data.Dataset.from_tensors(7).map(check)))
        assert sentence_of(error.value) is None and sentence_of(ValueError(TEXT)) is None
