"""Reads arrays of a MATLAB file of version 7.3 one slice at a time.

Such a file is an HDF5 file. h5py finds the arrays and their chunks, and this module decompresses the
chunks. HDF5 itself would return zeros for a chunk that is missing in its index, and compressed bytes
as values if the list of its filters is damaged. All checksums are compared here.
"""

import itertools
import math
import zlib

import numpy as np

from tfds_builders.reading.file_problems import ImageFileError

MAX_CHUNK_BYTES = 2**29
# HDF5's numbers of the filters that MATLAB and h5py use: deflate, optionally after a shuffle of bytes.
_DEFLATE, _SHUFFLE = 1, 2
_PIPELINES = [(_DEFLATE,), (_SHUFFLE, _DEFLATE)]


class SlicedArray:
    """An array of a MATLAB 7.3 file. Its axes are in the reverse order of MATLAB's, as in h5py.

    Args:
        file: `h5py.File`, which must stay open while slices are read.
        name: String, name of the variable.
        dtype: Expected dtype of the values.

    Attributes:
        shape: Tuple of integers, the reverse of MATLAB's shape.
        has_check_sums: Boolean, whether the array is compressed. Otherwise damaged values are not
            detected.

    Raises:
        ImageFileError: If the file has no such array. The error names the file.
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
            raise self._unexpected("chunks compressed with MATLAB's filters", f"HDF5's filters {self._pipeline}")
        if self.has_check_sums and self._chunk_bytes() > MAX_CHUNK_BYTES:
            raise self._unexpected(f"chunks of at most {MAX_CHUNK_BYTES // 2**20} MiB", f"chunks of {self._chunks}")

    def __getitem__(self, index):
        """Reads one slice.

        Args:
            index: Integer in `[0, shape[0])`.

        Returns:
            Array of shape `shape[1:]`.

        Raises:
            ImageFileError: If the slice is damaged. The error names the file.
        """
        try:
            if not self.has_check_sums:
                return self._variable[index]
            depth, *sizes = self._chunks
            slice_ = np.empty(self.shape[1:], self._dtype)
            for corner in itertools.product(*(range(0, length, n) for length, n in zip(slice_.shape, sizes))):
                target = slice_[tuple(slice(start, start + n) for start, n in zip(corner, sizes))]
                chunk = self._read_chunk((index - index % depth, *corner))
                # The last chunk of an axis extends beyond the array.
                target[...] = chunk[(index % depth, *map(slice, target.shape))]
            return slice_
        except ImageFileError:
            raise
        except Exception as error:
            raise self._damaged(f"slice {index}, counted from 0: {error}") from error

    def _find(self, file):
        """Returns the variable. Raises if it is in another file, to which HDF5 can link."""
        import h5py

        link = file.get(self._name, getlink=True)
        variable = file[self._name] if isinstance(link, h5py.HardLink) else link
        if not isinstance(variable, h5py.Dataset) or variable.is_virtual or variable.external:
            raise self._unexpected("an array in the file itself", type(variable).__name__)
        # h5py maps floats with other exponents to NumPy's nearest dtype.
        if not variable.id.get_type().equal(h5py.h5t.py_create(self._dtype)):
            raise self._unexpected(f"values of {self._dtype.name}", variable.dtype)
        return variable

    def _read_chunk(self, corner):
        from h5py._objects import phil

        # Until version 3.16, h5py does not take its own lock here (h5py#2764), and two threads may crash the process.
        with phil:
            skipped_filters, packed = self._variable.id.read_direct_chunk(corner)
        stream = zlib.decompressobj()
        content = stream.decompress(packed, self._chunk_bytes() + 1)
        if skipped_filters or len(content) != self._chunk_bytes() or not stream.eof or stream.unused_data:
            raise self._damaged(f"a chunk at {corner} whose length differs from its shape")
        if _SHUFFLE in self._pipeline:
            content = np.frombuffer(content, np.uint8).reshape(self._dtype.itemsize, -1).T.tobytes()
        return np.frombuffer(content, self._dtype).reshape(self._chunks)

    def _chunk_bytes(self):
        return math.prod(self._chunks) * self._dtype.itemsize

    def _damaged(self, reason):
        return self._unexpected("a complete MATLAB 7.3 file", str(reason) or type(reason).__name__)

    def _unexpected(self, expected, received):
        return ImageFileError(
            f"{self._path}: `{self._name}`: expected {expected}. Received: {received}. Restore the file from its source"
        )
