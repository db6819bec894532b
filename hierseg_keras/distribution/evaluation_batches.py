"""Batches for evaluation in which every replica has an image."""

import tensorflow as tf


def evaluation_batches(examples, batch_size, padding, strategy):
    """Batches a split so that each replica has an image of every batch, the last one included.

    `tf.distribute` fills one replica after the other with the last batch, so that some may be
    left with none. TensorFlow's convolutions on CPUs (2.21, oneDNN) then answer in a wrong shape,
    and the evaluation ends in an error.

    Where the images do not divide by the number of replicas, the last batch has the odd ones and
    one image more for each replica. Keras builds a model from the mean over the replicas' parts of
    the first batch, which is therefore an even one.

    Args:
        examples: `tf.data.Dataset` of batches of one image, `(1, H, W, 3)` and `(1, H, W)`.
        batch_size: Images per batch, over all replicas, whose number divides it.
        padding: `(color, label)` of padded pixels, where images of one batch differ in size.
        strategy: `tf.distribute.Strategy`.

    Returns:
        A pair `(data, steps)`, for `evaluate`, or `validation_data` and `validation_steps` of `fit`:
        `tf.distribute.DistributedDataset`, which begins anew after every pass, and the number of batches in
        a pass.

    Raises:
        ValueError: If there are fewer images than replicas, or fewer than twice as many that their number does not
            divide.
    """
    count, replicas = len(examples), strategy.num_replicas_in_sync
    odd = count % replicas
    num_last = replicas + odd if odd else 0
    num_even = count - num_last
    if num_even < replicas:
        raise ValueError(
            f"evaluation expects {replicas} images, one for every replica, or at least {2 * replicas}. Received: "
            f"{count} images and {replicas} replicas. Evaluate on fewer replicas, or on more images."
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
        # Keras warns where data of unknown length end, and only counts steps of data that do not.
        return batches.flat_map(parts_of).repeat().prefetch(tf.data.AUTOTUNE)

    return strategy.distribute_datasets_from_function(parts), last_batch + bool(odd)
