"""PyTorch networks' weights from `.safetensors` files, which hold numbers and no code."""

import pathlib

import numpy as np
from keras import layers

# A layer's variables by the names of PyTorch's parameters, and how a kernel's axes are turned.
_CONVOLUTION = {"weight": ("kernel", (2, 3, 1, 0)), "bias": ("bias", None)}
_NORMALIZATION = {
    "weight": ("gamma", None),
    "bias": ("beta", None),
    "running_mean": ("moving_mean", None),
    "running_var": ("moving_variance", None),
}


def load_safetensors(model, path, ignored=()):
    """Loads a network whose layers are named as the file's modules are: all of it, or nothing.

    Args:
        model: `keras.Model` of which convolutions and batch normalisations hold all weights.
        path: Of a `.safetensors` file.
        ignored: First parts of the names of tensors that the network has no place for, such as
            those of a classifier.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no safetensors file, or a tensor is missing, has another shape or has
            no place in the model, all of which are listed. Nothing is loaded then.
    """
    tensors = read_safetensors(path)
    places = dict(_places(model))
    for_model = {name for name in tensors if name.split(".")[0] not in ignored and not name.endswith("batches_tracked")}
    misfits = [f"{name}: missing in the file" for name in places if name not in tensors]
    misfits += [f"{name}: no place in the network" for name in sorted(for_model - places.keys())]
    turned = {name: _turned(tensors[name], axes) for name, (_, axes) in places.items() if name in tensors}
    for name, tensor in turned.items():
        variable, _ = places[name]
        if tuple(variable.shape) != tensor.shape:
            misfits.append(f"{name}: shape {tuple(tensor.shape)}, expected {tuple(variable.shape)}, axes as Keras's")
    if misfits:
        shown = "\n  ".join(misfits[:20] + ([f"and {len(misfits) - 20} more"] if len(misfits) > 20 else []))
        raise ValueError(f"{path}: not the weights of {model.name!r}; nothing is loaded:\n  {shown}")
    for name, tensor in turned.items():
        places[name][0].assign(tensor)


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


def _places(model):
    """Pairs of a PyTorch parameter's name, and its variable and axes here."""
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            parameters = _CONVOLUTION
        elif isinstance(layer, layers.BatchNormalization):
            parameters = _NORMALIZATION
        else:
            continue
        for parameter, (attribute, axes) in parameters.items():
            variable = getattr(layer, attribute)
            if variable is not None:
                yield f"{layer.name}.{parameter}", (variable, axes)


def _turned(tensor, axes):
    tensor = np.asarray(tensor)
    return tensor.transpose(axes) if axes and tensor.ndim == len(axes) else tensor
