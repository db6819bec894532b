"""Whatever the options say, a command ends with 0, 1 or 2 and at most one line on stderr."""

import collections
import random

import pytest

pytest.importorskip("tensorflow")
from hierseg_command.one_line import MAX_LENGTH  # noqa: E402
from hierseg_keras.cli.main import main, parser  # noqa: E402

# Of `train`, another test is about its configuration.
COMMANDS = {
    "data": "street_blocks --data-dir ../data",
    "evaluate": "run",
    "recipes": "muller_smith_helen_unet",
    "export": "run --out out",
    "predict": "run image.png --out out",
    "report": "run --out out",
    "profile": "--image 8x8 --data.tree cityscapes --network.name UNet --network.filters 2 --network.num_stages 1",
    "demo": "--dataset camvid_tree --manual-dir lost --data-dir ../data",
}
NUM_VALUES = 1100
AWKWARD = [
    *("", " ", "a\nb", "\0", "9" * 30, "9" * 5000, "a" * 5000),
    *"- -- = , ,, x 1x 0x0 -1x5 8x8x8 1e1x3 none None auto true 0 -1 1 2.5 nan inf -inf 1e400 1e-400 0x10 1_0".split(),
    *"/ .. /dev/null /proc/self/mem /nowhere/at/all a/b:c a:b a:b.c os:system {} %s all ٣ ² 日本".split(),
    *"street_blocks/none street_blocks:9.9.9 train[:0%] train[ train+train".split(),
]


def random_text(rng):
    return "".join(rng.choice("01239.,x-+eE:/[]% aZ_é\t\n\"'\\{}") for _ in range(rng.randrange(1, 12)))


def command_lines():
    """More than a thousand, each with a random value for one option or argument."""
    rng = random.Random(0)
    subparsers = next(action for action in parser()._actions if action.dest == "command").choices
    for _ in range(NUM_VALUES):
        command = rng.choice(list(COMMANDS))
        given = [command, *COMMANDS[command].split()]
        value = rng.choice(AWKWARD) if rng.random() < 0.6 else random_text(rng)
        action = rng.choice([action for action in subparsers[command]._actions if action.nargs != 0])
        if action.option_strings:
            given.append(f"{action.option_strings[0]}={value}")
        else:
            given[1 if action.dest in ("run", "runs", "name", "recipe") else 2] = value
        yield given


def test_a_thousand_random_values_end_in_one_line(tmp_path, monkeypatch, capsys):
    # Takes longer than all else, once for each command that would train or evaluate.
    monkeypatch.setattr("gc.collect", lambda *_: 0)
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    codes = collections.Counter()
    for line in command_lines():
        try:
            code = main(line)
        except SystemExit as ended:
            code = ended.code
        printed = capsys.readouterr()
        codes[line[0], code] += 1
        assert code in (0, 1, 2) and "Traceback" not in printed.out + printed.err, line
        if code:
            # A configuration has a line per mistake, and both numbers of a pair may be mistaken.
            most = 2 if line[0] == "profile" else 1
            assert printed.err.startswith("hierseg") and printed.err.count("\n") <= most, line
            assert len(printed.err) < MAX_LENGTH + 200, line
        assert not any(folder.iterdir()), line
    # Most values are refused, and those that are not come as far as what the command needs.
    assert all(codes[command, 2] > 30 for command in COMMANDS)
    assert all(codes[command, 1] > 25 for command in COMMANDS.keys() - {"profile", "recipes"})
