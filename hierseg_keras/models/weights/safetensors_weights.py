"""PyTorch networks' weights from `.safetensors` files, which hold numbers and no code."""

import pathlib

import numpy as np
from keras import layers

from hierseg_keras.models.backbones.window_attention import WindowAttention
from hierseg_keras.tree.capped_list import capped

# A layer's variables by the names of PyTorch's parameters, and how a kernel's axes are turned.
_SCALE_AND_SHIFT = {"weight": ("gamma", None), "bias": ("beta", None)}
_PARAMETERS = {
    layers.Conv2D: {"weight": ("kernel", (2, 3, 1, 0)), "bias": ("bias", None)},
    layers.Dense: {"weight": ("kernel", (1, 0)), "bias": ("bias", None)},
    layers.LayerNormalization: _SCALE_AND_SHIFT,
    layers.BatchNormalization: {
        **_SCALE_AND_SHIFT,
        "running_mean": ("moving_mean", None),
        "running_var": ("moving_variance", None),
    },
    WindowAttention: {"relative_position_bias_table": ("relative_position_bias_table", None)},
}
# How many tensors an error names.
_SHOWN_MISFITS = 20
# Tensors that can be told from the network's sizes.
_NO_WEIGHTS = ("num_batches_tracked", "relative_position_index", "attn_mask")


def load_safetensors(model, path, ignored=(), prefixes=("",)):
    """Loads a network whose layers are named as the file's modules are: all of it, or nothing.

    Args:
        model: `keras.Model` whose weights are those of convolutions, dense layers, normalizations
            and attention in windows.
        path: Of a `.safetensors` file.
        ignored: First parts of the names of tensors that the network has no place for, such as
            those of a classifier.
        prefixes: What the names of layers begin with here and not in the file. Where there are
            several, each part of the network is given the same tensors.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no safetensors file, or a tensor is missing, has another shape or has
            no place in the model, all of which are listed. Nothing is loaded then.
    """
    tensors = {
        name: tensor
        for name, tensor in read_safetensors(path).items()
        if name.split(".")[0] not in ignored and not name.endswith(_NO_WEIGHTS)
    }
    misfits, places = [], [place for prefix in prefixes for place in _places(model, prefix)]
    turned = {(name, axes): _turned(tensors[name], axes) for name, _, axes in places if name in tensors}
    for name, variable, axes in places:
        if name not in tensors:
            misfits.append(f"{name}: missing in the file")
        elif tuple(variable.shape) != turned[name, axes].shape:
            shape = turned[name, axes].shape
            misfits.append(f"{name}: shape {shape}, expected {tuple(variable.shape)}, axes as Keras's")
    known = {name for name, _, _ in places}
    misfits += [f"{name}: no place in the network" for name in sorted(tensors.keys() - known)]
    if misfits:
        shown = "\n  ".join(capped(misfits, _SHOWN_MISFITS))
        raise ValueError(f"{path}: not the weights of {model.name!r}; nothing is loaded:\n  {shown}")
    for name, variable, axes in places:
        variable.assign(turned[name, axes])


def read_safetensors(path):
    """All tensors of a file by name, as NumPy arrays."""
    # Where it is not used it need not be installed.
    import safetensors

    if not pathlib.Path(path).is_file():
        raise FileNotFoundError(f"`weights` expects the path of a .safetensors file. Received: weights={str(path)!r}.")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}
    except (safetensors.SafetensorError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: not a safetensors file of NumPy's number types. {error}. Weights in PyTorch's own format (.pth, "
            ".bin) run code as they are opened and are not read; save them with `safetensors.torch.save_file`."
        ) from None


def _places(model, prefix):
    """Triples of a PyTorch parameter's name, and its variable and axes here."""
    for layer in model.layers:
        for parameter, (attribute, axes) in _PARAMETERS.get(type(layer), {}).items():
            variable = getattr(layer, attribute)
            if variable is not None and layer.name.startswith(prefix):
                yield f"{layer.name.removeprefix(prefix)}.{parameter}", variable, axes


def _turned(tensor, axes):
    tensor = np.asarray(tensor)
    return tensor.transpose(axes) if axes and tensor.ndim == len(axes) else tensor
