"""Every kind of MATLAB file from which nothing must be read."""

import struct
import zlib

import numpy as np
import pytest
import scipy.io

from tfds_builders.reading import matlab_v5
from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.matlab_v5 import read_variables

MASK = np.arange(12, dtype=np.uint8).reshape(3, 4)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.mat"
    part = {"part_name": "head", "mask": MASK}
    scipy.io.savemat(path, {"anno": {"objects": [part, part]}, "numbers": [[1], [2]]}, do_compression=True)
    return path


def message_of(path, *names):
    with pytest.raises(ImageFileError) as caught:
        read_variables(path, names or ["anno", "numbers"])
    assert str(path) in str(caught.value)
    return str(caught.value)


class ReadVariablesTest:
    def test_values_and_order(self, path):
        numbers, anno = read_variables(path, ["numbers", "anno"])
        np.testing.assert_array_equal(numbers, [[1], [2]])
        np.testing.assert_array_equal(anno["objects"][0, 0][0, 1]["mask"][0, 0], MASK)

    def test_big_endian(self, tmp_path):
        # A 1 x 1 double of the name "x" and the value 2, as a machine of that byte order writes it.
        words = [struct.pack(">IIII", 6, 8, 6, 0), struct.pack(">IIii", 5, 8, 1, 1)]
        words += [struct.pack(">HHI", 1, 1, 0x78000000), struct.pack(">IId", 9, 8, 2.0)]
        body = b"".join(words)
        packed = zlib.compress(struct.pack(">II", 14, len(body)) + body)
        header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x01\x00MI"
        (tmp_path / "b.mat").write_bytes(header + struct.pack(">II", 15, len(packed)) + packed)
        np.testing.assert_array_equal(read_variables(tmp_path / "b.mat", ["x"]), [[[2.0]]])

    def test_missing_variables_are_named(self, path):
        assert "named labels, splits" in message_of(path, "anno", "labels", "splits")

    def test_every_truncation_is_refused(self, path):
        whole = path.read_bytes()
        for length in range(len(whole)):
            path.write_bytes(whole[:length])
            message_of(path)

    def test_every_flipped_byte_behind_the_free_text_is_refused(self, path):
        whole = path.read_bytes()
        for place in [*range(10), *range(124, len(whole))]:
            spoiled = bytearray(whole)
            spoiled[place] ^= 0x55
            path.write_bytes(spoiled)
            message_of(path)

    def test_bytes_that_pass_their_check_sum_and_mean_nothing(self, path):
        for body in (b"", b"nothing", b"\x0e\0\0\0\xff\xff\xff\x7f" + 64 * b"\xff"):
            packed = zlib.compress(body)
            path.write_bytes(path.read_bytes()[:128] + struct.pack("<II", 15, len(packed)) + packed)
            message_of(path)

    def test_uncompressed_variables_are_refused(self, path):
        scipy.io.savemat(path, {"anno": MASK})
        assert "checksum" in message_of(path, "anno")

    @pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"MATLAB 7.3 MAT-file".ljust(512)])
    def test_other_formats_are_refused(self, content, path):
        path.write_bytes(content)
        assert "MATLAB 5.0" in message_of(path)

    def test_size_is_limited_before_all_is_unpacked(self, path, monkeypatch):
        monkeypatch.setattr(matlab_v5, "MAX_BYTES", 2**20)
        scipy.io.savemat(path, {"anno": np.zeros(2**21, np.uint8)}, do_compression=True)
        assert path.stat().st_size < 2**13 and "at most 1 MiB" in message_of(path)
        path.write_bytes(bytes(2**20 + 1))
        assert "at most 1 MiB" in message_of(path)

    def test_folder_and_missing_file_are_named(self, tmp_path):
        message_of(tmp_path)
        message_of(tmp_path / "none.mat")
