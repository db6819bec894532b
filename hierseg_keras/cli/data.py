"""Show a data set: its splits, how often each class occurs at every level, and a sheet of its images."""

import pathlib
import warnings

import numpy as np

from hierseg_command.options import FOLDERS as FOLDER_OPTIONS
from hierseg_keras import data
from hierseg_keras.cli.option_error import reading_options
from hierseg_keras.cli.option_names import with_options
from hierseg_keras.data.find_builder import find_builder
from hierseg_keras.data.label_counts import label_counts, level_counts
from hierseg_keras.files import written_beside
from hierseg_keras.messages.text_table import text_table
from hierseg_keras.training import RunConfig
from hierseg_keras.training.build import tree_of
from hierseg_keras.training.config.checks import FOLDERS
from hierseg_keras.training.data_sets import DataSets, check_outside, palette_of
from hierseg_keras.visualization import draw_contact_sheet, node_colors

SHEET = "contact_sheet.png"
_NO_LABEL = -1


def run(options):
    with reading_options():
        folders = {option: getattr(options, option) for option in FOLDER_OPTIONS}
        shared = {"dataset": options.name, "tree": options.tree, "data_dir": options.data_dir}
        config = RunConfig(data={**shared, **folders, "skip_bad": options.skip_bad})
        if options.out is not None:
            check_outside(config.data, options.out)
        tree = tree_of(config.data)
    builder = _builder(options, config.data, tree)
    print("\n".join(_splits(builder)))
    colors = node_colors(tree, options.palette or palette_of(config.data))
    class_maps = {options.name: options.class_map} if options.class_map else None
    dataset = data.load(
        builder if options.name == FOLDERS else options.name,
        options.split,
        tree=tree,
        batch_size=1,
        ignore_class=_NO_LABEL,
        data_dir=options.data_dir,
        class_maps=class_maps,
    )
    shown, counts = [], np.zeros(tree.num_nodes + 1, np.int64)
    # TFDS shuffles records when it writes them, so that the first records are a random sample.
    for image, label in dataset.take(options.count).as_numpy_iterator():
        counts += label_counts(tree, label)
        if len(shown) < options.sheet_images:
            shown.append((image[0].astype(np.uint8), label[0]))
    counted = min(options.count, len(dataset))
    print(f"\n{counted} of {len(dataset)} images of {options.split}: {_without_label(counts)}")
    print("\n".join(_levels(tree, counts)))
    if options.out:
        out = pathlib.Path(options.out)
        with written_beside(out / SHEET) as new:
            draw_contact_sheet(tree, shown, new, colors)
        print(f"\n{out / SHEET}")
    return 0


def _builder(options, values, tree):
    if options.name == FOLDERS:
        return DataSets(values, tree).builder(FOLDERS)
    if options.prepare:
        _warn_of_unread_files(options)
        return data.prepare(options.name, options.data_dir, options.manual_dir, options.skip_bad)
    builder = find_builder(options.name, options.data_dir)
    if not builder.is_prepared():
        raise ValueError(
            f"expected a prepared data set. Received: {options.name}, which is not in {builder.data_dir}. Pass "
            "--prepare, and --manual-dir if its files cannot be downloaded automatically."
        )
    return builder


def _warn_of_unread_files(options):
    """Warns if the data set is prepared already, because its files are then not read again."""
    if options.manual_dir is None:
        return
    builder = find_builder(options.name, options.data_dir)
    if builder.is_prepared():
        warnings.warn(
            f"{options.name} is already prepared, so that `manual_dir` is not read. Delete {builder.data_path} to "
            "prepare the data set again.",
            stacklevel=2,
        )


def _splits(builder):
    yield f"{builder.info.full_name}"
    rows = [(name, f"{split.num_examples:,d}") for name, split in builder.info.splits.items()]
    yield from text_table([("split", "images"), *rows], "lr")
    reason = builder.missing_split("validation") if hasattr(builder, "missing_split") else None
    if reason:
        yield f"There is no split validation, which `hierseg train` needs. {with_options(reason, 'data')}."


def _without_label(counts):
    return f"{counts.sum():,d} pixels, {counts[-1] / max(counts.sum(), 1):.2%} without a label"


def _levels(tree, counts):
    labeled = max(int(counts[:-1].sum()), 1)
    for level, pixels in enumerate(level_counts(tree, counts), start=1):
        yield f"\nlevel {level}, {len(pixels)} classes"
        for node, count in sorted(pixels.items(), key=lambda item: -item[1]):
            if count:
                yield f"{count / labeled:9.2%}  {tree.paths[node]}"
        too_coarse = labeled - sum(pixels.values()) if counts[:-1].any() else 0
        if too_coarse:
            yield f"{too_coarse / labeled:9.2%}  with a label above this level"
        missing = [tree.paths[node] for node, count in pixels.items() if not count]
        if missing:
            yield f"  missing  {', '.join(missing)}"
