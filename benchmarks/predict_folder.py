"""Speed and memory of predicting a folder of images, beside the network alone on the same batches.

    CAMVID_DIR=/data/CamVid python -m benchmarks.predict_folder

CamVid's frames are stored as JPEG in a folder, again and again in the same order. One call of `predict_files` predicts
them. After every round of 96 images it is halted, and the network alone predicts the same images, which are then in
memory. It is a function traced as `predict_files` traces it, and its scores stay where they are. Both rates are medians
over rounds; the first round, in which the functions are traced, does not count.
"""

import argparse
import os
import pathlib
import statistics
import tempfile
import time

import numpy as np
import tensorflow as tf
from PIL import Image

import hierseg_keras as hs
from tfds_builders.reading.image_files import read_image

HEIGHT, WIDTH, BATCH, ROUND = 360, 480, 8, 96
# Memory is compared with that after so many images.
EARLY = 100


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--suffix", choices=(".jpg", ".png"), default=".jpg")
    options = parser.parse_args()
    tree = hs.ClassTree.load("camvid")
    model = hs.models.DeepLabV3Plus(tree, backbone="efficientnet_lite0", filters=64, output_stride=16)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        paths = make_images(folder / "images", options.images, options.suffix)
        rounds = Rounds(model, [read_image(path) for path in paths[:ROUND]])
        result = hs.prediction.predict_files(
            model, folder / "images", folder / "out", batch_size=BATCH, on_progress=rounds.at
        )
    assert result.num_predicted == options.images and not result.problems
    rounds.report()


def make_images(folder, count, suffix):
    """Stores CamVid's frames, resized, and returns their paths."""
    frames = sorted(pathlib.Path(os.environ["CAMVID_DIR"], "train").iterdir())[:ROUND]
    folder.mkdir()
    paths = [folder / f"{index:06d}{suffix}" for index in range(count)]
    for path, frame in zip(paths, frames):
        with Image.open(frame) as image:
            image.convert("RGB").resize((WIDTH, HEIGHT)).save(path, quality=92)
    for index in range(ROUND, count):
        os.link(paths[index % ROUND], paths[index])
    return paths


class Rounds:
    """Measures the network alone after every round of `predict_files`."""

    def __init__(self, model, images):
        self._batches = [np.stack(images[i : i + BATCH]) for i in range(0, ROUND, BATCH)]
        signature = [tf.TensorSpec((None, None, None, 3), tf.uint8)]
        self._network = tf.function(lambda x: model(x, training=False), input_signature=signature, autograph=False)
        self._times, self._memory = {"predict": [], "network": []}, {}
        self._num_done, self._start = 0, time.perf_counter()

    def at(self, num_done, num_images):
        """Is called after every batch."""
        for count in (EARLY, num_images):
            if num_done >= count:
                self._memory.setdefault(count, resident_memory())
        if num_done - self._num_done < ROUND:
            return
        self._times["predict"].append((time.perf_counter() - self._start) / (num_done - self._num_done))
        start = time.perf_counter()
        for batch in self._batches:
            self._network(batch)
        self._times["network"].append((time.perf_counter() - start) / ROUND)
        self._num_done, self._start = num_done, time.perf_counter()

    def report(self):
        rates = {name: 1 / statistics.median(times[1:]) for name, times in self._times.items()}
        rounds = len(self._times["predict"]) - 1
        print(f"images/s, medians of {rounds} rounds: predict {rates['predict']:.2f}, network {rates['network']:.2f}")
        print(f"predict / network: {rates['predict'] / rates['network']:.2f}x")
        (early, before), (late, after) = self._memory.items()
        print(f"resident memory in MB: {before:,.0f} after {early}, {after:,.0f} after {late}, {after - before:+,.0f}")


def resident_memory():
    """In MB."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
