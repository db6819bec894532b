"""Reads the tensors of a file in PyTorch's old format, without PyTorch and without running anything in the file.

Such a file is a sequence of pickles: a magic number, the version of the protocol, facts about the machine, a dict from
names to tensors, and the keys of the tensors' storages. The raw values of the storages follow.
"""

import dataclasses
import math
import os
import struct

import numpy as np

from hierseg_keras.models.weights.data_pickle import PickleError, read_data_pickle

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_COUNT = struct.Struct("<q")
_ZIP = b"PK\x03\x04"


@dataclasses.dataclass(frozen=True)
class _Storage:
    """A storage as the pickle describes it: a row of values at the end of the file."""

    key: str
    dtype: np.dtype
    count: int


@dataclasses.dataclass(frozen=True)
class _View:
    """A tensor as the pickle describes it: a part of a storage."""

    storage: _Storage
    offset: int
    shape: tuple
    strides: tuple


def read_pytorch_file(path):
    """Reads all tensors of a file in PyTorch's old format.

    Args:
        path: Path of the file.

    Returns:
        Dict from names to NumPy arrays, float32 or int64.

    Raises:
        OSError: If the file cannot be opened.
        ValueError: If the file is not a dict of tensors in this format, is truncated, or names a class or function
            that such a dict does not need.
    """
    with open(path, "rb") as file:
        try:
            return _tensors(file, os.fstat(file.fileno()).st_size)
        # A damaged pickle raises almost any exception.
        except Exception as error:
            reason = error if isinstance(error, PickleError) else "it is damaged or in another format"
            raise ValueError(
                f"`weights` expects a dict of tensors in PyTorch's old format. Received: {path}: {reason}. Nothing in "
                "the file was run. Save the weights with `safetensors.torch.save_file`, and pass that file."
            ) from None


def _tensors(file, size):
    if file.read(len(_ZIP)) == _ZIP:
        raise PickleError("it is a zip archive, as PyTorch 1.6 and later write")
    file.seek(0)
    magic_number, protocol, machine = (_read(file) for _ in range(3))
    if magic_number != _MAGIC_NUMBER or protocol != _PROTOCOL or machine["little_endian"] is not True:
        raise PickleError("it does not begin as such a file does")
    views = _read(file)
    if not isinstance(views, dict) or not all(isinstance(view, _View) for view in views.values()):
        raise PickleError("it contains something other than a dict of tensors")
    storages = {view.storage.key: view.storage for view in views.values()}
    keys = _read(file)
    if not all(isinstance(key, str) for key in keys) or sorted(keys) != sorted(storages):
        raise PickleError("its tensors are not those whose values follow")
    values = {storages[key]: _values(file, size, storages[key]) for key in keys}
    return {name: _array(view, values[view.storage]) for name, view in views.items()}


def _read(file):
    return read_data_pickle(file, _KNOWN, _storage)


def _storage(identity):
    kind, dtype, key, _, count, part = identity
    # PyTorch once wrote storages that are parts of others.
    is_known = kind == "storage" and isinstance(dtype, np.dtype) and isinstance(key, str) and isinstance(count, int)
    if not is_known or part is not None:
        raise PickleError("it has a tensor whose values are stored in another way")
    return _Storage(key, dtype, count)


def _view(storage, offset, shape, strides, *_):
    if not isinstance(storage, _Storage) or not all(isinstance(i, int) for i in (offset, *shape, *strides)):
        raise PickleError("it has a tensor without values, sizes or strides")
    return _View(storage, offset, shape, strides)


# Everything that a file may name.
_KNOWN = {
    "collections OrderedDict": lambda: {},
    "torch._utils _rebuild_tensor_v2": _view,
    "torch FloatStorage": np.dtype("<f4"),
    "torch LongStorage": np.dtype("<i8"),
}


def _values(file, size, storage):
    (count,) = _COUNT.unpack(file.read(_COUNT.size))
    if count != storage.count:
        raise PickleError("a storage has another size than its tensors say")
    num_bytes = count * storage.dtype.itemsize
    if not 0 <= num_bytes <= size - file.tell():
        raise PickleError("it is truncated")
    return np.frombuffer(file.read(num_bytes), storage.dtype)


def _array(view, values):
    """Returns the part of a storage that a tensor consists of, as a read-only array."""
    last = view.offset + sum((size - 1) * stride for size, stride in zip(view.shape, view.strides, strict=True))
    if min(view.offset, *view.shape, *view.strides, 0) < 0 or max(last + 1, math.prod(view.shape)) > len(values):
        raise PickleError("a tensor is not within its storage")
    strides = [stride * values.itemsize for stride in view.strides]
    return np.lib.stride_tricks.as_strided(values[view.offset :], view.shape, strides, writeable=False)
