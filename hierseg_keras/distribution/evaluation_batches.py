"""Batches for evaluation that give every replica at least one image."""

import tensorflow as tf


def evaluation_batches(examples, batch_size, padding, strategy):
    """Batches a split so that every replica gets at least one image of every batch, including the last.

    `tf.distribute` fills the replicas with the last batch one after another, so that some replicas may get
    no image. TensorFlow's convolutions on CPUs (2.21, oneDNN) then return a wrong shape, and the evaluation
    fails.

    If the number of images is not a multiple of the number of replicas, the last batch has the remaining
    images and one more image per replica. All other batches are divided equally, because Keras builds a model from
    the mean over the replicas' parts of the first batch.

    Args:
        examples: `tf.data.Dataset` of batches of one image, `(1, H, W, 3)` and `(1, H, W)`.
        batch_size: Integer, images per batch over all replicas; a multiple of the number of replicas.
        padding: Pair `(color, label)` of padded pixels, used if the images of a batch differ in size.
        strategy: `tf.distribute.Strategy`.

    Returns:
        A pair `(data, steps)`: a `tf.distribute.DistributedDataset` that repeats forever, and the number of batches
        per pass. Pass them to `evaluate`, or to `fit` as `validation_data` and `validation_steps`.

    Raises:
        ValueError: If there are fewer images than replicas, or if the number of images is not a multiple of the
            number of replicas and less than twice that number.
    """
    count, replicas = len(examples), strategy.num_replicas_in_sync
    odd = count % replicas
    num_last = replicas + odd if odd else 0
    num_even = count - num_last
    if num_even < replicas:
        raise ValueError(
            f"evaluation on {replicas} replicas expects {replicas} images, one per replica, or at least "
            f"{2 * replicas}. Received: {count} images. Evaluate on fewer replicas, or on more images."
        )
    last_batch = -(-num_even // batch_size)

    def batch_of(index, _):
        return tf.where(index < num_even, index // batch_size, last_batch)

    def size_of(batch):
        return tf.where(batch < last_batch, tf.minimum(num_even - batch * batch_size, batch_size), num_last)

    def padded(_, window):
        images = window.map(lambda _, example: example)
        values = tuple(tf.constant(value, spec.dtype) for value, spec in zip(padding, examples.element_spec))
        return images.padded_batch(batch_size + replicas, padding_values=values)

    def parts_of(image, label):
        bounds = tf.range(replicas + 1) * tf.shape(image)[0] // replicas
        starts_and_ends = tf.data.Dataset.from_tensor_slices((bounds[:-1], bounds[1:]))
        return starts_and_ends.map(lambda start, end: (image[start:end], label[start:end]))

    def parts(_):
        numbered = examples.unbatch().enumerate()
        batches = numbered.group_by_window(batch_of, padded, window_size_func=size_of)
        # Repeated forever because Keras warns if data of unknown length end, and it stops after `steps` batches.
        return batches.flat_map(parts_of).repeat().prefetch(tf.data.AUTOTUNE)

    return strategy.distribute_datasets_from_function(parts), last_batch + bool(odd)
