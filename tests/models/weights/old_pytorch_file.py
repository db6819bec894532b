"""Writes files in PyTorch's old format without PyTorch, also such as PyTorch would not write."""

import dataclasses
import math
import pickle
import struct

import numpy as np

MAGIC_NUMBER, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
MACHINE = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
NO_ARGUMENTS = b")"


def dumped(value):
    """The instructions that push a value of plain data."""
    return pickle.dumps(value, 2)[2:-1]


def named(name):
    return b"c" + name.replace(" ", "\n").encode() + b"\n"


def called(name, arguments):
    return named(name) + arguments + b"R"


def tupled(*values):
    return b"(" + b"".join(values) + b"t"


def complete(instructions):
    return b"\x80\x02" + instructions + b"."


@dataclasses.dataclass
class Tensor:
    """A tensor on all or some of the values of a storage."""

    values: object
    shape: object = None
    strides: object = None
    offset: object = 0
    key: str = "0"
    dtype: str = "torch FloatStorage"
    count: int | None = None
    part: object = None

    def storage(self):
        count = len(self.values) if self.count is None else self.count
        key, part = dumped(self.key), dumped(self.part)
        return tupled(dumped("storage"), named(self.dtype), key, dumped("cpu"), dumped(count), part) + b"Q"

    def instructions(self):
        shape = (len(self.values),) if self.shape is None else self.shape
        strides = self.strides
        if strides is None:
            strides = tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))
        hooks = called("collections OrderedDict", NO_ARGUMENTS)
        place = [dumped(self.offset), dumped(shape), dumped(strides), dumped(False)]
        return called("torch._utils _rebuild_tensor_v2", tupled(self.storage(), *place, hooks))

    def stored(self):
        values = np.asarray(self.values, "<i8" if self.dtype == "torch LongStorage" else "<f4")
        return struct.pack("<q", values.size) + values.tobytes()


def tensor_dict(tensors):
    """The instructions that push a dict from names to tensors, with attributes as PyTorch gives it."""
    items = b"".join(dumped(name) + tensor.instructions() for name, tensor in tensors.items())
    attributes = dumped({"_metadata": {"": {"version": 1}}})
    return called("collections OrderedDict", NO_ARGUMENTS) + b"(" + items + b"u" + attributes + b"b"


def parts_of(tensors):
    """The five pickles of a file, and the values that follow."""
    storages = {tensor.key: tensor.stored() for tensor in tensors.values()}
    pickles = [pickle.dumps(value, 2) for value in (MAGIC_NUMBER, PROTOCOL, MACHINE)]
    return [*pickles, complete(tensor_dict(tensors)), pickle.dumps(list(storages), 2), b"".join(storages.values())]


def file_of(arrays):
    """The content of a file with float32 arrays."""
    tensors = {name: Tensor(array.ravel(), array.shape, key=str(i)) for i, (name, array) in enumerate(arrays.items())}
    return b"".join(parts_of(tensors))
