"""The order and the seeds of training examples, which depend only on the run's seed and the epoch."""

import functools

import numpy as np
import tensorflow as tf

# Numbers that derive seeds for draws other than records. They are negative, because records are numbered from 0.
_FILES, _BUFFER, _CHOICES = -1, -2, -3


class TrainingOrder:
    """Returns the undecoded examples of any epoch.

    Each example is drawn from one of the sources, chosen at random or by `batch_shares`. A source that is exhausted
    starts again in another order. An epoch has as many examples as all sources together.

    Args:
        sources: List of `Source`.
        files: List of `RecordFiles` or `MemoryRecords`, one per source.
        weights: List of floats, how often to draw from each source relative to the others. `None` means their numbers
            of records.
        shuffle_buffer: Integer, number of examples in the shuffle buffer of a source that is too large to be cached.
        seed: Integer.
        batch_shares: List of integers, number of examples per source in every batch. Defaults to `None`, which chooses
            sources at random.
    """

    def __init__(self, sources, files, weights, shuffle_buffer, seed, batch_shares=None):
        cached = [part.read(source.parse) if part.is_small else None for source, part in zip(sources, files)]
        self._parts = list(zip(sources, files, cached))
        self.num_examples = sum(part.num_records for part in files)
        sizes = [part.num_records for part in files]
        self._weights = [float(weight) for weight in (sizes if weights is None else weights)]
        self._batch_shares = batch_shares
        self._shuffle_buffer, self._seed = shuffle_buffer, seed

    def epoch(self, epoch):
        """Returns the examples of an epoch. tf.data traces this method into a graph.

        Args:
            epoch: Int64 scalar tensor.

        Returns:
            `tf.data.Dataset` of the dicts that `Source.parse` returns, with two more entries: `seed`, the example's
            own seed, int64 `(2,)`; and `source`, the number of its source.
        """
        seed = _fold_in(tf.constant([self._seed, 0], tf.int64), epoch)
        if len(self._parts) == 1:
            return self._round(0, seed, 0)
        endless = [
            tf.data.Dataset.counter().flat_map(functools.partial(self._round, number, seed))
            for number in range(len(self._parts))
        ]
        choices = self._choices(_fold_in(seed, _CHOICES))
        return tf.data.Dataset.choose_from_datasets(endless, choices, stop_on_empty_dataset=False)

    def _choices(self, seed):
        """Returns the number of the source of every example."""
        if self._batch_shares is not None:
            batch = tf.data.Dataset.from_tensor_slices(interleaved(self._batch_shares))
            return batch.repeat().take(self.num_examples)
        logits = tf.math.log([self._weights])
        choices = tf.random.stateless_categorical(logits, self.num_examples, seed)
        return tf.data.Dataset.from_tensor_slices(choices[0])

    def _round(self, number, seed, round_):
        """Returns all examples of one source, shuffled."""
        source, files, examples = self._parts[number]
        seed = _fold_in(_fold_in(seed, number), round_)
        # A buffer of all cached examples needs no more memory than the cache.
        buffer = files.num_records
        if examples is None:
            order = tf.random.experimental.stateless_shuffle(tf.range(files.num_files), _fold_in(seed, _FILES))
            examples = files.read(source.parse, order)
            # Of several sources, one may not be exhausted when the epoch ends. Another order of the files lets every
            # epoch draw from other parts of it. A single file, which TFDS keeps small, has to be in the buffer.
            if files.num_files > 1 or len(self._parts) == 1:
                buffer = self._shuffle_buffer
        examples = examples.map(
            lambda example: {**example, "seed": _fold_in(seed, example["index"]), "source": tf.constant(number)}
        )
        # `shuffle` combines its seed with that of the graph, which would be TensorFlow's global seed.
        tf.compat.v1.set_random_seed(1)
        shuffle_seed = tf.random.stateless_uniform((), _fold_in(seed, _BUFFER), None, None, tf.int64)
        return examples.shuffle(buffer, shuffle_seed, reshuffle_each_iteration=False)


def interleaved(shares):
    """Returns the sources of a batch's examples, distributed evenly.

    Replicas receive consecutive parts of a batch. Each of them therefore gets nearly the same share of every source.

    Args:
        shares: List of integers, number of examples per source.

    Returns:
        Int64 array `(sum(shares),)`.

    Example:

    >>> interleaved([2, 4])
    array([1, 0, 1, 1, 0, 1])
    """
    places = np.concatenate([(np.arange(share) + 0.5) / share for share in shares])
    sources = np.repeat(np.arange(len(shares), dtype=np.int64), shares)
    return sources[np.argsort(places, kind="stable")]


def _fold_in(seed, number):
    return tf.random.fold_in(seed, tf.cast(number, tf.int64))
