"""The functions behind the signatures of a SavedModel, from images or encoded image files to class maps."""

import tensorflow as tf

from hierseg_keras.decoding import best_path, level_labels
from hierseg_keras.models.graph.model_scores import scores_of


def serving_function(model, tree=None, scores=None, from_logits=None):
    """Makes the function behind the signature `serving_default`.

    Args:
        model: `keras.Model` from images to scores.
        tree, scores, from_logits: As in `saved_model`.

    Returns:
        Function from uint8 images `(B, H, W, C)` to the dict of outputs that `saved_model` documents.

    Raises:
        TypeError: If `model` is a subclassed model, whose output shape is unknown.
        ValueError: Under the conditions of `saved_model`.
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
        image = _checked(image, shape, "image", "Send a batch of images; image[None] makes a batch of one.")
        batch, height, width = (known or given for known, given in zip(shape, tf.unstack(tf.shape(image)[:3])))
        # Networks fail on an empty batch and on images without a pixel. Such axes are padded, and cut off again below.
        answers = answer(_filled(tf.cast(image, tf.float32), shape))
        return {name: values[:batch, :height, :width] for name, values in answers.items()}

    return serve


def decoding_function(serve, shape):
    """Makes the function behind the signature `encoded`.

    Args:
        serve: Function returned by `serving_function`.
        shape: Tuple returned by `image_shape`, for a network of RGB images.

    Returns:
        Function from strings `(B,)`, the bytes of image files, to the dict of outputs.
    """
    # Imported here because it imports TFDS, which nothing else in this module needs.
    from hierseg_keras.data.encoded_images import decode_image, image_size

    size = shape[1:3]

    def serve_encoded(encoded):
        encoded = _checked(encoded, (None,), "encoded", "Send a list with the bytes of each file.")
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
    """Returns the shape of a network's input, `(None, H, W, C)`, with `None` for variable heights and widths.

    Raises:
        ValueError: If the network does not have exactly one image input.
    """
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4 or not isinstance(shape[-1], int):
        raise ValueError(
            f"`saved_model` expects a network with one image input, (B, H, W, C). Received: input_shape={shape}. "
            "Pass keras.Model(image, model(image)) with image = keras.Input((None, None, 3))."
        )
    return (None, *shape[1:])


def _checked(tensor, shape, name, advice):
    """Returns the tensor, after a check of its shape in the graph.

    Without the check, a tensor of another rank in a convolution would abort the process.
    """
    # TensorFlow optimizes the graph for the shape of the signature, and would remove a check of that shape. The
    # placeholder hides the shape.
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
    """Pads each empty axis of a batch of images to length 1, with operations that TensorFlow Lite supports."""
    size = tf.shape(image)
    missing = tf.maximum(1 - size, 0)
    padded = tf.pad(image, tf.stack([tf.zeros_like(missing), missing], axis=1))
    # Restores the static shape, which padding loses.
    return tf.reshape(padded, [known or length for known, length in zip(shape, tf.unstack(size + missing))])


def _assert_size(image, size, name):
    received = tf.shape(image, tf.int64)[:2]
    # A size of 0 means that the first file is not an image. Decoding that file raises the error.
    is_right = tf.reduce_all(received == size) | tf.reduce_all(size == 0)
    message = tf.strings.format(
        ": expected {} x {} pixels, the size of the network's input or of the first file. Received: {} x {}. Resize "
        "the image, or send only files of one size per request.",
        (size[1], size[0], received[1], received[0]),
    )
    return tf.debugging.Assert(is_right, [tf.strings.join([name, message])])
