"""What all builders share that read files: parallel reading, what to do about bad files, and clean beginnings."""

import json
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from absl import logging
from etils import epath

from tfds_builders.folder_lock import alone_in
from tfds_builders.ordered_map import ordered_map
from tfds_builders.reading.file_problems import ImageFileError

LEFT_OUT = "left_out.txt"


class TreeBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Builds a data set from files that somebody already has.

    A subclass describes itself in `_info`, and says which items make up its splits and how one
    item is read:

        def split_items(self, manual_dir):
            pairs, problems = pair_folders(manual_dir / "images", manual_dir / "labels")
            return {"train": pairs}, problems

        def read(self, pair):
            image, label = read_pair(pair, num_ids=12)
            return pair.image.stem, {"image": image, "label": label, "file_name": pair.image.name}

    Files are read, decoded and encoded on all cores, a bounded number at a time. The examples and
    their order are the same however many cores there are, and through Beam. One process prepares a data set at a
    time; another that wants the same waits, and then reads what the first has made. What
    preparations that were killed have left is deleted by the next.

    Args:
        skip_bad: Whether to leave out files that cannot be read, with a warning, and list them in
            `left_out.txt` beside the records. By default the first one stops the preparation.
        use_beam: Whether to read through Apache Beam, on the runner that
            `DownloadConfig(beam_runner=..., beam_options=...)` names.
        **options: `data_dir`, `config` and `version`, as any TFDS builder takes them.

    Attributes:
        published: Dict from split to the number of examples that the authors published, with
            which the log compares. Subclasses set it.

    Example:

    >>> builder = tfds.builder("camvid_tree", skip_bad=True)
    >>> builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir="CamVid"))
    """

    published = {}

    def __init__(self, *, skip_bad: bool = False, use_beam: bool = False, **options):
        super().__init__(**options)
        # With which TFDS makes this builder anew in Beam's workers.
        self._original_state.update(skip_bad=skip_bad, use_beam=use_beam)
        self._skip_bad = skip_bad
        self._use_beam = use_beam
        self._left_out = {}
        self._beam_items = {}

    # === What a subclass says ===

    def split_items(self, manual_dir: epath.Path) -> tuple[dict[str, list], list[str]]:
        """Finds the files.

        Args:
            manual_dir: `epath.Path` of the folder with the user's files.

        Returns:
            `(splits, problems)`: a dict from split to a list of small items that pickle, such as
            `ImagePair`; and a list of strings, all that is wrong with the files found, such as one
            without its counterpart.
        """
        raise NotImplementedError

    def read(self, item: Any) -> tuple[str | int, dict[str, Any]]:
        """Reads an item; called on several threads or machines at once.

        Returns:
            `(key, example)`: a string or integer that no other item of the split has and that
            does not depend on where the files lie; and the dict of features.

        Raises:
            ImageFileError: That names the file.
        """
        raise NotImplementedError

    # === What TFDS asks for ===

    def download_and_prepare(self, **options):
        folder = self.data_path.parent
        folder.mkdir(parents=True, exist_ok=True)
        with alone_in(folder) as is_alone:
            if is_alone:
                self._delete_leftovers()
            super().download_and_prepare(**options)
        if not self.info.splits and self.data_path.exists():
            # Another process prepared it while this one waited.
            self.info.read_from_directory(self.data_dir)
        left_out = self.data_path / LEFT_OUT
        if left_out.exists():
            logging.warning("%s: some files were left out; %s lists them", self.info.full_name, left_out)

    def _delete_leftovers(self):
        for path in self.data_path.parent.iterdir():
            if path.name.startswith("incomplete.") and path.name.endswith(f"_{self.data_path.name}"):
                logging.warning("%s: deleting what an unfinished preparation has left", path)
                path.rmtree()

    def _download_and_prepare(self, dl_manager, download_config):
        super()._download_and_prepare(dl_manager, download_config)
        lines = [f"{split}: {problem}" for split, problems in self._left_out.items() for problem in problems]
        if lines:
            (self.data_path / LEFT_OUT).write_text("".join(f"{line}\n" for line in lines))

    def _split_generators(self, dl_manager):
        splits, problems = self.split_items(dl_manager.manual_dir)
        if problems and not self._skip_bad or not splits or not all(splits.values()):
            raise ImageFileError(problems or f"{dl_manager.manual_dir}: expected files of every split. Received: none")
        self._left_out = {"files": problems, **{split: [] for split in splits}}
        self._beam_items = {}
        for split, items in splits.items():
            self._compare_with_published(split, len(items))
        return {split: self._generate_examples(split, items) for split, items in splits.items()}

    def _compare_with_published(self, split, count):
        published = self.published.get(split)
        if published is not None:
            log = logging.info if count == published else logging.warning
            log("%s: %s: %s of the %s published images", self.info.full_name, split, f"{count:,}", f"{published:,}")

    def _generate_examples(self, split, items):
        return self._beam_examples(split, items) if self._use_beam else self._examples(split, items)

    # === Reading ===

    def _attempt(self, item):
        """`(record, None)`, or `(None, problem)` for an item that is to be left out."""
        try:
            key, example = self.read(item)
        except ImageFileError as error:
            if not self._skip_bad:
                raise
            return None, "; ".join(error.problems)
        return (key, self._encoded(example)), None

    def _encoded(self, example):
        """With images as bytes, which TFDS stores as they are, so that what takes longest is done in parallel."""
        return {name: self._encoded_value(self.info.features[name], value) for name, value in example.items()}

    def _encoded_value(self, feature, value):
        # TFDS takes images of floats as arrays alone.
        is_image = isinstance(feature, tfds.features.Image) and feature.np_dtype != np.float32
        return feature.encode_example(value) if is_image else value

    def _examples(self, split, items):
        for record, problem in ordered_map(self._attempt, items):
            if record is None:
                self._left_out[split].append(problem)
            else:
                yield record
        self._check_some_are_left(split, items)

    def _check_some_are_left(self, split, items):
        if len(self._left_out[split]) == len(items):
            raise ImageFileError(self._left_out[split])

    # === Reading through Beam ===

    def _beam_examples(self, split, items):
        beam = _import_beam()
        self._beam_items[split] = items

        @beam.ptransform_fn
        def examples(pipeline):
            attempts = pipeline | beam.Create(list(enumerate(items))) | beam.Reshuffle() | beam.MapTuple(self._numbered)
            if self._skip_bad:
                problems = attempts | beam.FlatMapTuple(_problems) | beam.combiners.ToList()
                _ = problems | beam.Map(_write_json, path=self._problems_path(split))
            return attempts | beam.FlatMapTuple(_records)

        return examples()

    def _numbered(self, number, item):
        return number, *self._attempt(item)

    def _problems_path(self, split):
        return self.data_path / f"{split}.left_out.json"

    def _process_pipeline_result(self, pipeline_result):
        for split, items in self._beam_items.items() if self._skip_bad else ():
            path = self._problems_path(split)
            self._left_out[split] = [problem for _, problem in sorted(json.loads(path.read_text()))]
            path.unlink()
            self._check_some_are_left(split, items)


def _records(number, record, problem):
    return [] if record is None else [record]


def _problems(number, record, problem):
    return [] if problem is None else [(number, problem)]


def _write_json(value, path):
    path.write_text(json.dumps(value))


def _import_beam():
    try:
        import apache_beam
    except ImportError as error:
        raise ImportError(
            "`use_beam=True` expects the package apache-beam. Received: no such package. "
            "Install the extra `prepare`: pip install 'hierseg_keras[prepare]'"
        ) from error
    return apache_beam
