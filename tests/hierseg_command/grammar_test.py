import importlib
import io
import subprocess
import sys

import pytest

from hierseg_command.commands import COMMANDS
from hierseg_command.grammar import make_parser, parse
from hierseg_command.main import main as run_process
from hierseg_command.one_line import MAX_LENGTH
from hierseg_command.option_values import factors, pair

pytest.importorskip("tensorflow")
import hierseg_keras as hs  # noqa: E402
from hierseg_keras.cli.main import parser  # noqa: E402
from hierseg_keras.models.wrappers.multi_scale import SCALES  # noqa: E402

# Run in a process of its own: prints exit code, output and what was imported, for each command line.
ANSWERED = """
import contextlib, io, sys
from hierseg_command.main import main
for line in {lines!r}:
    sys.argv = ["hierseg", *line.split()]
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            code = main()
        except SystemExit as ended:
            code = ended.code
    heavy = {{"hierseg_keras", "keras", "numpy", "tensorflow"}} & set(sys.modules)
    print(repr((code, out.getvalue(), sorted(heavy))))
"""


def answers(*lines):
    command = [sys.executable, "-c", ANSWERED.format(lines=lines)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [eval(line) for line in printed.splitlines()]


class MakeParserTest:
    def test_summaries_are_those_of_the_modules(self):
        for name, summary in COMMANDS.items():
            module = importlib.import_module(f"hierseg_keras.cli.{name.replace('-', '_')}")
            assert module.__doc__.splitlines()[0] == summary and callable(module.run)

    def test_every_command_shows_its_summary_in_the_list_and_in_its_own_help(self, capsys):
        listed = " ".join(make_parser().format_help().split())
        for name, summary in COMMANDS.items():
            assert summary in listed
            with pytest.raises(SystemExit):
                parser().parse_args([name, "--help"])
            assert summary in " ".join(capsys.readouterr().out.split())

    def test_the_version_goes_to_stdout(self, capsys):
        with pytest.raises(SystemExit) as ended:
            make_parser().parse_args(["--version"])
        assert not ended.value.code and capsys.readouterr() == (f"hierseg {hs.__version__}\n", "")

    def test_scales_of_the_help_are_those_of_the_papers(self, capsys):
        with pytest.raises(SystemExit):
            parse(["predict", "--help"])
        printed = capsys.readouterr().out.split("papers use")[1].split()[0]
        assert factors(printed) == SCALES


class ParseTest:
    def test_what_needs_no_network_is_answered_without_importing_one(self):
        helps = ["--help", *(f"{name} --help" for name in COMMANDS if name not in ("train", "profile"))]
        for code, printed, imported in answers(*helps):
            assert not code and printed.startswith("usage: hierseg") and not imported
        [(code, printed, imported)] = answers("--version")
        assert (code, printed, imported) == (0, f"hierseg {hs.__version__}\n", [])
        refused = (
            "evaluate run --scales 0",
            "data blocks --skip-bad",
            "demo --steps 0",
            "predict",
            "trian",
            "--versio",
            "",
        )
        for code, printed, imported in answers(*refused):
            assert code == 2 and printed.startswith("hierseg") and printed.count("\n") == 1 and not imported

    @pytest.mark.parametrize("option", ["--skip-bad", "--manual-dir=folder"])
    def test_options_that_require_another_are_refused(self, option, capsys):
        with pytest.raises(SystemExit) as ended:
            parse(["data", "street_blocks", option])
        assert ended.value.code == 2
        assert capsys.readouterr().err.startswith("hierseg data: --skip-bad and --manual-dir require --prepare.")
        assert parse(["data", "street_blocks", option, "--prepare"]).command == "data"

    @pytest.mark.parametrize(
        "line, expected",
        [
            ("trian", "hierseg: expected one of data, new-dataset, "),
            ("trian", "Received: 'trian'. Did you mean train? (see hierseg --help)\n"),
            ("predict run x --out o --skip-exsting", "arguments: --skip-exsting. Did you mean --skip-existing?"),
            (
                "evaluate run --splt=test",
                "hierseg evaluate: unrecognized arguments: --splt=test. Did you mean --split?",
            ),
            ("evaluate run more", "hierseg evaluate: unrecognized arguments: more. (see hierseg evaluate --help)\n"),
            ("export run --out o --format onx", "argument --format: expected one of savedmodel, litert, onnx."),
            ("export run --out o --format onx", "Received: 'onx'. Did you mean onnx?"),
            (
                "export run --out own.onx",
                "--out expects a file that ends in .tflite or .onnx, or a folder. Received: own",
            ),
            ("predict run x --out o --overwrite --skip-existing", "expected --overwrite or --skip-existing."),
        ],
    )
    def test_what_is_unknown_gets_the_nearest_name(self, line, expected, capsys):
        with pytest.raises(SystemExit) as ended:
            parse(line.split())
        printed = capsys.readouterr().err
        assert ended.value.code == 2 and expected in printed and printed.count("\n") == 1

    def test_refusals_are_one_line_whatever_was_received(self, capsys):
        for arguments in (["evaluate", "run", "--window", "a" * 9999], ["evaluate", "a", "two\nlines"]):
            with pytest.raises(SystemExit):
                parse(arguments)
            printed = capsys.readouterr().err
            assert printed.count("\n") == 1 and len(printed) < MAX_LENGTH + 100

    @pytest.mark.parametrize("value", ["0", "-1", "2.5", "nan", "", "x", str(2**31), "9" * 5000])
    def test_counts_are_whole_numbers_that_a_shape_may_have(self, value, capsys):
        with pytest.raises(SystemExit):
            parse(["data", "street_blocks", f"--count={value}"])
        assert "expected a whole number from 1 to 2147483647. Received: '" in capsys.readouterr().err

    def test_values_are_read(self):
        options = parse("evaluate run --replicas 2 --scales 0.5,1 --window 90x120 --flip".split())
        assert (options.replicas, options.scales, options.window, options.flip) == (2, (0.5, 1.0), (90, 120), True)
        assert parse("data x --count 3".split()).count == 3 and parse("demo --seed 0".split()).seed == 0
        assert parse("evaluate run".split()).replicas == "auto" and pair("1X2") == (1, 2)

    def test_paths_that_are_no_valid_text_are_printed_as_they_are(self, monkeypatch):
        stdout = io.TextIOWrapper(io.BytesIO(), "utf-8")
        monkeypatch.setattr("sys.stdout", stdout)
        monkeypatch.setattr("sys.argv", ["hierseg", "train"])
        monkeypatch.setattr("hierseg_keras.cli.main.main", lambda arguments: print("runs/\udcff", flush=True))
        run_process()
        assert stdout.buffer.getvalue() == b"runs/\xff\n"

    def test_a_home_folder_within_a_word_is_expanded(self, monkeypatch):
        monkeypatch.setenv("HOME", "/home/ada")
        options = parse(["predict", "~/run", "a~b.png", "--out=~/maps"])
        assert (options.run, options.images, options.out) == ("/home/ada/run", ["a~b.png"], "/home/ada/maps")

    def test_empty_names_are_refused(self, capsys):
        for arguments in (["evaluate", ""], ["data", "x", "--split="], ["export", "run", "--out="]):
            with pytest.raises(SystemExit):
                parse(arguments)
            assert "expected a name or a path. Received: ''" in capsys.readouterr().err
