"""Arrays in every layout, and everything that must not be read as values."""

import concurrent.futures

import h5py
import numpy as np
import pytest

from tfds_builders.reading import matlab_v7
from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.matlab_v7 import SlicedArray

VALUES = np.random.default_rng(0).integers(0, 2**16, (5, 6, 7)).astype(np.uint16)
PACKED = {"chunks": (1, 6, 7), "compression": "gzip"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.mat"


def write(path, values=VALUES, **options):
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("labels", data=values, **options)


def read(path, dtype=np.uint16):
    """All slices, stacked."""
    with h5py.File(path, "r") as file:
        array = SlicedArray(file, "labels", dtype)
        return np.stack([array[index] for index in range(array.shape[0])])


def message_of(path, dtype=np.uint16):
    with pytest.raises(ImageFileError) as caught:
        read(path, dtype)
    assert str(path) in str(caught.value) and "`labels`" in str(caught.value)
    return str(caught.value)


class SlicedArrayTest:
    @pytest.mark.parametrize("chunks", [(1, 6, 7), (2, 4, 3), (5, 6, 7), (3, 1, 5)])
    @pytest.mark.parametrize("shuffle", [False, True])
    def test_chunks_of_any_shape(self, chunks, shuffle, path):
        write(path, chunks=chunks, compression="gzip", shuffle=shuffle)
        np.testing.assert_array_equal(read(path), VALUES)

    @pytest.mark.parametrize("options, expected", [({}, False), (PACKED, True)])
    def test_arrays_without_check_sums_say_so(self, options, expected, path):
        write(path, **options)
        np.testing.assert_array_equal(read(path), VALUES)
        with h5py.File(path, "r") as file:
            assert SlicedArray(file, "labels", np.uint16).has_check_sums is expected

    def test_one_flipped_byte_never_changes_a_value(self, path):
        write(path, VALUES[:2, :2], chunks=(1, 2, 7), compression="gzip")
        whole = path.read_bytes()
        outcomes = []
        # Most of the file is zeros between the tables, which nothing reads.
        for place in (place for place, byte in enumerate(whole) if byte and place >= 512):
            spoiled = bytearray(whole)
            spoiled[place] ^= 0x55
            path.write_bytes(spoiled)
            try:
                with h5py.File(path, "r") as file:
                    array = SlicedArray(file, "labels", np.uint16)
                    outcomes.append(all(np.array_equal(array[i], VALUES[i, :2]) for i in range(2)))
                    assert outcomes[-1] or array.shape != (2, 2, 7), place
            # h5py's own, where it cannot open the file.
            except (ImageFileError, OSError):
                pass
        assert outcomes

    def test_threads_may_read_at_once(self, path):
        write(path, chunks=(2, 4, 3), compression="gzip")
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for values in pool.map(read, [path] * 100):
                np.testing.assert_array_equal(values, VALUES)

    def test_lost_and_unpacked_chunks_are_refused(self, path):
        write(path, **PACKED)
        with h5py.File(path, "a") as file:
            file["labels"].id.write_direct_chunk((2, 0, 0), VALUES[2].tobytes(), filter_mask=1)
        assert "slice 2, counted from 0" in message_of(path)
        with h5py.File(path, "w") as file:
            file.create_dataset("labels", VALUES.shape, np.uint16, **PACKED)[:3] = VALUES[:3]
        assert "slice 3, counted from 0" in message_of(path)

    def test_other_filters_are_refused(self, path):
        for options in ({"chunks": (1, 6, 7)}, {"fletcher32": True}, {"compression": "lzf"}):
            write(path, **options)
            assert "filters" in message_of(path)

    def test_other_types_are_refused(self, path):
        for values in (VALUES.astype(">u2"), VALUES.astype(np.int16), VALUES.astype(np.float32), b"text"):
            write(path, values)
            assert "values of uint16" in message_of(path)

    def test_what_is_no_array_in_the_file_is_refused(self, path, tmp_path):
        write(tmp_path / "other.mat", VALUES)
        layout = h5py.VirtualLayout(VALUES.shape, np.uint16)
        layout[:] = h5py.VirtualSource(tmp_path / "other.mat", "labels", VALUES.shape)
        fills = [
            lambda file: None,
            lambda file: file.create_group("labels"),
            lambda file: file.update(labels=h5py.ExternalLink("other.mat", "labels")),
            lambda file: file.update(labels=h5py.SoftLink("/elsewhere")),
            lambda file: file.create_virtual_dataset("labels", layout),
            lambda file: file.create_dataset("labels", (5, 6, 7), np.uint16, external=[("raw", 0, 420)]),
        ]
        for fill in fills:
            with h5py.File(path, "w") as file:
                fill(file)
            assert "an array in the file itself" in message_of(path)

    def test_huge_chunks_are_refused_before_they_are_read(self, path, monkeypatch):
        write(path, **PACKED)
        monkeypatch.setattr(matlab_v7, "MAX_CHUNK_BYTES", 83)
        assert "chunks of (1, 6, 7)" in message_of(path)
