"""In which order an epoch draws the examples, and the seed of each: functions of the run's seed and the epoch alone."""

import functools

import tensorflow as tf

# What a seed is folded with for draws that are no record's; records count from 0.
_FILES, _BUFFER, _CHOICES = -1, -2, -3


class TrainingOrder:
    """The undecoded examples of any epoch.

    Several data sets are drawn from at random. Each begins anew, in another order, when it is used up, and an epoch is
    as many examples as they have together.

    Args:
        sources: List of `Source`.
        files: The `RecordFiles` of each.
        weights: How often each source is drawn from, in any unit. Defaults to the numbers of their records.
        shuffle_buffer: Integer, the examples of each source that are held to draw from.
        seed: Integer.
    """

    def __init__(self, sources, files, weights, shuffle_buffer, seed):
        # A source of several files reads them in an order of each epoch's own.
        in_order = [
            source_files.read(source.parse) if source_files.num_files == 1 else None
            for source, source_files in zip(sources, files)
        ]
        self._parts = list(zip(sources, files, in_order))
        self.num_examples = sum(source_files.num_records for source_files in files)
        self._weights = [float(weight) for weight in weights or (source_files.num_records for source_files in files)]
        self._shuffle_buffer, self._seed = shuffle_buffer, seed

    def epoch(self, epoch):
        """The examples of an epoch, for a graph that tf.data makes of the call.

        Args:
            epoch: Int64 scalar tensor.

        Returns:
            `tf.data.Dataset` of what `Source.parse` returns, with `seed`, an int64 `(2,)` of the example's own, and
            `source`, its source's number.
        """
        seed = _fold_in(tf.constant([self._seed, 0], tf.int64), epoch)
        if len(self._parts) == 1:
            return self._round(0, seed, 0)
        endless = [
            tf.data.Dataset.counter().flat_map(functools.partial(self._round, number, seed))
            for number in range(len(self._parts))
        ]
        logits = tf.math.log([self._weights])
        choices = tf.random.stateless_categorical(logits, self.num_examples, _fold_in(seed, _CHOICES))
        choices = tf.data.Dataset.from_tensor_slices(choices[0])
        return tf.data.Dataset.choose_from_datasets(endless, choices, stop_on_empty_dataset=False)

    def _round(self, number, seed, round_):
        """All examples of one source, shuffled."""
        source, files, examples = self._parts[number]
        seed = _fold_in(_fold_in(seed, number), round_)
        buffer = self._shuffle_buffer
        if files.num_files > 1:
            order = tf.random.experimental.stateless_shuffle(tf.range(files.num_files), _fold_in(seed, _FILES))
            examples = files.read(source.parse, order)
        elif len(self._parts) > 1:
            # An epoch may end before a source is used up. The next one is to draw from all of it, and TFDS keeps a
            # single file small.
            buffer = max(buffer, files.num_records)
        examples = examples.map(
            lambda example: {**example, "seed": _fold_in(seed, example["index"]), "source": tf.constant(number)}
        )
        # `shuffle` mixes its seed with that of the graph, which is TensorFlow's global one unless it is set.
        tf.compat.v1.set_random_seed(1)
        shuffle_seed = tf.random.stateless_uniform((), _fold_in(seed, _BUFFER), None, None, tf.int64)
        return examples.shuffle(buffer, shuffle_seed, reshuffle_each_iteration=False)


def _fold_in(seed, number):
    return tf.random.fold_in(seed, tf.cast(number, tf.int64))
