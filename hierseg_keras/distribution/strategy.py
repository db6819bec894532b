"""The strategy that a run trains under, and how the number of replicas affects the results.

`tf.distribute.MirroredStrategy` keeps one replica of the network per device, and gives each replica
an equal part of every batch. One replica and several give the same loss, metrics and weights after
a step if every labeled pixel has the same weight in the loss and no layer depends on the whole
batch. Otherwise, three things differ:

- Batch normalization computes mean and variance over the replica's part of the batch. Each replica
  also keeps its own moving averages, and Keras (3.15) saves only those of the first replica; a run
  averages them over replicas before each validation. If a network has the option
  `synchronized_batch_norm`, it computes mean and variance over all replicas.
- Keras computes the mean over labeled pixels per replica, and then the mean over replicas. A pixel
  therefore has more weight if its replica has fewer labeled pixels. With `normalization="global"`,
  a loss divides by the number of labeled pixels on all replicas.
- Dropout draws other random numbers than on one replica. In a run, the numbers differ between
  replicas. In a plain `fit`, all replicas draw the same numbers.

In training, the batch size must be a multiple of the number of replicas, because on a replica without
an image, batch normalization would compute the mean of nothing and write NaN into its weights. In
evaluation, the parts of the last batch may differ in size. Counts are then summed over replicas, and
the loss is the mean of the replicas' losses, weighted by their numbers of images. On CPUs, a replica
without an image is an error in evaluation too, which `distribution.evaluation_batches` avoids.
"""

import functools
import numbers

import keras
import tensorflow as tf

from hierseg_keras.distribution.processes import leave_gpus, num_batch_devices
from hierseg_keras.distribution.unused_gpu import warn_of_unused_gpu


def make_strategy(replicas: int | str = "auto") -> tf.distribute.Strategy:
    """Makes the `tf.distribute` strategy for a number of visible devices.

    The devices are GPUs if there are any. Otherwise they are logical CPUs; TensorFlow has one unless
    `tf.config.set_logical_device_configuration` creates more. Calls with the same devices return the
    same strategy object, because the collective operations of two strategies would interfere.

    Args:
        replicas: Number of devices, or `"auto"`. Inside of a strategy's scope, `"auto"` returns that
            strategy. Outside, it uses all visible devices.

    Returns:
        `tf.distribute.MirroredStrategy`, or TensorFlow's default strategy for one device.

    Raises:
        ValueError: If `replicas` is neither `"auto"` nor an integer from 1 to the number of devices, or if it is 1
            inside of a strategy's scope.

    Example:

    >>> with hs.distribution.make_strategy(replicas=1).scope():
    ...     model = hs.models.UNet(tree, filters=2, num_stages=1)
    ...     model.compile("adamw", loss=loss)
    """
    if replicas == "auto" and tf.distribute.has_strategy():
        return tf.distribute.get_strategy()
    devices = _devices()
    count = len(devices) if replicas == "auto" else replicas
    is_number = isinstance(count, numbers.Integral) and not isinstance(count, bool)
    if not is_number or not 1 <= count <= len(devices):
        raise ValueError(
            f'`replicas` expects "auto" or a number from 1 to {len(devices)}, the visible '
            f"{devices[0].device_type}s. Received: replicas={replicas!r}."
        )
    return _mirrored(tuple(device.name for device in devices[:count])) if count > 1 else _one_device()


def current_strategy() -> tf.distribute.Strategy:
    """Returns the strategy of the current scope, or TensorFlow's default strategy outside of any scope."""
    return tf.distribute.get_strategy()


def check_jit_compile(jit_compile: bool | str, strategy: tf.distribute.Strategy | None = None) -> None:
    """Checks that XLA is not used with several replicas, which would fail in the first step with an unclear error.

    `hierseg train` and `training.train` call it before they prepare the data. If you compile a model yourself,
    call it before `compile`.

    Args:
        jit_compile: The argument of `compile`: `True`, `False` or `"auto"`, which disables XLA on several
            replicas.
        strategy: `tf.distribute.Strategy`. Defaults to the strategy of the current scope.

    Raises:
        ValueError: If `jit_compile` is `True` and the strategy has several replicas.

    Example:

    >>> hs.distribution.check_jit_compile(True, hs.distribution.make_strategy(1))
    """
    replicas = (strategy or current_strategy()).num_replicas_in_sync
    if jit_compile is True and replicas > 1:
        raise ValueError(
            "`jit_compile=True` expects one replica, because XLA cannot compile a step in which the replicas of "
            f"MirroredStrategy exchange gradients. Received: jit_compile=True with {replicas} replicas. Pass "
            'jit_compile="auto", or train on one device.'
        )


