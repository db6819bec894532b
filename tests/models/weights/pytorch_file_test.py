"""Files in PyTorch's old format: read without PyTorch, and refused where they are anything else."""

import os
import pickle
import struct
import zipfile

import numpy as np
import pytest

from hierseg_keras.models.weights.pytorch_file import read_pytorch_file
from tests.models.weights.old_pytorch_file import (
    MACHINE,
    Tensor,
    called,
    complete,
    dumped,
    file_of,
    parts_of,
    tensor_dict,
    tupled,
)

SIX = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
TENSORS = {"conv.weight": Tensor(SIX, (2, 3)), "norm.steps": Tensor([7], (), key="1", dtype="torch LongStorage")}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.pth"


def read(path, content):
    path.write_bytes(content)
    return read_pytorch_file(path)


def refusal(path, content):
    """The message of the error, of which the reason is the part that varies."""
    with pytest.raises(ValueError, match="`weights` expects a dict of tensors in PyTorch's old format") as caught:
        read(path, content)
    message = str(caught.value)
    assert f"Received: {path}: " in message and "\n" not in message and len(message) < 500 + len(str(path))
    return message


def with_tensor(**options):
    return b"".join(parts_of({"x": Tensor(**{"values": SIX, **options})}))


class Malicious:
    """An object whose pickle calls a function with one argument."""

    def __init__(self, function, argument):
        self.call = (function, (argument,))

    def __reduce__(self):
        return self.call


