"""Arrays of a MATLAB file of version 7.3, read a slice at a time.

Such a file is HDF5. h5py finds the arrays and their chunks in it; a chunk is unpacked here, as
HDF5 reads zeros for a chunk that its index has lost, and takes a packed chunk for values where
the list of its filters is damaged. Every chunk unpacked here has passed its check sum.
"""

import itertools
import math
import zlib

import numpy as np

from tfds_builders.reading.file_problems import ImageFileError

MAX_CHUNK_BYTES = 2**29
# HDF5's numbers of the filters that MATLAB and h5py use, deflate with or without a shuffle of bytes before.
_DEFLATE, _SHUFFLE = 1, 2
_PIPELINES = [(_DEFLATE,), (_SHUFFLE, _DEFLATE)]


class SlicedArray:
    """An array of a MATLAB 7.3 file. The last axis that MATLAB shows comes first here, as in h5py.

    Args:
        file: `h5py.File`, open as long as slices are read.
        name: Name of the variable.
        dtype: What its values must be.

    Attributes:
        shape: Tuple of integers, MATLAB's reversed.
        has_check_sums: Whether it is compressed. Otherwise damage to its values cannot be seen.

    Raises:
        ImageFileError: That names the file, where there is no such array in it.
    """

    def __init__(self, file, name, dtype):
        self._path, self._name, self._dtype = file.filename, name, np.dtype(dtype).newbyteorder("<")
        # Damaged bytes make h5py raise OSError, RuntimeError, KeyError, ValueError and others, here and below.
        try:
            self._variable = self._find(file)
            self.shape, self._chunks = self._variable.shape or (), self._variable.chunks
            properties = self._variable.id.get_create_plist()
            self._pipeline = tuple(properties.get_filter(place)[0] for place in range(properties.get_nfilters()))
        except ImageFileError:
            raise
        except Exception as error:
            raise self._damaged(error) from error
        self.has_check_sums = self._chunks is not None
        if self.has_check_sums and self._pipeline not in _PIPELINES:
            raise self._unexpected("chunks compressed as MATLAB does it", f"HDF5's filters {self._pipeline}")
        if self.has_check_sums and self._chunk_bytes() > MAX_CHUNK_BYTES:
            raise self._unexpected(f"chunks of at most {MAX_CHUNK_BYTES // 2**20} MiB", f"chunks of {self._chunks}")

    def __getitem__(self, index):
        """Reads one slice.

        Args:
            index: Integer in `[0, shape[0])`.

        Returns:
            Array of `shape[1:]`.

        Raises:
            ImageFileError: That names the file, where the slice is damaged.
        """
        try:
            if not self.has_check_sums:
                return self._variable[index]
            depth, *sizes = self._chunks
            slice_ = np.empty(self.shape[1:], self._dtype)
            for corner in itertools.product(*(range(0, length, n) for length, n in zip(slice_.shape, sizes))):
                target = slice_[tuple(slice(start, start + n) for start, n in zip(corner, sizes))]
                chunk = self._read_chunk((index - index % depth, *corner))
                # The last chunk of an axis reaches beyond it.
                target[...] = chunk[(index % depth, *map(slice, target.shape))]
            return slice_
        except ImageFileError:
            raise
        except Exception as error:
            raise self._damaged(f"slice {index}, counted from 0: {error}") from error

    def _find(self, file):
        """Refuses what lies in other files, to which HDF5 can link."""
        import h5py

        link = file.get(self._name, getlink=True)
        variable = file[self._name] if isinstance(link, h5py.HardLink) else link
        if not isinstance(variable, h5py.Dataset) or variable.is_virtual or variable.external:
            raise self._unexpected("an array in the file itself", type(variable).__name__)
        # h5py takes a float of other exponents for the nearest that NumPy has.
        if not variable.id.get_type().equal(h5py.h5t.py_create(self._dtype)):
            raise self._unexpected(f"values of {self._dtype.name}", variable.dtype)
        return variable

    def _read_chunk(self, corner):
        from h5py._objects import phil

        # Until 3.16 h5py forgets its own lock here (h5py#2764), and two threads may end the process.
        with phil:
            skipped_filters, packed = self._variable.id.read_direct_chunk(corner)
        stream = zlib.decompressobj()
        content = stream.decompress(packed, self._chunk_bytes() + 1)
        if skipped_filters or len(content) != self._chunk_bytes() or not stream.eof or stream.unused_data:
            raise self._damaged(f"a chunk at {corner} of another length than its shape")
        if _SHUFFLE in self._pipeline:
            content = np.frombuffer(content, np.uint8).reshape(self._dtype.itemsize, -1).T.tobytes()
        return np.frombuffer(content, self._dtype).reshape(self._chunks)

    def _chunk_bytes(self):
        return math.prod(self._chunks) * self._dtype.itemsize

    def _damaged(self, reason):
        return self._unexpected("a whole MATLAB 7.3 file", str(reason) or type(reason).__name__)

    def _unexpected(self, expected, received):
        return ImageFileError(
            f"{self._path}: `{self._name}`: expected {expected}. Received: {received}. Restore the file from its source"
        )
