"""How the builders' tests prepare a data set."""

import pytest
import tensorflow_datasets as tfds


@pytest.fixture(scope="session")
def prepare():
    """A function that prepares a data set from a folder of files, without statistics, and returns its builder."""

    def prepare(name, manual_dir, data_dir, **options):
        builder = tfds.builder(name, data_dir=data_dir, **options)
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(
                manual_dir=manual_dir, compute_stats=tfds.download.ComputeStatsMode.SKIP
            )
        )
        return builder

    return prepare


@pytest.fixture(scope="session")
def records():
    """A function that gives a split's examples by the names of their files."""

    def records(builder, split):
        examples = tfds.as_numpy(builder.as_dataset(split=split))
        return {example["file_name"].decode(): example for example in examples}

    return records
