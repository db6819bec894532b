"""Functions of the replicas of `tf.distribute`, for losses and callbacks."""

import keras


def replica_context():
    """Returns the `tf.distribute` context of the current replica, or `None` if there is only one replica."""
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    replica = tf.distribute.get_replica_context()
    return replica if replica is not None and replica.num_replicas_in_sync > 1 else None


def num_replicas():
    """Returns the number of replicas that share a batch."""
    replica = replica_context()
    return 1 if replica is None else replica.num_replicas_in_sync


def sum_over_replicas(value):
    """Sums a tensor over all replicas."""
    replica = replica_context()
    if replica is None:
        return value
    import tensorflow as tf

    return replica.all_reduce(tf.distribute.ReduceOp.SUM, value)


def random_uniform(shape, seed_generator):
    """Draws uniform float32 numbers in [0, 1), which differ between replicas.

    With a `SeedGenerator` alone, all replicas would draw the same numbers.
    """
    replica = replica_context()
    if replica is None:
        return keras.random.uniform(shape, seed=seed_generator)
    import tensorflow as tf

    seed = tf.random.fold_in(seed_generator.next(), replica.replica_id_in_sync_group)
    return tf.random.stateless_uniform(shape, seed)


def copies_of(model, variable):
    """Returns the copies of a model's variable, a tuple with one variable per replica."""
    if keras.backend.backend() != "tensorflow":
        return (variable,)
    return model.distribute_strategy.experimental_local_results(variable.value)
