"""The name by which errors and dicts of options refer to a data set."""


def is_builder(name):
    """Returns whether a data set is given as a TFDS builder, not by its name."""
    return hasattr(name, "info") and hasattr(name, "download_and_prepare")


def data_set_name(name):
    """Returns the name of a data set that is given by its name or as a TFDS builder.

    Args:
        name: String, or `tfds.core.DatasetBuilder`.

    Returns:
        `name` if it is not a builder. Of a builder, its name as TFDS accepts it, such as `"camvid_tree/groups"`.
    """
    if not is_builder(name):
        return name
    config = getattr(name, "builder_config", None)
    return f"{name.name}/{config.name}" if config else name.name
