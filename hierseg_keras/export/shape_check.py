"""The check of an input's shape inside a SavedModel."""

import tensorflow as tf


def checked(tensor, shape, name, advice):
    """Returns a tensor, after a check of its shape in the graph.

    Without the check, a tensor of another rank in a convolution would abort the process.

    Args:
        tensor: Input of a signature.
        shape: Tuple with `None` for lengths that may vary.
        name: Name of the input, for errors.
        advice: Sentence at the end of errors.

    Raises:
        tf.errors.InvalidArgumentError: When the graph runs, if the tensor has another shape.
    """
    # TensorFlow optimizes the graph for the shape of the signature, and would remove a check of that shape. The
    # placeholder hides the shape.
    received = tf.shape(tf.raw_ops.PlaceholderWithDefault(input=tensor, shape=None))
    rank = len(shape)
    lengths = tf.concat([received, tf.zeros(rank, tf.int32)], axis=0)[:rank]
    is_right = (tf.size(received) == rank) & tf.reduce_all(
        [lengths[axis] == length for axis, length in enumerate(shape) if length is not None] or [True]
    )
    expected = ", ".join("?" if length is None else str(length) for length in shape)
    message = tf.strings.format(f"`{name}` expects the shape [{expected}]. Received: {{}}. {advice}", received)
    with tf.control_dependencies([tf.debugging.Assert(is_right, [message])]):
        return tf.ensure_shape(tensor, shape)