def check_layers_under_xla(model):
    """Checks that XLA computes all layers of a network as TensorFlow does.

    Keras only warns, and compiles the network without XLA.

    Raises:
        ValueError: If a layer has `supports_jit = False`.
    """
    layers = {type(layer).__name__: None for layer in model._flatten_layers() if not layer.supports_jit}
    if layers:
        raise ValueError(
            '`jit_compile` expects false or "auto" for this network, because XLA computes layers of it wrongly or not '
            f"at all: {', '.join(layers)}. Received: True."
        )


def check_precision(precision, strategy):
    """Checks that the loss is not scaled on several replicas.

    Keras (3.15) looks for infinite gradients on the first replica only. Those of another replica would be applied.

    Raises:
        ValueError: If `precision` is `"mixed_float16"` and the strategy has several replicas.
    """
    replicas = strategy.num_replicas_in_sync
    if precision == "mixed_float16" and replicas > 1:
        raise ValueError(
            '`precision="mixed_float16"` expects one replica, because Keras detects infinite gradients only on the '
            f'first one. Received: {replicas} replicas. Use "mixed_bfloat16", or train on one device.'
        )


def check_outside_scope(owner):
    """Checks that a function that predicts on one device is not called in the scope of several replicas.

    There, Keras would predict each batch once per replica.

    Args:
        owner: Name of the function, for the error.

    Raises:
        ValueError: If the strategy of the current scope has several replicas.
    """
    replicas = current_strategy().num_replicas_in_sync
    if replicas > 1:
        raise ValueError(
            f"`{owner}` expects to be called outside of the scope of a strategy. Received: a scope with {replicas} "
            "replicas. Call it after the block `with strategy.scope()`."
        )


def check_strategy(strategy):
    """Checks that a strategy is one that Keras can train under.

    Raises:
        ValueError: If it is a strategy for several machines, whose `fit` fails in Keras 3 (keras-team/keras#20585).
    """
    kinds = (
        tf.distribute.MultiWorkerMirroredStrategy,
        tf.distribute.experimental.MultiWorkerMirroredStrategy,
        tf.distribute.experimental.ParameterServerStrategy,
    )
    if isinstance(strategy, kinds):
        raise ValueError(
            "`strategy` expects a strategy for one machine, because the `fit` of Keras 3 fails with "
            f"MultiWorkerMirroredStrategy (keras-team/keras#20585). Received: {type(strategy).__name__}. Train on "
            "several machines with the JAX backend: `hierseg train --coordinator`, or "
            "`hierseg_keras.distribution.start_processes`."
        )


def check_batch_size(batch_size, strategy):
    """Checks that training batches give every replica equally many images.

    Args:
        batch_size: Integer, images per batch over all replicas.
        strategy: `tf.distribute.Strategy`.

    Raises:
        ValueError: If the number of replicas does not divide `batch_size`.
    """
    replicas = max(strategy.num_replicas_in_sync, num_batch_devices())
    if batch_size % replicas:
        raise ValueError(
            f"`batch_size` expects a multiple of the number of replicas ({replicas}), because the mean over replicas "
            f"would otherwise weigh images unequally. Received: batch_size={batch_size}. Pass "
            f"{batch_size + -batch_size % replicas}, or use fewer replicas."
        )


def _devices():
    """Returns the devices that may hold a replica."""
    if keras.backend.backend() != "tensorflow":
        # The backend has devices of its own. TensorFlow only loads the data.
        leave_gpus()
        return tf.config.list_logical_devices("CPU")[:1]
    warn_of_unused_gpu()
    return tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")


@functools.cache
def _mirrored(devices):
    return tf.distribute.MirroredStrategy(list(devices))


def _one_device():
    """Returns TensorFlow's default strategy. Inside of another scope it raises, because that strategy would be used."""
    if tf.distribute.has_strategy():
        raise ValueError(
            "`replicas=1` expects a call outside of any strategy's scope. Received: replicas=1 inside of the scope of "
            f'{type(tf.distribute.get_strategy()).__name__}. Pass replicas="auto" to use this strategy.'
        )
    return tf.distribute.get_strategy()
