import json
import shutil

import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.files import written_beside  # noqa: E402
from hierseg_keras.training.manifest import (  # noqa: E402
    CLASSES,
    CONFIG,
    MANIFEST,
    TREE,
    WEIGHTS,
    Manifest,
    check_files,
    is_finished,
    missing_files,
    saved_epoch,
)
from tests.killed_process import killed_at  # noqa: E402


def save_weights(folder, manifest, epoch):
    """As the callback does."""
    content = f"weights of epoch {epoch}".encode() * 100
    with written_beside(folder / WEIGHTS) as path:
        path.write_bytes(content)
        manifest.announce_weights(content, epoch)


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / CONFIG).write_text("{}")
    (folder / TREE).write_text("road\nsky\n")
    save_weights(folder, Manifest(folder, versions={"hierseg_keras": "1.0"}), 1)
    return folder


def break_manifest(folder, **changes):
    content = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**content, **changes}))


class ManifestTest:
    def test_names_format_versions_and_epoch(self, run):
        content = json.loads((run / MANIFEST).read_text())
        assert (content["format_version"], content["versions"]) == (1, {"hierseg_keras": "1.0"})
        assert content["weights"][0]["epoch"] == 1
        check_files(run)

    @pytest.mark.parametrize("name", [CONFIG, TREE, WEIGHTS])
    def test_changed_file_is_refused_by_name(self, run, name):
        content = bytearray((run / name).read_bytes())
        content[len(content) // 2] ^= 1
        (run / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"Received: {run / name}, which was changed or damaged"):
            check_files(run)

    @pytest.mark.parametrize("name", [CONFIG, TREE, WEIGHTS])
    def test_missing_file_is_named(self, run, name):
        (run / name).unlink()
        assert missing_files(run) == [name]

    def test_class_table_is_bound_to_the_run(self, run):
        (run / CLASSES).write_text("id,class,node\n7,,sky\n")
        save_weights(run, Manifest(run), 2)
        check_files(run)
        (run / CLASSES).write_text("id,class,node\n7,,road\n")
        with pytest.raises(ValueError, match=f"Received: {run / CLASSES}, which was changed or damaged"):
            check_files(run)
        (run / CLASSES).unlink()
        with pytest.raises(ValueError, match=f"Received: {run / CLASSES}, which was removed"):
            check_files(run)

    def test_run_is_finished_once_it_says_so(self, run):
        manifest = Manifest(run)
        save_weights(run, manifest, 3)
        assert (is_finished(run), saved_epoch(run)) == (False, 3)
        manifest.finish()
        check_files(run)
        assert is_finished(run)

    def test_run_of_an_earlier_version_counts_as_finished(self, run):
        content = json.loads((run / MANIFEST).read_text())
        del content["finished"]
        (run / MANIFEST).write_text(json.dumps(content))
        assert is_finished(run)
        (run / MANIFEST).unlink()
        assert is_finished(run) and saved_epoch(run) is None

    def test_weights_of_another_run_are_refused(self, run):
        (run / WEIGHTS).write_bytes(b"others")
        with pytest.raises(ValueError, match=WEIGHTS):
            check_files(run)

    def test_run_without_manifest_warns_once(self, run):
        (run / MANIFEST).unlink()
        with pytest.warns(UserWarning, match="has no run.json, probably because an earlier version") as warned:
            check_files(run)
        assert len(warned) == 1

    def test_damaged_manifest_is_refused_by_name(self, run):
        whole = (run / MANIFEST).read_text()
        without = [whole.replace(name, "other") for name in ("weights", "tree.txt", "sha256", "format_version")]
        wrong_types = (
            '"sha256": "x"',
            '"sha256": ["config.toml"]',
            '"sha256": null',
            '"weights": ["x"]',
            '"weights": {}',
        )
        typed = [f'{{"format_version": 1, "sha256": {{}}, "weights": [], {entry}}}' for entry in wrong_types]
        later = '{"format_version": 2, "versions": 3}'
        for content in ("", whole[:100], "[]", "{}", "[" * 100_000, *without, *typed, later):
            (run / MANIFEST).write_text(content)
            with pytest.raises(ValueError, match=f"Received: {run / MANIFEST}, which cannot be read"):
                check_files(run)
        (run / MANIFEST).write_bytes(whole.encode().replace(b"weights", b"\xffeights"))
        with pytest.raises(ValueError, match="cannot be read") as caught:
            check_files(run)
        assert "config.toml" not in str(caught.value)

    def test_later_format_is_refused(self, run):
        break_manifest(run, format_version=2, sha256=None)
        with pytest.raises(
            ValueError, match="expected a run of format version 1. Received: .* of format version 2.*1.0"
        ):
            check_files(run)

    @pytest.mark.large
    def test_run_loads_whenever_its_process_is_killed(self, run, tmp_path):
        """Before, between and after the two files that an epoch changes."""
        moment, seen = 0, set()

        manifest = None

        def save_epoch():
            save_weights(folder, manifest, 2)

        while True:
            folder = tmp_path / f"{moment}"
            shutil.copytree(run, folder)
            manifest = Manifest(folder)
            was_killed = killed_at(moment, save_epoch)
            check_files(folder)
            seen.add((folder / WEIGHTS).read_bytes()[:18].decode())
            if not was_killed:
                break
            moment += 1
        assert seen == {f"weights of epoch {epoch}" for epoch in (1, 2)}
