"""The names that a data set gives to the classes it stores."""


def class_names(info):
    """The path or name of each stored class id, `None` for "no label", from a data set's metadata or its label map.

    Args:
        info: `tfds.core.DatasetInfo`.

    Raises:
        ValueError: If neither names the classes.
    """
    metadata = info.metadata or {}
    if "class_paths" in metadata:
        return list(metadata["class_paths"])
    labeled = [feature for feature in info.features.values() if getattr(feature, "num_classes", None)]
    labeled = [feature for feature in labeled if len(feature.shape) == 3]
    if len(labeled) != 1:
        raise ValueError(
            f"expected a data set whose label map names its classes. Received: {info.full_name}, which does not. "
            "Pass a list of names, or a dict from class ids to names."
        )
    return list(labeled[0].names)
