"""The names of the examples of a prepared data set."""

from hierseg_keras.data.record_files import RecordFiles


def text_features(info):
    """Returns the names of a data set's features that are texts, such as file names."""
    import tensorflow_datasets as tfds

    return [name for name, feature in info.features.items() if isinstance(feature, tfds.features.Text)]


def undecoded(info):
    """Returns what makes `deserialize_example` leave a data set's images encoded."""
    import tensorflow_datasets as tfds

    images = [name for name, feature in info.features.items() if isinstance(feature, tfds.features.Image)]
    return dict.fromkeys(images, tfds.decode.SkipDecoding())


def example_names(builder, split):
    """Returns the name of each example of a split, in the order in which `data.load` loads them for evaluation.

    Args:
        builder: Prepared `tfds.core.DatasetBuilder`.
        split: String, TFDS split.

    Returns:
        List of strings: the first text of an example, such as its file name. Without texts, "image 1" and so on.
    """
    info, records = builder.info, RecordFiles(builder, split)
    texts = text_features(info)
    if not texts:
        return [f"image {number + 1}" for number in range(records.num_records)]
    decoders = undecoded(info)

    def name(_, record):
        return info.features.deserialize_example(record, decoders=decoders)[texts[0]]

    return [text.decode("utf-8", "replace") for text in records.read(name).as_numpy_iterator()]
