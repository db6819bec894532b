"""Facts that two files of the project give are the same in both."""

import configparser
import re
import tomllib
from pathlib import Path

import hierseg_keras as hs

ROOT = Path(__file__).parents[2]


def text(name):
    return (ROOT / name).read_text("utf-8")


def setup():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", "utf-8")
    return parser


class ProjectFilesTest:
    def test_the_version_is_that_of_the_citation_and_of_the_changelog(self):
        assert re.search(r"^version: (.+)$", text("CITATION.cff"), re.MULTILINE)[1] == hs.__version__
        assert re.search(r"^## (\S+)", text("CHANGELOG.md"), re.MULTILINE)[1] == hs.__version__

    def test_hooks_run_the_linter_of_the_constraints(self):
        pinned = re.search(r"^ruff==.+$", text("constraints.txt"), re.MULTILINE)[0]
        assert set(re.findall(r"ruff==[\d.]+", text(".pre-commit-config.yaml"))) == {pinned}

    def test_constraints_are_within_the_bounds_of_every_requirement(self):
        from packaging.requirements import Requirement

        options, extras = setup()["options"], setup()["options.extras_require"]
        lists = [options["install_requires"], *extras.values()]
        requirements = [Requirement(line) for block in lists for line in block.split("\n") if line and line[0] != "#"]
        pinned = dict(line.split("==") for line in text("constraints.txt").split("\n") if "==" in line)
        pinned = {name.lower().replace("_", "-"): version for name, version in pinned.items()}
        for requirement in requirements:
            assert requirement.specifier.contains(pinned[requirement.name.lower().replace("_", "-")]), str(requirement)

    def test_the_lock_file_has_the_versions_of_the_constraints_and_a_hash_of_each_file(self):
        def name_and_version(line):
            name, _, version = re.split(r"[ ;]", line)[0].partition("==")
            return re.sub(r"[-_.]+", "-", name).lower(), version

        pinned = dict(map(name_and_version, re.findall(r"^\S+==\S+$", text("constraints.txt"), re.MULTILINE)))
        locked = dict(map(name_and_version, re.findall(r"^\S+==.*$", text("requirements.lock"), re.MULTILINE)))
        # What builds and installs packages is pinned by the lock file alone, and so is what other systems need.
        unpinned = locked.keys() - pinned.keys() - {"pip", "setuptools", "wheel"}
        assert {name: version for name, version in locked.items() if pinned.get(name, version) != version} == {}
        blocks = re.split(r"\n(?=\S)", text("requirements.lock"))
        assert all("--hash=sha256:" in block for block in blocks)
        assert all("; " in block for block in blocks if name_and_version(block)[0] in unpinned)

    def test_pythons_of_classifiers_are_those_of_hosted_ci(self):
        classifiers = re.findall(r"Python :: (3\.\d+)$", text("setup.cfg"), re.MULTILINE)
        matrix = re.search(r"python: (\[.*\])", text(".github/workflows/test.yml"))[1]
        assert classifiers == tomllib.loads(f"pythons = {matrix}")["pythons"]
