"""Names the devices of a strategy."""

import keras
import tensorflow as tf


def device_names(strategy):
    """Returns the names of the devices that hold a replica.

    Args:
        strategy: `tf.distribute.Strategy`.

    On the JAX backend, they are those of `keras.distribution`, over all processes.

    Returns:
        List of strings, such as `"CPU:0"` or `"GPU:0, NVIDIA H100"`.
    """
    if keras.backend.backend() == "jax":
        return _jax_names()
    if strategy.num_replicas_in_sync > 1:
        devices = strategy.extended.worker_devices
    else:
        devices = [(tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU"))[0].name]
    return [_name(tf.DeviceSpec.from_string(device)) for device in devices]


def _jax_names():
    import jax

    devices = jax.devices() if keras.distribution.distribution() is not None else jax.devices()[:1]
    kinds = [[] if device.platform == "cpu" else [device.device_kind] for device in devices]
    return [", ".join([f"{device.platform.upper()}:{device.id}", *kind]) for device, kind in zip(devices, kinds)]


def _name(device):
    name = f"{device.device_type}:{device.device_index}"
    gpus = tf.config.list_physical_devices("GPU")
    # Several logical devices may share a GPU. They are named without details.
    if device.device_type != "GPU" or device.device_index >= len(gpus):
        return name
    details = tf.config.experimental.get_device_details(gpus[device.device_index])
    return ", ".join([name, *filter(None, [details.get("device_name")])])
