"""Data sets of files that lie in a folder: prepared in a line, and what was stored."""

import pathlib

import tensorflow_datasets as tfds

import tfds_builders  # noqa: F401  Importing registers its data sets with TFDS.

FOLDER = pathlib.Path(__file__).parent / "tfds_builders"
# Name of a builder and its config -> folder of its tiny files.
READERS = {
    "camvid_tree/categories": "camvid_tree/dummy_data",
    "camvid_tree/original": "camvid_tree/dummy_data/original",
    "cityscapes_tree/fine_instances": "cityscapes_tree/dummy_data",
    "cityscapes_tree/fine": "cityscapes_tree/dummy_data",
    "helen_tree": "helen_tree/dummy_data",
    "lip_tree": "lip_tree/dummy_data",
    "mapillary_vistas_tree/v2.0": "mapillary_vistas_tree/dummy_data",
    "mapillary_vistas_tree/v1.2": "mapillary_vistas_tree/dummy_data",
    "nyu_depth_v2_tree": "nyu_depth_v2_tree/dummy_data",
    "pascal_person_part_tree/released": "pascal_person_part_tree/dummy_data",
    "pascal_person_part_tree/pascal_part": "pascal_person_part_tree/dummy_data",
}


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
