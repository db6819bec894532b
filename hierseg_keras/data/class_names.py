"""Reads the class names of a data set."""


def class_names(info):
    """Returns the class names of a data set from its metadata or its label feature.

    Args:
        info: `tfds.core.DatasetInfo`.

    Returns:
        List with one string per class id, a path or a name; `None` for an id that means "no label".

    Raises:
        ValueError: If neither the metadata nor a label feature names the classes.
    """
    metadata = info.metadata or {}
    if "class_paths" in metadata:
        return list(metadata["class_paths"])
    labeled = [feature for feature in info.features.values() if getattr(feature, "num_classes", None)]
    labeled = [feature for feature in labeled if len(feature.shape) == 3]
    if len(labeled) != 1:
        raise ValueError(
            f"`names` expects a data set with class names in its metadata or label feature. Received: {info.full_name} "
            "without class names. Pass a list of names, or a dict from class ids to names."
        )
    return list(labeled[0].names)
