"""The functions that a SavedModel serves: from images, or the bytes of image files, to a class map per level."""

import tensorflow as tf

from hierseg_keras.decoding import best_path, level_labels
from hierseg_keras.models.graph.model_scores import scores_of


def serving_function(model, tree=None, scores=None, from_logits=None):
    """Makes the function behind the signature `serving_default`.

    Args:
        model: `keras.Model` from images to scores.
        tree, scores, from_logits: As in `saved_model`.

    Returns:
        Function from uint8 images `(B, H, W, C)` to the dict of answers that `saved_model` documents.

    Raises:
        TypeError, ValueError: As `saved_model`, for a network that cannot be exported.
    """
    scores = scores_of(model, "saved_model", tree, scores, from_logits)
    tree, shape = scores.tree, image_shape(model)

    def answer(image):
        y_pred = tf.cast(model(image, training=False), tf.float32)
        leaf, score = best_path(tree, y_pred, scores.kind, scores.from_logits)
        probabilities = scores.probabilities(y_pred)[..., : tree.num_leaves]
        levels = {f"level_{i}": labels for i, labels in enumerate(level_labels(tree, leaf), start=1)}
        return {**levels, "leaf_probabilities": probabilities, "path_score": score}

    def serve(image):
        image = _checked(image, shape, "image", "Send a batch of images, as image[None] makes of one.")
        batch, height, width = (known or given for known, given in zip(shape, tf.unstack(tf.shape(image)[:3])))
        # No network answers an empty batch, or images without a pixel.
        answers = answer(_filled(tf.cast(image, tf.float32), shape))
        return {name: values[:batch, :height, :width] for name, values in answers.items()}

    return serve


def decoding_function(serve, shape):
    """Makes the function behind the signature `encoded`.

    Args:
        serve: What `serving_function` returns.
        shape: What `image_shape` returns, of a network of RGB images.

    Returns:
        Function from strings `(B,)`, the bytes of image files, to the dict of answers.
    """
    # Imports TFDS, which nothing else here needs.
    from hierseg_keras.data.encoded_images import decode_image, image_size

    size = shape[1:3]

    def serve_encoded(encoded):
        encoded = _checked(encoded, (None,), "encoded", "Pass a list of the bytes of files.")
        count = tf.shape(encoded)[0]
        blank = tf.io.encode_png(tf.zeros((size[0] or 1, size[1] or 1, 3), tf.uint8))
        files = tf.cond(count > 0, lambda: encoded, lambda: blank[None])
        common_size = image_size(files[0]) if None in size else tf.constant(size, tf.int64)

        def decode(index_and_file):
            index, file = index_and_file
            name = tf.strings.join(["encoded[", tf.strings.as_string(index), "]"])
            image = decode_image(file, name)
            with tf.control_dependencies([_assert_size(image, common_size, name)]):
                return tf.ensure_shape(image, (*size, 3))

        indexed = tf.range(tf.shape(files)[0]), files
        images = tf.map_fn(decode, indexed, fn_output_signature=tf.TensorSpec((*size, 3), tf.uint8))
        return {name: values[:count] for name, values in serve(images).items()}

    return serve_encoded


def image_shape(model):
    """`(None, H, W, C)` of the images that a network takes, H and W `None` where it takes any.

    Raises:
        ValueError: If the network takes anything else than one batch of images.
    """
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4 or not isinstance(shape[-1], int):
        raise ValueError(
            f"`saved_model` expects a network of one input of images, (B, H, W, C). Received: input_shape={shape}. "
            "Pass keras.Model(image, model(image)) with image = keras.Input((None, None, 3))."
        )
    return (None, *shape[1:])


def _checked(tensor, shape, name, advice):
    """The tensor itself, once its shape has been found right: in a convolution, another rank would end the process."""
    # Graphs are rewritten for the shape that the signature promises. A placeholder promises none.
    received = tf.shape(tf.raw_ops.PlaceholderWithDefault(input=tensor, shape=None))
    rank = len(shape)
    lengths = tf.concat([received, tf.zeros(rank, tf.int32)], axis=0)[:rank]
    is_right = (tf.size(received) == rank) & tf.reduce_all(
        [lengths[axis] == length for axis, length in enumerate(shape) if length is not None]
    )
    expected = ", ".join("?" if length is None else str(length) for length in shape)
    message = tf.strings.format(f"`{name}` expects the shape [{expected}]. Received: {{}}. {advice}", received)
    with tf.control_dependencies([tf.debugging.Assert(is_right, [message])]):
        return tf.ensure_shape(tensor, shape)


def _filled(image, shape):
    """Images with one row, column and example more where there is none, by operations that TensorFlow Lite has."""
    size = tf.shape(image)
    missing = tf.maximum(1 - size, 0)
    padded = tf.pad(image, tf.stack([tf.zeros_like(missing), missing], axis=1))
    # Says what of the shape is known, which the padding has hidden.
    return tf.reshape(padded, [known or length for known, length in zip(shape, tf.unstack(size + missing))])


def _assert_size(image, size, name):
    received = tf.shape(image, tf.int64)[:2]
    # Without a size, the first file is no image; that is its own error.
    is_right = tf.reduce_all(received == size) | tf.reduce_all(size == 0)
    message = tf.strings.format(
        ": expected {} x {} pixels, as the network or the first file of the batch has. Received: {} x {}. Resize it, "
        "or send files of one size at a time.",
        (size[1], size[0], received[1], received[0]),
    )
    return tf.debugging.Assert(is_right, [tf.strings.join([name, message])])
