"""Data sets of files that lie in a folder: prepared in a line, and what was stored."""

import tensorflow_datasets as tfds


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