class ReadPytorchFileTest:
    def test_tensors_have_their_names_types_and_values(self, path):
        tensors = read(path, b"".join(parts_of(TENSORS)))
        assert list(tensors) == ["conv.weight", "norm.steps"]
        np.testing.assert_array_equal(tensors["conv.weight"], [[0, 1, 2], [3, 4, 5]])
        assert tensors["conv.weight"].dtype == np.float32
        assert (
            tensors["norm.steps"].dtype == np.int64 and tensors["norm.steps"].shape == () and tensors["norm.steps"] == 7
        )

    def test_tensors_may_share_a_storage(self, path):
        shared = {
            "turned": Tensor(SIX, (3, 2), strides=(1, 3)),
            "end": Tensor(SIX, (2,), offset=4),
            "none": Tensor(SIX, (0, 4)),
        }
        tensors = read(path, b"".join(parts_of(shared)))
        np.testing.assert_array_equal(tensors["turned"], [[0, 3], [1, 4], [2, 5]])
        np.testing.assert_array_equal(tensors["end"], [4, 5])
        assert tensors["none"].shape == (0, 4)

    @pytest.mark.parametrize("protocol", [0, 2, 4])
    @pytest.mark.parametrize("function", [os.system, eval, exec], ids=lambda function: function.__name__)
    @pytest.mark.parametrize("position", range(5))
    def test_nothing_is_run_by_any_of_the_five_pickles(self, position, function, protocol, path, tmp_path):
        marker = tmp_path / "run"
        argument = f"touch {marker}" if function is os.system else f"open({str(marker)!r}, 'w')"
        content = pickle.dumps(Malicious(function, argument), protocol)
        # The pickle does what it says where it is read by Python.
        pickle.loads(content)
        assert marker.exists()
        marker.unlink()
        parts = parts_of(TENSORS)
        parts[position] = content
        message = refusal(path, b"".join(parts))
        assert "which no file of weights needs. Nothing in the file was run." in message
        assert not marker.exists()

    def test_a_call_among_tensors_is_refused(self, path):
        parts = parts_of(TENSORS)
        call = called("posix system", tupled(dumped("true")))
        parts[3] = complete(tensor_dict(TENSORS)[:-1] + b"(" + dumped("y") + call + b"u")
        assert "it names 'posix system', which" in refusal(path, b"".join(parts))

    def test_a_pickled_network_is_refused_by_the_name_of_its_class(self, path):
        parts = parts_of(TENSORS)
        parts[3] = complete(called("torchvision.models ResNet", b")"))
        assert "it names 'torchvision.models ResNet', which" in refusal(path, b"".join(parts))

    def test_a_truncated_file_is_refused_wherever_it_ends(self, path):
        whole = b"".join(parts_of(TENSORS))
        assert len(read(path, whole)) == 2
        for end in range(0, len(whole), 3):
            refusal(path, whole[:end])
        assert "it is truncated" in refusal(path, whole[:-1])

    @pytest.mark.parametrize("content", [b"", b"\n", b"weights", bytes(1000), b"\x80\x02N.", pickle.dumps([1.0])])
    def test_other_content_is_refused(self, content, path):
        refusal(path, content)

    def test_a_zip_archive_is_refused_with_what_to_do(self, path):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps({}))
        message = refusal(path, path.read_bytes())
        assert "it is a zip archive, as PyTorch 1.6 and later write." in message
        assert "Save the weights with `safetensors.torch.save_file`, and pass that file." in message

    @pytest.mark.parametrize("values", [{}, [Tensor(SIX)], {"x": 1}, "x"])
    def test_something_other_than_a_dict_of_tensors_is_refused(self, values, path):
        parts = parts_of(TENSORS)
        if isinstance(values, list):
            parts[3] = complete(b"(" + values[0].instructions() + b"t")
        else:
            parts[3] = pickle.dumps(values, 2)
        refusal(path, b"".join(parts))

    @pytest.mark.parametrize(
        "options",
        [
            {"offset": -1},
            {"offset": 1},
            {"offset": 2**70},
            {"shape": (-1,)},
            {"shape": (-2, -3)},
            {"shape": (7,)},
            {"shape": (2**62, 2**62)},
            {"shape": (2, 3), "strides": (-3, 1), "offset": 3},
            {"shape": (2, 3), "strides": (4, 1)},
            {"shape": (2, 3), "strides": (2**62, 1)},
            # Each value many times: a small file with a large tensor.
            {"shape": (2**40, 6), "strides": (0, 1)},
            {"shape": (0, 2**62)},
        ],
    )
    def test_a_tensor_outside_its_storage_is_refused(self, options, path):
        refusal(path, with_tensor(**options))

    @pytest.mark.parametrize(
        "options",
        [
            {"shape": (2, "3"), "strides": (3, 1)},
            {"shape": (2, 3), "strides": (3,)},
            {"shape": (None,), "strides": (1,)},
            {"shape": 6, "strides": 1},
            {"offset": "0"},
            {"shape": [6], "strides": {"a": 1}},
            {"dtype": "collections OrderedDict"},
            {"dtype": "torch HalfStorage"},
            {"count": 5},
            {"count": -6},
            {"count": "6"},
            {"part": ("1", 0, 6)},
        ],
    )
    def test_a_tensor_that_is_described_wrongly_is_refused(self, options, path):
        refusal(path, with_tensor(**options))

    @pytest.mark.parametrize("count", [-1, -(2**63), 2**40, 2**62, 2**63 - 1])
    def test_a_count_that_the_file_does_not_have_is_refused(self, count, path):
        parts = parts_of({"x": Tensor(SIX, count=count, shape=(2,))})
        parts[5] = struct.pack("<q", count) + parts[5][8:]
        assert "it is truncated" in refusal(path, b"".join(parts))

    @pytest.mark.parametrize("keys", [[], ["0"], ["0", "1", "1"], ["0", "2"], [0, 1], {"0": 0}, None, [["0"]]])
    def test_other_keys_than_those_of_the_tensors_are_refused(self, keys, path):
        parts = parts_of(TENSORS)
        parts[4] = pickle.dumps(keys, 2)
        refusal(path, b"".join(parts))

    def test_storages_of_two_types_under_one_key_are_refused(self, path):
        refusal(path, b"".join(parts_of({"x": Tensor([1.0]), "y": Tensor([1], dtype="torch LongStorage")})))

    def test_a_dict_that_contains_itself_is_refused(self, path):
        parts, value = parts_of(TENSORS), {}
        value["x"] = value
        parts[3] = pickle.dumps(value, 2)
        assert "it contains something other than a dict of tensors" in refusal(path, b"".join(parts))

    @pytest.mark.parametrize("change", [{"little_endian": False}, {"little_endian": 1}])
    def test_files_of_other_machines_are_refused(self, change, path):
        parts = parts_of(TENSORS)
        parts[2] = pickle.dumps(MACHINE | change, 2)
        assert "it does not begin as such a file does" in refusal(path, b"".join(parts))

    def test_arrays_can_be_read_only(self, path):
        array = np.arange(6, dtype="float32").reshape(1, 2, 3)
        found = read(path, file_of({"x": array}))["x"]
        np.testing.assert_array_equal(found, array)
        assert not found.flags.writeable
