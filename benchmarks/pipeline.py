"""Images per second of the whole training pipeline, against bare decoding of the same records, and one by hand.

    CAMVID_DIR=/data/CamVid python -m benchmarks.pipeline

Bare decoding reads the records and decodes image and label map, as every pipeline must; `data.load`
also shuffles, scales by 0.5 to 2, crops, mirrors, maps class ids to nodes and batches. "By hand" does the same with
the functions of `tf.image`, as tutorials do, without checks and without a fixed order. CamVid as its
builder prepares it, 360 x 480, at crops of 480 x 480 and 240 x 240; and generated streets of 1024 x 2048, whose
PNG files are as large as Cityscapes', at crops of 480 x 480 and 512 x 1024. In one process: medians
over interleaved passes, and their ratio. The last columns tell the process's peak memory after the
first pass and after the last one, which shows whether it grows.
"""

import argparse
import io
import os
import resource
import tempfile

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from benchmarks.losses import interleaved_medians
from hierseg_keras import ClassTree, data
from tfds_builders.street_blocks.street_scene import street_scene

LARGE = (1024, 2048)
BATCH = 4
# Of the sensor; at this much, a record is as large as one of Cityscapes.
NOISE = 2.0


class LargeStreets(tfds.core.GeneratorBasedBuilder):
    """Scenes of `street_blocks`, enlarged, with noise, each several times, as drawing them takes long."""

    VERSION = tfds.core.Version("1.0.0")
    COUNT, COPIES = 12, 4

    def _info(self):
        tree = ClassTree.load("street_blocks")
        metadata = {"tree": tree.to_text(), "class_paths": [*tree.paths[: tree.num_leaves], None]}
        shape = (None, None)
        features = {"image": tfds.features.Image(shape=(*shape, 3)), "label": tfds.features.Image(shape=(*shape, 1))}
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.FeaturesDict(features), metadata=tfds.core.MetadataDict(metadata)
        )

    def _split_generators(self, dl_manager):
        del dl_manager
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for index in range(self.COUNT):
            image, label = street_scene("train", index)
            image = np.asarray(Image.fromarray(image).resize(LARGE[::-1], Image.Resampling.BICUBIC))
            noise = np.random.default_rng(index).normal(0, NOISE, image.shape)
            image = np.round(image + noise).clip(0, 255).astype(np.uint8)
            label = np.asarray(Image.fromarray(label.squeeze()).resize(LARGE[::-1], Image.Resampling.NEAREST))
            encoded = {"image": png(image), "label": png(label)}
            for copy in range(self.COPIES):
                yield index * self.COPIES + copy, {key: io.BytesIO(value) for key, value in encoded.items()}


def png(values):
    file = io.BytesIO()
    Image.fromarray(values).save(file, "png")
    return file.getvalue()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--data-dir", help="folder of prepared data sets")
    options = parser.parse_args()
    columns = f"{'bare':>10s}{'by hand':>10s}{'whole':>10s}{'to bare':>9s}{'to hand':>9s}{'MB, first':>11s}{'last':>7s}"
    print(f"{'data set':16s}{'crop':>12s}{columns}")
    with tempfile.TemporaryDirectory() as folder:
        skip = tfds.download.DownloadConfig(compute_stats=tfds.download.ComputeStatsMode.SKIP)
        LargeStreets(data_dir=folder).download_and_prepare(download_config=skip)
        camvid = {"data_dir": options.data_dir, "manual_dir": os.environ.get("CAMVID_DIR")}
        compare("camvid_tree", (480, 480), options.repeats, **camvid)
        compare("camvid_tree", (240, 240), options.repeats, **camvid)
        compare("large_streets", (480, 480), options.repeats, data_dir=folder)
        compare("large_streets", (512, 1024), options.repeats, data_dir=folder)


def compare(name, crop_size, repeats, **folders):
    """Prints images per second of the three, the ratios to the others, and the peak memory."""
    builder = data.prepare(name, **folders)
    whole = data.load(name, "train", training=True, crop_size=crop_size, batch_size=BATCH, **folders)
    count = len(whole) * BATCH
    functions = [
        one_pass(data_set) for data_set in (bare_decoding(builder).take(count), by_hand(builder, crop_size), whole)
    ]
    for function in functions:
        function()
    first = peak_memory()
    times = interleaved_medians(functions, repeats)
    crop = f"{crop_size[0]} x {crop_size[1]}"
    rates = "".join(f"{count / time:8.1f}/s" for time in times)
    rates += "".join(f"{time / times[-1]:8.2f}x" for time in times[:-1])
    print(f"{name:16s}{crop:>12s}{rates}{first:11,.0f}{peak_memory():7,.0f}", flush=True)


def bare_decoding(builder):
    """Untuned as `data.load` is: tuned, every second pass of it takes twice as long."""
    untuned = tf.data.Options()
    untuned.autotune.enabled = False
    features = builder.info.features
    keys = ("image", "label")
    decoders = {key: tfds.decode.SkipDecoding() for key in keys}
    read_config = tfds.ReadConfig(interleave_cycle_length=1)
    examples = builder.as_dataset(split="train", decoders=decoders, read_config=read_config)
    return (
        examples.map(
            lambda example: tuple(features[key].decode_example(example[key]) for key in keys), tf.data.AUTOTUNE
        )
        .prefetch(tf.data.AUTOTUNE)
        .with_options(untuned)
    )


def by_hand(builder, crop_size):
    tree = ClassTree.from_tfds(builder.info)
    nodes = tf.constant([255 if path is None else tree.index(path) for path in builder.info.metadata["class_paths"]])

    def augmented(example):
        image, label = tf.cast(example["image"], tf.float32), example["label"]
        factor = tf.random.uniform((), 0.5, 2.0)
        size = tf.cast(tf.round(tf.cast(tf.shape(image)[:2], tf.float32) * factor), tf.int32)
        image, label = tf.image.resize(image, size), tf.image.resize(label, size, method="nearest")
        label = tf.gather(nodes, tf.cast(label, tf.int32))
        height, width = (tf.maximum(size[axis], crop_size[axis]) for axis in (0, 1))
        image = tf.image.pad_to_bounding_box(image, 0, 0, height, width)
        label = tf.image.pad_to_bounding_box(label - 255, 0, 0, height, width) + 255
        both = tf.image.random_crop(tf.concat([image, tf.cast(label, tf.float32)], -1), (*crop_size, 4))
        both = tf.image.random_flip_left_right(both)
        return both[..., :3], tf.cast(both[..., 3], tf.int32)

    examples = builder.as_dataset(split="train", shuffle_files=True).shuffle(1000)
    batches = examples.map(augmented, tf.data.AUTOTUNE).batch(BATCH, drop_remainder=True)
    return batches.prefetch(tf.data.AUTOTUNE)


def one_pass(dataset):
    """The function that draws all of a data set, from a new iterator."""

    def run():
        for batch in dataset:
            last = batch
        return last

    return run


def peak_memory():
    """In MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
