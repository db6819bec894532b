"""Answers to encoded image files of different sizes, inside a TensorFlow graph."""

import functools

import tensorflow as tf

from hierseg_keras.export.resized_area import assert_resized_area

_PARTS_ADVICE = "Send its parts as files."


def answer_files(encoded, answer, answers):
    """Decodes image files, and answers each as if it came alone.

    The answers are padded to the height and width of the largest file. Padding the images instead would change the
    answers: the network sees the padding in convolutions, and in pooling over the whole image.

    Args:
        encoded: Strings `(B,)`, the bytes of image files.
        answer: Function from uint8 images `(B, H, W, 3)` to a dict of outputs `(B, H, W, ...)`.
        answers: `Answers` of the network.

    Returns:
        The dict of outputs. Class maps are padded with `answers.no_class`, and floats with 0. `sizes`, int32 `(B, 2)`,
        holds the height and width of each file.

    Raises:
        tf.errors.InvalidArgumentError: When the graph runs, if a file cannot be decoded exactly; if it does not have
            the size of the network's input; or if the padded batch, or a file that the network resizes, has more than
            89 megapixels. The sizes are read from the files' headers. No file is decoded before all headers are
            checked.
    """
    read_size, decode_file = _file_functions()
    size = answers.image_shape[1:3]
    images_spec = tf.TensorSpec((None, *size, 3), tf.uint8)
    answer = tf.function(answer, input_signature=[images_spec], autograph=False)
    count = tf.shape(encoded)[0]
    # Networks fail on an empty batch. One blank image takes its place, and its answer is cut off.
    blank = tf.io.encode_png(tf.zeros((size[0] or 1, size[1] or 1, 3), tf.uint8))
    files = tf.cond(count > 0, lambda: encoded, lambda: blank[None])
    names = tf.strings.join(["encoded[", tf.strings.as_string(tf.range(tf.shape(files)[0])), "]"])

    def checked_size(file_and_name):
        received, name = read_size(*file_and_name), file_and_name[1]
        resized = assert_resized_area(answers.model, *tf.unstack(received), tf.strings.join([name, ":"]), _PARTS_ADVICE)
        with tf.control_dependencies([_assert_size(received, size, name), resized]):
            return tf.identity(received)

    sizes = tf.map_fn(checked_size, (files, names), fn_output_signature=tf.TensorSpec((2,), tf.int64))
    largest = tf.reduce_max(sizes, axis=0)
    with tf.control_dependencies([_assert_area(tf.shape(files)[0], largest)]):
        files = tf.identity(files)

    def decode(file_and_name):
        return tf.ensure_shape(decode_file(*file_and_name), (*size, 3))

    def answer_together():
        return answer(tf.map_fn(decode, (files, names), fn_output_signature=tf.TensorSpec((*size, 3), tf.uint8)))

    def answer_one_by_one():
        def answer_one(file_and_name):
            values = answer(decode(file_and_name)[None])
            return {name: _padded(value[0], largest, answers.no_class) for name, value in values.items()}

        outputs = answer.get_concrete_function().structured_outputs
        specs = {name: tf.TensorSpec(spec.shape[1:], spec.dtype) for name, spec in outputs.items()}
        # One after another, so that memory is needed for only one image.
        return tf.map_fn(answer_one, (files, names), fn_output_signature=specs, parallel_iterations=1)

    values = tf.cond(tf.reduce_all(sizes == largest), answer_together, answer_one_by_one)
    return {**{name: value[:count] for name, value in values.items()}, "sizes": tf.cast(sizes[:count], tf.int32)}


@functools.cache
def _file_functions():
    """Returns the functions that read a file's size and its pixels. All signatures of a process share their graphs."""
    # Imported here because it imports TFDS, which nothing else in this module needs.
    from hierseg_keras.export.encoded_images import decode_readable_image, readable_size

    file, name = tf.TensorSpec((), tf.string), tf.TensorSpec((), tf.string)
    functions = readable_size, decode_readable_image
    return [tf.function(function, input_signature=[file, name], autograph=False) for function in functions]


def _padded(value, size, no_class):
    """Pads an output of one image, `(h, w, ...)`, at the bottom and on the right."""
    missing = tf.cast(size, tf.int32) - tf.shape(value)[:2]
    paddings = tf.stack([tf.zeros_like(missing), missing], axis=1)
    paddings = tf.pad(paddings, [[0, len(value.shape) - 2], [0, 0]])
    return tf.pad(value, paddings, constant_values=tf.cast(0 if value.dtype.is_floating else no_class, value.dtype))


def _assert_size(received, size, name):
    """Asserts that a file has the size of the network's input, where that is fixed."""
    is_right = tf.reduce_all([received[axis] == length for axis, length in enumerate(size) if length] or [True])
    height, width = ("?" if length is None else str(length) for length in size)
    message = tf.strings.format(
        f": expected {width} x {height} pixels, the size of the network's input. Received: {{}} x {{}}. Resize the "
        "image.",
        (received[1], received[0]),
    )
    return tf.debugging.Assert(is_right, [tf.strings.join([name, message])])


def _assert_area(count, largest):
    """Asserts that the padded batch is small enough. Each file alone has been checked before."""
    from tfds_builders.reading.image_header import MAX_PIXELS

    # As floats, because the product of hostile sizes exceeds integers.
    num_pixels = tf.cast(count, tf.float64) * tf.reduce_prod(tf.cast(largest, tf.float64))
    message = tf.strings.format(
        f"`encoded` expects at most {MAX_PIXELS // 1_000_000} megapixels per request, after all answers are padded to "
        "the largest height and width. Received: {} files, padded to {} x {} pixels. Nothing was decoded. Send fewer "
        "files, or files of similar sizes, per request.",
        (count, largest[1], largest[0]),
    )
    return tf.debugging.Assert(num_pixels <= MAX_PIXELS, [message])
