"""Reads the tensors of a file in PyTorch's old format, without PyTorch and without running anything in the file.

Such a file is a sequence of pickles: a magic number, the version of the protocol, facts about the machine, a dict from
names to tensors, and the keys of the tensors' storages. The raw bytes of the storages follow. A pickle can name any
function of any module to be called when it is read. The reader here knows four names, and refuses all others.
"""

import collections
import dataclasses
import math
import pathlib
import pickle
import struct

import numpy as np

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_COUNT = struct.Struct("<q")


@dataclasses.dataclass(frozen=True)
class _View:
    """A tensor as the pickle describes it: a part of a storage."""

    storage: tuple
    offset: int
    shape: tuple
    strides: tuple


def _view(storage, offset, shape, strides, *_):
    return _View(storage, offset, shape, strides)


_KNOWN = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _view,
    ("torch", "FloatStorage"): np.dtype("<f4"),
    ("torch", "LongStorage"): np.dtype("<i8"),
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) not in _KNOWN:
            raise _Refused(f"it calls {module}.{name}, which no file of weights needs")
        return _KNOWN[module, name]

    def persistent_load(self, identity):
        return identity


class _Refused(ValueError):
    """Says what is wrong with a file."""


def read_pytorch_file(path):
    """Reads all tensors of a file in PyTorch's old format.

    Args:
        path: Path of the file.

    Returns:
        Dict from names to NumPy arrays, float32 or int64.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not a dict of tensors in this format, is truncated, or names a class or function
            that such a dict does not need.
    """
    if not pathlib.Path(path).is_file():
        raise FileNotFoundError(f"`weights` expects the path of a .pth file. Received: weights={str(path)!r}.")
    with open(path, "rb") as file:
        try:
            return _tensors(file, pathlib.Path(path).stat().st_size)
        # A damaged pickle raises almost any exception.
        except Exception as error:
            reason = error if isinstance(error, _Refused) else f"it is damaged or in another format ({error})"
            raise ValueError(
                f"`weights` expects a dict of tensors in PyTorch's old format. Received: {path}: {reason}. Nothing in "
                "the file was run. Save the weights with `safetensors.torch.save_file`, and pass that file."
            ) from None


def _tensors(file, size):
    magic_number, protocol, machine = (_Unpickler(file).load() for _ in range(3))
    if magic_number != _MAGIC_NUMBER or protocol != _PROTOCOL or not machine["little_endian"]:
        raise _Refused("it does not begin as such a file does")
    views = _Unpickler(file).load()
    if not isinstance(views, dict) or not all(isinstance(view, _View) for view in views.values()):
        raise _Refused("it holds something else than a dict of tensors")
    dtypes = {view.storage[2]: view.storage[1] for view in views.values()}
    storages = {key: _storage(file, size, dtypes[key]) for key in _Unpickler(file).load()}
    return {name: _array(view, storages[view.storage[2]]) for name, view in views.items()}


def _storage(file, size, dtype):
    (count,) = _COUNT.unpack(file.read(_COUNT.size))
    if not 0 <= count * dtype.itemsize <= size - file.tell():
        raise _Refused("it is truncated")
    return np.frombuffer(file.read(count * dtype.itemsize), dtype)


def _array(view, storage):
    last = view.offset + sum((size - 1) * stride for size, stride in zip(view.shape, view.strides, strict=True))
    within = 0 <= view.offset <= last < len(storage) and min((0, *view.strides)) >= 0
    if math.prod(view.shape) > len(storage) or min((1, *view.shape)) < 1 or not within:
        raise _Refused("a tensor is not within its storage")
    strides = [stride * storage.itemsize for stride in view.strides]
    return np.lib.stride_tricks.as_strided(storage[view.offset :], view.shape, strides, writeable=False)
