"""A run that a test has time for."""

from hierseg_keras.training import RunConfig

TINY = {
    "data": {"train_split": "train[:16]", "size": (24, 32), "batch_size": 4},
    "evaluation": {"split": "validation[:5]"},
    "network": {"name": "UNet", "filters": 2, "num_stages": 1},
    "replicas": 1,
}


def tiny_config(data_dir=None, **tables):
    """The tiny run with other values, on the data sets of a folder."""
    folder = {"data": {"data_dir": None if data_dir is None else str(data_dir)}}
    return RunConfig(**TINY).replace(**folder).replace(**tables)
