"""Reads the examples of a data set that is not stored in files, in the form of records."""

import tensorflow as tf

from hierseg_keras.data.record_files import RecordFiles

# Fast, and still a fraction of the size of most label maps. PNG is lossless at every level.
_COMPRESSION = 1


class MemoryRecords(RecordFiles):
    """Reads the examples of a `MemoryBuilder` as records, so that they are decoded and augmented like any other.

    A record is a dict of the features that `tree_dataset_info` describes. Image and label map are PNG files.

    Args:
        builder: `MemoryBuilder`.
        split: String, TFDS split, such as `"train[:10%]"`.
    """

    def __init__(self, builder, split):
        self._builder = builder
        super().__init__(builder, split)

    def fetch(self, example):
        if not self._builder.examples.is_indexed:
            return example
        position = tf.strings.to_number(example["image"], tf.int64)
        return {**example, **self._encoded(*self._builder.examples.at(position), example["record"])}

    def _read_file(self, path, skip, take, first):
        examples = self._builder.examples
        positions = tf.data.Dataset.range(skip, skip + take)
        if examples.is_indexed:
            # The shuffle buffer holds positions in place of images. `fetch` reads the images after it.
            return positions.map(lambda position: self._record(position, self._positions(position))).enumerate(first)
        stream = tf.data.Dataset.zip(positions, examples.stream().skip(skip).take(take))

        def encode(position, example):
            return self._record(position, self._encoded(*example, _name(position)))

        return stream.map(encode, tf.data.AUTOTUNE).enumerate(first)

    def _record(self, position, images):
        return {**images, "file_name": _name(position)}

    def _positions(self, position):
        return dict.fromkeys(("image", "label"), tf.strings.as_string(position))

    def _encoded(self, image, label, name):
        place = tf.strings.join([f"{self._builder.name}: ", name])
        label = self._builder.to_stored_label(label, place)
        dtype = self._builder.info.features["label"].np_dtype
        image, label = _with_channels(image), tf.cast(label, dtype)[..., None]
        return {"image": tf.io.encode_png(image, _COMPRESSION), "label": tf.io.encode_png(label, _COMPRESSION)}

    def _check(self, builder):
        # Of indexed examples, the cache and the shuffle buffer hold positions alone.
        return 0 if builder.examples.is_indexed else builder.examples.num_bytes


def _name(position):
    return tf.strings.join(["example ", tf.strings.as_string(position)])


def _with_channels(image):
    """Returns an image of three channels. A gray image gets three equal channels."""
    if image.shape.rank == 2:
        image = image[..., None]
    return tf.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image
