"""The devices that a run trains on, and what changes with their number.

`tf.distribute.MirroredStrategy` keeps a replica of the network on every device and gives each an
equal part of every batch. One replica and two give the same loss, metrics and weights after a
step where every image, or every labeled pixel of every replica, weighs the same and no layer
looks at the batch as a whole. Three things differ otherwise:

- Batch normalization takes mean and variance of the part of the batch that its replica has, so
  that two replicas normalize differently from one. Each replica also keeps moving averages of its
  own, of which Keras (3.15) reads and saves the first replica's; a run averages them before each
  validation. `synchronized_batch_norm`, where a network has it, takes them over all replicas.
- A mean over labeled pixels is taken on each replica and then over replicas, as Keras does it:
  the loss is the mean over replicas of the replicas' means. A pixel counts for more where its
  replica has fewer labeled ones. `normalization="global"` of a loss divides by the count of all
  replicas.
- Dropout draws other numbers than on one replica. In a run each replica draws its own; in a plain `fit`
  Keras draws the same ones on all.

In training the number of replicas divides every batch: an empty replica would leave batch
normalization without an image to take a mean of, and write NaN into its weights. In evaluation
the last batch need not divide: counters are summed, and the loss is the mean over images of the
loss of the part that they were in. A replica without an image is an error there too, on CPUs;
`distribution.evaluation_batches` makes batches that leave none without.
"""

import functools

import tensorflow as tf


def make_strategy(replicas: int | str = "auto") -> tf.distribute.Strategy:
    """Makes the `tf.distribute` strategy for a number of visible devices.

    Devices are GPUs where there are any, and otherwise the logical CPUs, of which TensorFlow has
    one unless `tf.config.set_logical_device_configuration` makes more. The same devices always
    give the same strategy, as two would meet in each other's collective operations.

    Args:
        replicas: Number of devices, or `"auto"` for all that are visible; inside of a strategy's
            scope `"auto"` is that strategy.

    Returns:
        `tf.distribute.MirroredStrategy`, or TensorFlow's default strategy for one device.

    Raises:
        ValueError: If `replicas` is neither `"auto"` nor an integer from 1 to the number of devices, or is 1 inside of
            a strategy's scope.

    Example:

    >>> with hs.distribution.make_strategy(replicas=1).scope():
    ...     model = hs.models.UNet(tree, filters=2, num_stages=1)
    ...     model.compile("adamw", loss=loss)
    """
    if replicas == "auto" and tf.distribute.has_strategy():
        return tf.distribute.get_strategy()
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    count = len(devices) if replicas == "auto" else replicas
    if not isinstance(count, int) or not 1 <= count <= len(devices):
        raise ValueError(
            f'`replicas` expects "auto" or a number from 1 to {len(devices)}, the visible '
            f"{devices[0].device_type}s. Received: replicas={replicas!r}."
        )
    return _mirrored(tuple(device.name for device in devices[:count])) if count > 1 else _one_device()


def current_strategy() -> tf.distribute.Strategy:
    """Returns the strategy in whose scope this is called; TensorFlow's default outside of any."""
    return tf.distribute.get_strategy()


def check_jit_compile(jit_compile: bool | str, strategy: tf.distribute.Strategy | None = None) -> None:
    """Refuses XLA on several replicas, which fails in the first step with an error about neither.

    `hierseg train` and `training.train` call it before data are prepared. Call it before your own `compile`.

    Args:
        jit_compile: As given to `compile`: `True`, `False` or `"auto"`, which is off on several
            replicas.
        strategy: `tf.distribute.Strategy`. Defaults to the one in whose scope it is called.

    Raises:
        ValueError: If `jit_compile` is true and the strategy has several replicas.

    Example:

    >>> hs.distribution.check_jit_compile(True, hs.distribution.make_strategy(1))
    """
    replicas = (strategy or current_strategy()).num_replicas_in_sync
    if jit_compile is True and replicas > 1:
        raise ValueError(
            "`jit_compile=True` expects one replica, as XLA cannot compile the step in which MirroredStrategy's "
            f"replicas exchange gradients. Received: jit_compile=True with {replicas} replicas. Pass jit_compile="
            '"auto", or train on one device.'
        )


def check_batch_size(batch_size, strategy):
    """Refuses training batches that do not give every replica equally many images.

    Args:
        batch_size: Images per batch, over all replicas.
        strategy: `tf.distribute.Strategy`.

    Raises:
        ValueError: If the number of replicas does not divide `batch_size`.
    """
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise ValueError(
            f"`batch_size` expects a multiple of the number of replicas ({replicas}), as the mean over replicas would "
            f"weigh images unequally. Received: batch_size={batch_size}. Pass {batch_size + -batch_size % replicas}, "
            "or fewer replicas."
        )


@functools.cache
def _mirrored(devices):
    return tf.distribute.MirroredStrategy(list(devices))


def _one_device():
    """TensorFlow's default, also inside of another strategy's scope, which would be silently used."""
    if tf.distribute.has_strategy():
        raise ValueError(
            "`replicas=1` expects to be outside of a strategy's scope. Received: replicas=1 inside of "
            f'{type(tf.distribute.get_strategy()).__name__}. Pass replicas="auto" to use it.'
        )
    return tf.distribute.get_strategy()
