"""Every block of code of the README and of the documentation is run or parsed, and every public name has its page.

Python blocks of one page are run in order and in one namespace, on tiny data and with one step of training. A comment
`<!-- parsed: REASON -->` above a block leaves it at being compiled.
"""

import configparser
import functools
import json
import pathlib
import re
import shlex
import tomllib

import keras
import numpy as np
import pytest
import yaml

pytest.importorskip("tensorflow")
import hierseg_keras as hs  # noqa: E402
import tfds_builders  # noqa: E402
from hierseg_keras.cli.config_options import config_of  # noqa: E402
from hierseg_keras.cli.main import parser  # noqa: E402
from hierseg_keras.visualization.page.page_data import FORMAT_VERSION, tree_data  # noqa: E402
from tests.visualization.small_page import content  # noqa: E402

ROOT = pathlib.Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
ROOMS = (
    "tree",
    "distribution",
    "losses",
    "metrics",
    "decoding",
    "models",
    "data",
    "training",
    "clustering",
    "export",
    "prediction",
    "visualization",
)
BLOCK = re.compile(
    r"^(?:<!-- parsed: (?P<reason>[^\n]+) -->\n)?```(?P<language>\w*)\n(?P<code>.*?)^```", re.DOTALL | re.MULTILINE
)
ENTRY = re.compile(r"^::: (\S+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
SIZE = (48, 64)
LANGUAGES = {"python", "bash", "toml", "json", "yaml", "csv", "text", "output"}


@functools.cache
def blocks(page):
    """`(reason, language, code)` of each block of a page."""
    return [match.group("reason", "language", "code") for match in BLOCK.finditer(page.read_text("utf-8"))]


def all_blocks(language):
    return [code for page in PAGES for _, block_language, code in blocks(page) if block_language == language]


def commands():
    """The lines of all `hierseg` commands, those that go on in the next line joined."""
    return re.findall(r"^hierseg .*$", "".join(all_blocks("bash")).replace("\\\n", ""), re.MULTILINE)


def named(page):
    return str(page.relative_to(ROOT))


def has_python(page):
    return any(language == "python" for _, language, _ in blocks(page))


def run(page):
    """Runs a page's Python and returns its names."""
    names = {"__name__": "page"}
    for reason, language, code in blocks(page):
        if language == "python":
            compiled = compile(code, named(page), "exec")
            if reason is None:
                exec(compiled, names)
    return names


def public_names():
    builders = [f"tfds_builders.{name}" for name in tfds_builders.__all__]
    return builders + [f"hierseg_keras.{room}.{name}" for room in ROOMS for name in getattr(hs, room).__all__]


@pytest.fixture
def tiny(data_dir, tmp_path, monkeypatch, run_eagerly):
    """Two small batches of every data set, one step of every training, and an empty folder to work in."""
    import tensorflow_datasets as tfds

    load, fit, predict, builder = hs.data.load, keras.Model.fit, keras.Model.predict, tfds.builder
    shared = {"data_dir": str(data_dir)}
    small = {"batch_size": 2, "size": SIZE}
    one_step = {"epochs": 1, "steps_per_epoch": 1, "validation_steps": 1, "verbose": 0}

    def load_small(*args, **options):
        crop_size = {"crop_size": SIZE} if "crop_size" in options else {}
        return load(*args, **options | small | crop_size).take(2)

    monkeypatch.setattr(tfds, "builder", lambda name, **options: builder(name, **options | shared))
    monkeypatch.setattr(hs.data, "load", load_small)
    monkeypatch.setattr(keras.Model, "fit", lambda self, *args, **options: fit(self, *args, **options | one_step))
    monkeypatch.setattr(keras.Model, "predict", lambda self, x: predict(self, x, verbose=0))
    monkeypatch.chdir(tmp_path)
    return tmp_path


class BlocksTest:
    @pytest.mark.parametrize("page", [page for page in PAGES[1:] if has_python(page)], ids=named)
    def test_python_runs_as_it_stands(self, page, tiny):
        run(page)

    def test_the_readme_does_what_it_says(self, tiny):
        names = run(README)
        assert [level.shape for level in names["levels"]] == [(2, *SIZE)] * 3
        assert {"val_miou_1", "val_miou_3", "val_miou_mean"} <= set(names["model"].history.history)
        assert (tiny / "street" / "1" / "saved_model.pb").is_file()

    @pytest.mark.parametrize("line", commands())
    def test_commands_parse(self, line, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        # The configurations of the runs that a command names.
        for path in map(pathlib.Path, re.findall(r"--config (\S+)", line)):
            path.parent.mkdir(parents=True, exist_ok=True)
            hs.training.RunConfig().to_file(path)
        options = parser().parse_args(shlex.split(line)[1:])
        assert options.command in line
        # Of a run every value is checked; the classes of a module of one's own are not there.
        if options.command in ("train", "profile") and not options.imports:
            assert config_of(options).network.name

    def test_make_targets_exist(self):
        makefile = (ROOT / "Makefile").read_text("utf-8")
        written = "".join(page.read_text("utf-8") for page in PAGES)
        targets = set(re.findall(r"(?:^|`)make ([\w-]+)", written, re.MULTILINE))
        assert {"demo", "test", "docs"} <= targets
        for target in targets:
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target

    def test_extras_exist(self):
        setup = configparser.ConfigParser()
        setup.read(ROOT / "setup.cfg")
        for extra in re.findall(r'"\.\[(\w+)\]"', "".join(all_blocks("bash"))):
            assert extra in setup["options.extras_require"]

    def test_data_parses(self):
        assert {language for page in PAGES for _, language, _ in blocks(page)} <= LANGUAGES
        for code in all_blocks("toml"):
            tomllib.loads(code)
        configuration = next(code for code in all_blocks("toml") if "[network]" in code)
        assert hs.training.RunConfig(**tomllib.loads(configuration)).network.width == 32
        for code in all_blocks("json"):
            json.loads(code)
        manifests = [manifest for code in all_blocks("yaml") for manifest in yaml.safe_load_all(code)]
        assert [manifest["kind"] for manifest in manifests] == ["Service", "Job"]

    def test_runners_of_clusters_take_the_options_of_the_page(self):
        beam_options = pytest.importorskip(
            "apache_beam.options.pipeline_options", reason="apache-beam is not installed"
        )
        (code,) = (code for code in all_blocks("python") if "beam_runner" in code)
        flags = re.findall(r"--(\w+)=([^\s\",]+)", code)
        options = beam_options.PipelineOptions([f"--{name}={value}" for name, value in flags])
        assert {name: str(value) for name, value in options.get_all_options(drop_default=True).items()} == dict(flags)

    def test_texts_are_trees(self):
        trees = [hs.ClassTree.from_text(code) for code in all_blocks("text")]
        names = {"hs": hs}
        page = blocks(ROOT / "docs" / "trees.md")
        exec(next(code for _, language, code in page if language == "python"), names)
        assert trees[0] == names["tree"]

    def test_tables_of_classes_are_class_maps(self, tmp_path):
        for code in all_blocks("csv"):
            (tmp_path / "table.csv").write_text(code, "utf-8")
            assert hs.data.ClassMap.from_file(tmp_path / "table.csv").rows

    def test_printed_trees_and_reports_are_what_is_printed(self):
        outputs = "".join(all_blocks("output"))
        tree = hs.ClassTree.from_text(all_blocks("text")[0])
        assert f"{tree}\n" in outputs
        tree = hs.ClassTree.from_text("human\n\tperson\n\trider\nsky")
        report = hs.metrics.TreeReport(tree)
        report.update_state(np.array([[[0, 0, 1, 2]]]), np.eye(3)[[[[0, 1, 1, 0]]]])
        assert f"{report.to_text()}\n" in outputs


class PagesTest:
    def test_the_readme_is_a_door(self):
        lines = README.read_text("utf-8").splitlines()
        assert len(lines) <= 150
        assert any(line.startswith("![") for line in lines[:10])

    def test_links_lead_somewhere(self):
        for page in PAGES:
            for target in LINK.findall(page.read_text("utf-8")):
                assert (page.parent / target).exists(), f"{named(page)}: {target}"

    def test_report_page_is_whole_and_of_this_version(self):
        folder = ROOT / "docs" / "report_page" / "data"
        page = content(folder.parent / "index.html")
        assert page["format"] == FORMAT_VERSION
        assert page["tree"] == tree_data(hs.ClassTree.load("street_blocks"), None)
        files = [f"{place}{end}" for place in range(len(page["images"])) for end in (".jpg", ".js", ".0.js", ".1.js")]
        assert {file.name for file in folder.iterdir()} == {"report.js", *files}
        assert sum(file.stat().st_size for file in folder.iterdir()) < 2e6

    def test_every_public_name_has_an_entry(self):
        entries = [entry for page in PAGES for entry in ENTRY.findall(page.read_text("utf-8"))]
        assert sorted(entries) == sorted(public_names())

    def test_every_room_has_a_page(self):
        assert set(ROOMS) == {name for name in hs.__all__ if hasattr(getattr(hs, name), "__path__")}
        for room in ROOMS:
            page = (ROOT / "docs" / "api" / f"{room}.md").read_text("utf-8")
            names = [name for name in public_names() if name.startswith(f"hierseg_keras.{room}.")]
            assert sorted(ENTRY.findall(page)) == sorted(names)

    def test_top_level_names_are_those_of_a_room(self):
        documented = [getattr(getattr(hs, room), name) for room in ROOMS for name in getattr(hs, room).__all__]
        for name in set(hs.__all__) - {*ROOMS, "__version__"}:
            assert any(getattr(hs, name) is thing for thing in documented), name

    def test_pinned_versions_are_those_of_the_constraints(self):
        page = (ROOT / "docs" / "getting_started.md").read_text("utf-8").replace("\n", " ")
        pinned = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE))
        for name, package in (("Keras", "keras"), ("TensorFlow", "tensorflow"), ("KerasCV", "keras-cv")):
            assert f"{name} {pinned[package]}" in page

    def test_shipped_trees_are_named(self):
        page = (ROOT / "docs" / "trees.md").read_text("utf-8")
        for name in hs.ClassTree.available():
            assert f"`{name}`" in page

    def test_data_sets_are_named(self):
        page = (ROOT / "docs" / "data_sets.md").read_text("utf-8")
        for folder in (ROOT / "tfds_builders").iterdir():
            if (folder / "CITATIONS.bib").exists():
                assert f"`{folder.name}" in page

    def test_losses_metrics_and_models_are_explained(self):
        for page, room in (("choose_a_loss", hs.losses), ("metrics", hs.metrics), ("models_and_methods", hs.models)):
            text = (ROOT / "docs" / f"{page}.md").read_text("utf-8")
            for name in room.__all__:
                assert name in text, f"{page}: {name}"

    def test_versions_agree(self):
        assert f"version: {hs.__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
        assert f"## {hs.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
