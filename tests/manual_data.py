"""Data sets of files that lie in a folder: prepared in a line, and what was stored."""

import pathlib

import tensorflow_datasets as tfds

import tfds_builders  # Importing registers its data sets with TFDS.
from tfds_builders.tree_builder import TreeBuilder

FOLDER = pathlib.Path(__file__).parent / "tfds_builders"
# Further configs whose files are read in another way than those of the default config.
_FURTHER_CONFIGS = {
    "camvid_tree/original": "camvid_tree/dummy_data/original",
    "cityscapes_tree/fine_instances": "cityscapes_tree/dummy_data",
    "mapillary_vistas_tree/v1.2": "mapillary_vistas_tree/dummy_data",
    "pascal_person_part_tree/pascal_part": "pascal_person_part_tree/dummy_data",
}


def _default_readers():
    """The name of every builder that reads files, with its default config, and the folder of its tiny files."""
    builders = [module.Builder for module in tfds_builders.DATA_SETS]
    for builder in builders:
        if issubclass(builder, TreeBuilder) and (FOLDER / builder.name / "dummy_data").is_dir():
            config = builder.BUILDER_CONFIGS[0].name if builder.BUILDER_CONFIGS else ""
            yield f"{builder.name}/{config}".rstrip("/"), f"{builder.name}/dummy_data"


# Name of a builder and its config -> folder of its tiny files.
READERS = {**dict(_default_readers()), **_FURTHER_CONFIGS}


def prepare(name, manual_dir, data_dir, beam_runner=None, **options):
    """The builder of that name and those options, prepared without statistics."""
    builder = tfds.builder(name, data_dir=data_dir, **options)
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(
            manual_dir=manual_dir, compute_stats=tfds.download.ComputeStatsMode.SKIP, beam_runner=beam_runner
        )
    )
    return builder


def num_examples(builder):
    return {name: split.num_examples for name, split in builder.info.splits.items()}


def examples(builder, split):
    """Dict from file name to example."""
    found = tfds.as_numpy(builder.as_dataset(split=split))
    return {example["file_name"].decode(): example for example in found}


def stored_examples(builder):
    """Dict from split to its examples as they are stored, images as bytes, in order."""
    images = [name for name, feature in builder.info.features.items() if isinstance(feature, tfds.features.Image)]
    decoders = {name: tfds.decode.SkipDecoding() for name in images}
    return {
        split: list(tfds.as_numpy(builder.as_dataset(split=split, decoders=decoders))) for split in builder.info.splits
    }
