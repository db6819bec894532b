"""Arrays of a MATLAB file of version 7.3, read a slice at a time.

Such a file is HDF5. h5py finds the arrays and their chunks in it; a chunk is unpacked here, as
HDF5 reads zeros for a chunk that its index has lost, and damage to the list of filters would
turn a packed chunk into values. Every chunk has passed its check sum.
"""

import itertools
import zlib

import numpy as np
from absl import logging
from etils import epath

from tfds_builders.paired_images import ImageFileError

MAX_SLAB_BYTES = 2**30
# HDF5's numbers of the filters that MATLAB and h5py use.
_PIPELINES = {(1,): False, (2, 1): True}


class SlicedArray:
    """One array of a MATLAB 7.3 file, whose last axis as MATLAB shows it comes first here, as in h5py.

    Args:
        path: The file, for messages.
        file: `h5py.File`.
        name: Name of the variable.
        dtype: What its values must be.

    Attributes:
        shape: Tuple of integers, in h5py's order: MATLAB's reversed.

    Raises:
        ImageFileError: That names the file, where there is no such array in it.
    """

    def __init__(self, path, file, name, dtype):
        self.path, self.name, self.dtype = epath.Path(path), name, np.dtype(dtype).newbyteorder("<")
        try:
            self._variable = self._inside(file)
            self.shape = self._variable.shape or ()
            self._chunks = self._variable.chunks
            plist = self._variable.id.get_create_plist()
            pipeline = tuple(plist.get_filter(place)[0] for place in range(plist.get_nfilters()))
        except ImageFileError:
            raise
        # Damaged bytes make h5py raise OSError, RuntimeError, KeyError, ValueError and others, here and below.
        except Exception as error:
            raise self._damaged(error) from error
        if self._chunks is None:
            logging.warning("%s: `%s` has no check sum, so that damage to its values cannot be seen", path, name)
        elif pipeline not in _PIPELINES:
            raise self._unexpected("chunks that are compressed as MATLAB does", f"HDF5's filters {pipeline}")
        elif self._chunks[0] * self.dtype.itemsize * np.prod(self.shape[1:], dtype=float) > MAX_SLAB_BYTES:
            raise self._unexpected(f"chunks that span at most {MAX_SLAB_BYTES // 2**20} MiB", f"chunks of {self._chunks}")
        self._is_shuffled = _PIPELINES.get(pipeline)
        self._first, self._slab = None, None

    def __getitem__(self, index):
        """The slice at an integer `index` of the first axis. Raises `ImageFileError` where it is damaged."""
        try:
            if self._chunks is None:
                return self._variable[index]
            depth = self._chunks[0]
            first = index // depth * depth
            # Chunks may span many slices, which are wanted one after the other.
            if first != self._first:
                self._first, self._slab = first, self._read_slab(first)
            return self._slab[index - first]
        except ImageFileError:
            raise
        except Exception as error:
            raise self._damaged(f"slice {index}: {error}") from error

    def _inside(self, file):
        """Refuses links to other files and arrays that are made up of these."""
        import h5py

        link = file.get(self.name, getlink=True)
        variable = file[self.name] if isinstance(link, h5py.HardLink) else None
        if not isinstance(variable, h5py.Dataset) or variable.is_virtual or variable.external:
            raise self._unexpected("an array in the file itself", type(variable or link).__name__)
        # h5py rounds a float of odd exponents to the next that NumPy has.
        if not variable.id.get_type().equal(h5py.h5t.py_create(self.dtype)):
            raise self._unexpected(f"values of {self.dtype}", variable.dtype)
        return variable

    def _read_slab(self, first):
        slab = np.empty((min(self._chunks[0], self.shape[0] - first), *self.shape[1:]), self.dtype)
        for place in itertools.product(*map(range, map(int, [0] * (slab.ndim - 1)), slab.shape[1:], self._chunks[1:])):
            target = slab[(slice(None), *(slice(start, start + n) for start, n in zip(place, self._chunks[1:])))]
            chunk = self._read_chunk((first, *place))
            # Chunks at the far edges reach beyond them.
            target[...] = chunk[tuple(map(slice, target.shape))]
        return slab

    def _read_chunk(self, place):
        skipped_filters, packed = self._variable.id.read_direct_chunk(place)
        size = int(np.prod(self._chunks)) * self.dtype.itemsize
        stream = zlib.decompressobj()
        content = stream.decompress(packed, size + 1)
        if skipped_filters or len(content) != size or not stream.eof or stream.unused_data:
            raise self._damaged(f"a chunk at {place} that does not unpack to {size} bytes")
        if self._is_shuffled:
            content = np.frombuffer(content, np.uint8).reshape(self.dtype.itemsize, -1).T.tobytes()
        return np.frombuffer(content, self.dtype).reshape(self._chunks)

    def _damaged(self, reason):
        return self._unexpected("a whole MATLAB 7.3 file", str(reason) or type(reason).__name__)

    def _unexpected(self, expected, received):
        return ImageFileError(
            f"{self.path}: `{self.name}`: expected {expected}. Received: {received}. Restore the file from its source"
        )
