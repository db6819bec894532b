"""Loading of PyTorch's tensors into a network whose layers have the names of PyTorch's modules."""

import pathlib
import re

import numpy as np
from keras import layers

from hierseg_keras.messages.capped_list import capped
from hierseg_keras.models.backbones.window_attention import WindowAttention
from hierseg_keras.models.weights.pytorch_file import read_pytorch_file
from hierseg_keras.models.weights.safetensors_file import read_safetensors

# By type of layer, from the name of PyTorch's parameter to the layer's variable and the order of the parameter's axes.
_SCALE_AND_SHIFT = {"weight": ("gamma", None), "bias": ("beta", None)}
_PARAMETERS = {
    layers.Conv2D: {"weight": ("kernel", (2, 3, 1, 0)), "bias": ("bias", None)},
    layers.DepthwiseConv2D: {"weight": ("kernel", (2, 3, 0, 1)), "bias": ("bias", None)},
    layers.Dense: {"weight": ("kernel", (1, 0)), "bias": ("bias", None)},
    layers.LayerNormalization: _SCALE_AND_SHIFT,
    layers.BatchNormalization: {
        **_SCALE_AND_SHIFT,
        "running_mean": ("moving_mean", None),
        "running_var": ("moving_variance", None),
    },
    WindowAttention: {"relative_position_bias_table": ("relative_position_bias_table", None)},
}
# The largest number of tensors that an error names.
_SHOWN_MISFITS = 20
# Buffers of PyTorch's networks that are not needed here.
_NO_WEIGHTS = ("num_batches_tracked", "relative_position_index", "attn_mask")


def load_tensors(model, path, ignored=(), prefixes=("",)):
    """Loads a file into a network whose layers have the names of PyTorch's modules, either completely or not at all.

    Args:
        model: `keras.Model`. All its weights must belong to convolutions, dense layers, normalizations or
            `WindowAttention`.
        path: Path of a `.safetensors` file, or of a `.pth` file in PyTorch's old format.
        ignored: First parts of the names of tensors that the network does not have, such as those of a
            classifier. Defaults to none.
        prefixes: Prefixes of the names of layers that the names in the file do not have. With several
            prefixes, the layers under each prefix get the same tensors. Defaults to no prefix.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be read, or if a tensor is missing, has another shape, or does not belong to
            the network. The error lists all such tensors.
    """
    tensors, misfits = {}, []
    for stored_name, tensor in _read(path).items():
        # Names such as `_blocks.0._bn1` lose their underscores, with which no layer's name begins.
        name = re.sub(r"(^|\.)_", r"\1", stored_name)
        if name in tensors:
            misfits.append(f"{stored_name}: twice in the file, with and without underscores")
        if name.split(".")[0] not in ignored and not name.endswith(_NO_WEIGHTS):
            tensors[name] = tensor
    places = [place for prefix in prefixes for place in _places(model, prefix)]
    turned = {(name, axes): _turned(tensors[name], axes) for name, _, axes in places if name in tensors}
    for name, variable, axes in places:
        if name not in tensors:
            misfits.append(f"{name}: missing in the file")
        elif turned[name, axes].dtype.kind != "f":
            misfits.append(f"{name}: {turned[name, axes].dtype} values, expected floating-point numbers")
        elif tuple(variable.shape) != turned[name, axes].shape:
            shape = turned[name, axes].shape
            misfits.append(f"{name}: shape {shape}, expected {tuple(variable.shape)}, in Keras's order of axes")
    known = {name for name, _, _ in places}
    misfits += [f"{name}: not in the network" for name in sorted(tensors.keys() - known)]
    if misfits:
        shown = "\n  ".join(capped(misfits, _SHOWN_MISFITS))
        raise ValueError(
            f"`weights` expects a file with the weights of {model.name!r}. Received: {path}, which does not fit. "
            f"Nothing was loaded.\n  {shown}"
        )
    for name, variable, axes in places:
        variable.assign(turned[name, axes])


def _read(path):
    if not pathlib.Path(path).is_file():
        raise FileNotFoundError(
            f"`weights` expects the path of a .safetensors or .pth file. Received: weights={str(path)!r}, which is not "
            f"in {pathlib.Path(path).absolute().parent}. Put the file there, or pass another path."
        )
    return read_pytorch_file(path) if pathlib.Path(path).suffix == ".pth" else read_safetensors(path)


def _places(model, prefix):
    """Yields the name of each PyTorch parameter, the model's variable for it, and the order of its axes."""
    for layer in model.layers:
        for parameter, (attribute, axes) in _PARAMETERS.get(type(layer), {}).items():
            variable = getattr(layer, attribute)
            if variable is not None and layer.name.startswith(prefix):
                yield f"{layer.name.removeprefix(prefix)}.{parameter}", variable, axes


def _turned(tensor, axes):
    tensor = np.asarray(tensor)
    return tensor.transpose(axes) if axes and tensor.ndim == len(axes) else tensor
