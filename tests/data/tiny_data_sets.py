"""TFDS data sets of a few tiny images, with the features of those that ship with TFDS and without a tree."""

import io

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from hierseg_keras.tree import ClassTree
from tfds_builders.tree_features import tree_dataset_info

HELEN = ClassTree.load("helen")
FACE_CLASSES = ["background", "face", "hair"]
PET_LABEL = np.tile(np.arange(1, 4, dtype=np.uint8), (6, 2))


def prepared(name, data_dir, num_files=None):
    builder = tfds.builder(name, data_dir=str(data_dir))
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(
            compute_stats=tfds.download.ComputeStatsMode.SKIP, num_shards=num_files
        )
    )
    return builder


def png(values, mode, **options):
    """A PNG file of a label map: `P` with a palette of colors that are no ids, `1`, `L` or `RGB`."""
    image = Image.fromarray(values if mode != "1" else values.astype(bool))
    if mode == "P":
        image = image.convert("P") if image.mode != "L" else image
        image.putpalette([(7 * place + 31) % 256 for place in range(768)])
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


class _Tiny(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(12), "test": self._generate_examples(3)}


class TinyPets(_Tiny):
    """As `oxford_iiit_pet`: an image, a trimap of ids 1 .. 3 without names, and a class of the whole image."""

    def _info(self):
        features = {
            "image": tfds.features.Image(encoding_format="jpeg"),
            "label": tfds.features.ClassLabel(names=["cat", "dog"]),
            "file_name": tfds.features.Text(),
            "segmentation_mask": tfds.features.Image(shape=(None, None, 1), use_colormap=True),
        }
        features = tfds.features.FeaturesDict(features)
        return tfds.core.DatasetInfo(builder=self, features=features, supervised_keys=("image", "label"))

    def _generate_examples(self, count):
        for key in range(count):
            image = np.full((6, 6, 3), 20 * key, np.uint8)
            mask = png(PET_LABEL, "L")
            yield key, {"image": image, "label": 0, "file_name": f"{key}.jpg", "segmentation_mask": io.BytesIO(mask)}


class TinyScenes(_Tiny):
    """As `scene_parse150`: both are images of three channels, the label's all alike."""

    def _info(self):
        features = {
            "image": tfds.features.Image(encoding_format="jpeg"),
            "annotation": tfds.features.Image(encoding_format="png"),
        }
        features = tfds.features.FeaturesDict(features)
        return tfds.core.DatasetInfo(builder=self, features=features, supervised_keys=("image", "annotation"))

    def _generate_examples(self, count):
        for key in range(count):
            label = np.zeros((4, 5, 3), np.uint8)
            label[:2] = 7
            yield key, {"image": np.full((4, 5, 3), 90, np.uint8), "annotation": label}


class TinyStreets(_Tiny):
    """As `cityscapes`: other names, a fixed shape; label maps are palette files, with a border of 255, as VOC's are."""

    def _info(self):
        features = {
            "image_id": tfds.features.Text(),
            "image_left": tfds.features.Image(shape=(4, 8, 3), encoding_format="png"),
            "segmentation_label": tfds.features.Image(shape=(4, 8, 1), encoding_format="png", use_colormap=True),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _generate_examples(self, count):
        label = np.zeros((4, 8), np.uint8)
        label[1:] = 24
        label[3, 3:] = 255
        for key in range(count):
            image = np.full((4, 8, 3), key, np.uint8)
            yield key, {"image_id": f"a_{key}", "image_left": image, "segmentation_label": io.BytesIO(png(label, "P"))}


class TinyHelen(_Tiny):
    """Helen's 11 classes with their tree, left and right told apart."""

    def _info(self):
        paths = HELEN.paths[: HELEN.num_leaves]
        return tree_dataset_info(self, HELEN, paths, [("left_eye", "right_eye"), ("left_eyebrow", "right_eyebrow")])

    def _generate_examples(self, count):
        # Leaf 4 is the left eye, 5 the right one.
        label = np.tile(np.array([[4, 4, 5, 5, 0, 1]], np.uint8)[..., None], (4, 1, 1))
        for key in range(count):
            yield key, {"image": np.full((4, 6, 3), 10, np.uint8), "label": label, "file_name": f"helen_{key}"}


class TinyFaces(_Tiny):
    """Faces, hair and background, with names and without a tree; more images than Helen has."""

    def _info(self):
        features = {
            "photo": tfds.features.Image(shape=(None, None, 3)),
            "parts": tfds.features.LabeledImage(labels=FACE_CLASSES, shape=(None, None, 1)),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _generate_examples(self, count):
        label = np.tile(np.arange(3, dtype=np.uint8)[None, :, None], (5, 2, 1))
        for key in range(2 * count):
            yield key, {"photo": np.full((5, 6, 3), 200, np.uint8), "parts": label}


class TinyColors(_Tiny):
    """Label maps of colors, as VOC's are."""

    def _info(self):
        features = {"image": tfds.features.Image(), "colors": tfds.features.Image(encoding_format="png")}
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.FeaturesDict(features), supervised_keys=("image", "colors")
        )

    def _generate_examples(self, count):
        label = np.zeros((4, 6, 3), np.uint8)
        label[:2] = 128, 0, 0
        label[2] = 0, 128, 0
        label[3, 4:] = 224, 224, 192
        for key in range(count):
            yield key, {"image": np.full((4, 6, 3), key, np.uint8), "colors": label}


class TinyNumbers(_Tiny):
    """Forty scenes, each of its own number, which is its image's gray and its label."""

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(None, None, 1)),
            "label": tfds.features.Image(shape=(None, None, 1)),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(40), "test": self._generate_examples(7)}

    def _generate_examples(self, count):
        for key in range(count):
            yield key, dict.fromkeys(("image", "label"), np.full((3, 4, 1), key, np.uint8))


class TinyTurned(_Tiny):
    """Images that lie on their side, as a phone stores them, with label maps drawn upright."""

    def _info(self):
        features = {"image": tfds.features.Image(), "label": tfds.features.Image(shape=(None, None, 1))}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _generate_examples(self, count):
        for key in range(count):
            yield key, {"image": np.zeros((4, 6, 3), np.uint8), "label": np.zeros((6, 4, 1), np.uint8)}
