"""Pretrained weights of backbones, loaded whole or not at all."""

import os
import pathlib
import warnings

import keras

from hierseg_keras.models.backbones.named_backbones import BACKBONES
from hierseg_keras.models.keras_cv import keras_cv_parts
from hierseg_keras.models.weights.safetensors_weights import load_safetensors

_APPLICATIONS_FILES = {
    "ResNet50": "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "ResNet101": "resnet101_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "ResNet101V2": "resnet101v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
}


def load_backbone_weights(name, backbone, weights):
    """Loads a named backbone's pretrained weights.

    Args:
        name: One of `BACKBONES`.
        backbone: The `keras.Model` that holds the weights.
        weights: `"imagenet"`, downloaded by Keras or KerasCV where it is not in their cache; or
            the path of a file as they would have downloaded, `.h5` or `.weights.h5`; or, for a
            backbone as PyTorch has it, of a `.safetensors` file.

    Raises:
        ValueError: If the backbone has no ImageNet weights, or the file is of another network,
            naming what does not fit. Nothing is loaded then.
        OSError: If the file is missing or the download failed, naming the file and its place.
    """
    library, source = BACKBONES[name].imagenet or (None, None)
    if weights != "imagenet" and not pathlib.Path(weights).is_file():
        raise FileNotFoundError(f'`weights` expects "imagenet" or the path of a file. Received: weights={weights!r}.')
    ignored = BACKBONES[name].ignored
    if ignored is not None and weights != "imagenet":
        load_safetensors(backbone, weights, ignored)
        return
    if library is None:
        offered = [n for n, b in BACKBONES.items() if b.imagenet]
        also = "" if ignored is None else " the path of a .safetensors file,"
        raise ValueError(
            f"no pretrained weights are known for backbone={name!r}. Received: weights={weights!r}. Pass weights=None,"
            f"{also} or one of the backbones {offered}."
        )
    fetch = _from_applications if library == "keras.applications" else _from_keras_cv
    _carry(fetch(source, weights), backbone, weights)


def load_pyramid_weights(pyramid, model, path):
    """Loads timm's weights from a `.safetensors` file into a network made on a `Pyramid`'s maps."""
    trunk = keras.Model(model.input, model.get_layer(pyramid.last_layer).output, name="backbone")
    load_safetensors(trunk, path, pyramid.ignored)


def _from_applications(source, weights):
    network = getattr(keras.applications, source)
    file = _APPLICATIONS_FILES[source]
    if weights != "imagenet":
        made = network(include_top=False, weights=None)
        return _read(made, weights, f"keras.applications.{source} without top")
    try:
        return network(include_top=False, weights=weights)
    except Exception as error:
        cache = pathlib.Path(os.environ.get("KERAS_HOME", "~/.keras")) / "models"
        raise OSError(
            f"could not load {file} of keras.applications.{source}: {_first_line(error)}. Put the file in {cache}, or "
            "pass its path as `weights`."
        ) from None


def _from_keras_cv(source, weights):
    parts = keras_cv_parts()
    if weights != "imagenet":
        return _read(parts.resnet_v2_backbone((3, 4, 6, 3), 32), weights, f"KerasCV's {source}")
    try:
        return parts.preset(source)
    except Exception as error:
        raise OSError(
            f"could not download KerasCV's {source}: {_first_line(error)}. Pass the path of its model.weights.h5 as "
            "`weights`."
        ) from None


def _read(network, path, what):
    """The network with the file's weights, all of them: Keras warns of layers that it leaves as they are."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            network.load_weights(path)
    except Exception as error:
        raise ValueError(f"{path}: not the weights of {what}. {_first_line(error)}") from None
    return network


def _carry(source, backbone, weights):
    """Copies weights that agree in number and shape."""
    pairs = list(zip(source.weights, backbone.weights))
    misfits = [f"{b.path} {b.shape}, file {a.shape}" for a, b in pairs if tuple(a.shape) != tuple(b.shape)]
    if misfits or len(source.weights) != len(backbone.weights):
        raise ValueError(
            f"{weights}: expected {len(backbone.weights)} weights. Received: {len(source.weights)}, of which "
            f"{len(misfits)} have another shape: {misfits[:5]}."
        )
    backbone.set_weights(source.get_weights())


def _first_line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
