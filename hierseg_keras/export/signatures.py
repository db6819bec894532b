"""The functions behind the signatures of a SavedModel, from images or encoded image files to answers."""

import tensorflow as tf

from hierseg_keras.export.encoded_files import answer_files
from hierseg_keras.export.resized_area import assert_resized_area
from hierseg_keras.export.shape_check import checked

_IMAGE_ADVICE = "Send a batch of images; image[None] makes a batch of one."
_PARTS_ADVICE = "Send its parts as images."
_FILES_ADVICE = "Send a list with the bytes of each file."
_THRESHOLD_ADVICE = "Send one number, not a list."


def signature_functions(answers):
    """Makes the functions behind all signatures of a SavedModel.

    Args:
        answers: `Answers` of the network.

    Returns:
        Dict from the name of a signature to a pair `(function, inputs)`. The function returns the dict of outputs
        that `saved_model` documents. `inputs` is the list of `tf.TensorSpec`s of its arguments.
    """
    image = tf.TensorSpec(answers.image_shape, tf.uint8, name="image")
    threshold = tf.TensorSpec((), tf.float32, name="threshold")
    of_images = _from_images(answers)
    signatures = {
        "serving_default": (of_images(answers.levels), [image]),
        "probabilities": (of_images(answers.probabilities), [image]),
        "confident": (of_images(answers.confident), [image, threshold]),
    }
    if answers.image_shape[-1] == 3:
        encoded = tf.TensorSpec((None,), tf.string, name="encoded")
        of_files = _from_files(answers)
        signatures |= {
            "encoded": (of_files(answers.levels), [encoded]),
            "encoded_probabilities": (of_files(answers.probabilities), [encoded]),
            "encoded_confident": (of_files(answers.confident), [encoded, threshold]),
        }
    return signatures


def _from_images(answers):
    shape = answers.image_shape

    def signature(answer):
        def serve(image, *threshold):
            image = checked(image, shape, "image", _IMAGE_ADVICE)
            size = tf.unstack(tf.shape(image, tf.int64)[1:3])
            with tf.control_dependencies([assert_resized_area(answers.model, *size, "`image`:", _PARTS_ADVICE)]):
                image = tf.identity(image)
            threshold = [_checked_threshold(value) for value in threshold]
            batch, height, width = (known or given for known, given in zip(shape, tf.unstack(tf.shape(image)[:3])))
            # Networks fail on an empty batch and on images without a pixel. Such axes are padded, and cut off again.
            image = _filled(tf.cast(image, tf.float32), shape)
            return answer(image, *threshold, cut=lambda value: value[:batch, :height, :width])

        return serve

    return signature


def _from_files(answers):
    def signature(answer):
        def serve(encoded, *threshold):
            encoded = checked(encoded, (None,), "encoded", _FILES_ADVICE)
            threshold = [_checked_threshold(value) for value in threshold]
            return answer_files(encoded, lambda images: answer(images, *threshold), answers)

        return serve

    return signature


def _checked_threshold(threshold):
    threshold = checked(threshold, (), "threshold", _THRESHOLD_ADVICE)
    # NaN fails the comparisons too.
    is_right = (threshold >= 0) & (threshold <= 1)
    message = tf.strings.format("`threshold` expects a number in [0, 1]. Received: {}.", threshold)
    with tf.control_dependencies([tf.debugging.Assert(is_right, [message])]):
        return tf.identity(threshold)


def _filled(image, shape):
    """Pads each empty axis of a batch of images to length 1, with operations that TensorFlow Lite supports."""
    size = tf.shape(image)
    missing = tf.maximum(1 - size, 0)
    padded = tf.pad(image, tf.stack([tf.zeros_like(missing), missing], axis=1))
    # Restores the static shape, which padding loses.
    return tf.reshape(padded, [known or length for known, length in zip(shape, tf.unstack(size + missing))])
