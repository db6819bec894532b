"""The base class of builders that read files: parallel reading, bad files, and cleaning up."""

import itertools
import json
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from absl import logging
from etils import epath

from tfds_builders.exclusive_lock import exclusive_lock
from tfds_builders.ordered_map import ordered_map
from tfds_builders.reading.file_problems import ImageFileError

LEFT_OUT = "left_out.txt"
# The number of problems after which no more files are read, and the number of files that are read if others are lost.
_MAX_PROBLEMS, _MAX_CHECKED = 20, 500


class TreeBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Builds a data set from files in `manual_dir`.

    A subclass describes the data set in `_info`. It implements `split_items`, which finds the items of
    each split, and `read`, which reads one item:

        def split_items(self, manual_dir):
            pairs, problems = pair_folders(manual_dir / "images", manual_dir / "labels")
            return {"train": pairs}, problems

        def read(self, pair):
            image, label = read_pair(pair, num_ids=12)
            return pair.image.stem, {"image": image, "label": label, "file_name": pair.image.name}

    Files are read, decoded and encoded on all cores, with a bounded number in memory. The examples and
    their order do not depend on the number of cores or on the use of Beam. One process prepares a data
    set at a time; another one waits and then reads the result. The files that a killed preparation left
    are deleted by the next one.

    Args:
        skip_bad: Boolean, whether to omit files that cannot be read, log a warning, and list them in
            `left_out.txt` beside the records. Defaults to `False`: such files raise an error, which lists the first 20.
        use_beam: Boolean, whether to read through Apache Beam, on the runner of
            `DownloadConfig(beam_runner=..., beam_options=...)`. Defaults to `False`.
        **options: `data_dir`, `config` and `version`, as in any TFDS builder.

    Attributes:
        published: Dict from split to the published number of examples. The log compares the actual
            number with it. Subclasses set it.

    Example:

    >>> builder = tfds.builder("camvid_tree", skip_bad=True)
    >>> builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir="CamVid"))
    """

    published = {}

    def __init__(self, *, skip_bad: bool = False, use_beam: bool = False, **options):
        super().__init__(**options)
        # TFDS makes copies of this builder in Beam's workers with these arguments.
        self._original_state.update(skip_bad=skip_bad, use_beam=use_beam)
        self._skip_bad = skip_bad
        self._use_beam = use_beam
        self._left_out = {}
        self._beam_items = {}

    # === Implemented by subclasses ===

    def split_items(self, manual_dir: epath.Path) -> tuple[dict[str, list], list[str]]:
        """Finds the items of each split.

        Args:
            manual_dir: `epath.Path` of the folder with the user's files.

        Returns:
            A pair `(splits, problems)`. `splits` is a dict from split to a list of small items that
            can be pickled, such as `ImagePair`. `problems` is a list of strings, one per problem with
            the files, such as a missing counterpart.
        """
        raise NotImplementedError

    def read(self, item: Any) -> tuple[str | int, dict[str, Any]]:
        """Reads an item. It is called on several threads or machines at the same time.

        Args:
            item: An item that `split_items` returned.

        Returns:
            A pair `(key, example)`. `key` is a string or integer that is unique in the split and does
            not depend on the folder of the files. `example` is the dict of features.

        Raises:
            ImageFileError: If a file cannot be used. The error names the file.
        """
        raise NotImplementedError

    # === Called by TFDS ===

    def download_and_prepare(self, **options):
        with exclusive_lock(self.data_path.parent) as is_alone:
            if is_alone:
                self._delete_leftovers()
            super().download_and_prepare(**options)
        if not self.info.splits and self.data_path.exists():
            # Another process prepared it while this one waited.
            self.info.read_from_directory(self.data_dir)
        left_out = self.data_path / LEFT_OUT
        if left_out.exists():
            count = len(left_out.read_text("utf-8").splitlines())
            logging.warning("%s: omitted files: %d; %s lists them", self.info.full_name, count, left_out)

    def _delete_leftovers(self):
        for path in self.data_path.parent.iterdir():
            if path.name.startswith("incomplete.") and path.name.endswith(f"_{self.data_path.name}"):
                logging.warning("%s: deleting the files of an unfinished preparation", path)
                path.rmtree()

    def _download_and_prepare(self, dl_manager, download_config):
        super()._download_and_prepare(dl_manager, download_config)
        self._refuse_problems()
        lines = [f"{split}: {problem}" for split, problems in self._left_out.items() for problem in problems]
        if lines:
            (self.data_path / LEFT_OUT).write_text("".join(f"{line}\n" for line in lines), "utf-8")

    def _source_dir(self, dl_manager):
        """Returns the folder that `split_items` reads. TFDS raises an error if `manual_dir` is missing or empty."""
        return dl_manager.manual_dir

    def _split_generators(self, dl_manager):
        folder = self._source_dir(dl_manager)
        splits, problems = self.split_items(folder)
        if problems and not self._skip_bad:
            raise ImageFileError([*problems, *self._more_problems(splits, _MAX_PROBLEMS - len(problems))])
        if empty := [split for split, items in splits.items() if not items]:
            received = f"none that can be used in {', '.join(empty)}. Add files, or remove those of this split"
            raise ImageFileError([f"{folder}: expected files in every split. Received: {received}", *problems])
        if not splits:
            raise ImageFileError(problems or f"{folder}: expected files in every split. Received: none")
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
        """Returns `(record, None)`, or `(None, problem)` for an item that cannot be used."""
        try:
            key, example = self.read(item)
        except ImageFileError as error:
            return None, "; ".join(error.problems)
        return (key, self._encoded(example)), None

    def _encoded(self, example):
        """Encodes the images of an example, the slowest step, so that it runs in parallel. TFDS stores the bytes."""
        return {name: self._encoded_value(self.info.features[name], value) for name, value in example.items()}

    def _encoded_value(self, feature, value):
        # TFDS accepts images of floats as arrays only.
        is_image = isinstance(feature, tfds.features.Image) and feature.np_dtype != np.float32
        return feature.encode_example(value) if is_image else value

    def _examples(self, split, items):
        for record, problem in ordered_map(self._attempt, items):
            if record is None:
                self._left_out[split].append(problem)
                self._refuse_problems(_MAX_PROBLEMS)
            else:
                yield record
        self._check_some_are_left(split, items)

    def _check_some_are_left(self, split, items):
        if len(self._left_out[split]) == len(items):
            self._refuse_problems()
            raise ImageFileError(self._left_out[split])

    def _refuse_problems(self, count=1):
        """Raises an error that lists all problems if there are `count` of them, unless files may be omitted."""
        if self._skip_bad:
            return
        problems = [problem for problems in self._left_out.values() for problem in problems]
        if len(problems) >= count:
            stopped = [f"The files after the first {count} problems were not checked"] if count > 1 else []
            raise ImageFileError([*problems, *stopped])

    def _more_problems(self, splits, count):
        """Returns up to `count` problems of the contents of files, so that an error does not list lost files alone."""
        items = itertools.islice(itertools.chain.from_iterable(splits.values()), _MAX_CHECKED)
        found = (problem for _, problem in ordered_map(self._attempt, items) if problem)
        return list(itertools.islice(found, max(count, 0)))

    # === Reading through Beam ===

    def _beam_examples(self, split, items):
        beam = _import_beam()
        self._beam_items[split] = items

        @beam.ptransform_fn
        def examples(pipeline):
            attempts = pipeline | beam.Create(list(enumerate(items))) | beam.Reshuffle() | beam.MapTuple(self._numbered)
            problems = attempts | beam.FlatMapTuple(_problems) | beam.combiners.ToList()
            _ = problems | beam.Map(_write_json, path=self._problems_path(split))
            return attempts | beam.FlatMapTuple(_records)

        return examples()

    def _numbered(self, number, item):
        return number, *self._attempt(item)

    def _problems_path(self, split):
        return self.data_path / f"{split}.left_out.json"

    def _process_pipeline_result(self, pipeline_result):
        for split, items in self._beam_items.items():
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
            "`use_beam=True` expects the package apache-beam to be installed. Received: use_beam=True without it. "
            "Install the extra `prepare`: pip install 'hierseg_keras[prepare]'"
        ) from error
    return apache_beam
