"""Street scenes drawn in NumPy, with a class tree."""

import tensorflow_datasets as tfds

from hierseg_keras.tree import ClassTree
from tfds_builders.street_blocks import street_scene
from tfds_builders.tree_features import tree_dataset_info


class Builder(tfds.core.GeneratorBasedBuilder):
    """Builds street_blocks, which is generated without downloads or files."""

    # Changing a pixel changes results that others have published on this data: if you do so, increase
    # `street_scene.VERSION` too.
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release: version 1 of the drawing."}

    def _info(self):
        tree = ClassTree.load("street_blocks")
        class_paths = [*tree.paths[: tree.num_leaves], None]
        return tree_dataset_info(self, tree, class_paths)

    def _split_generators(self, dl_manager):
        del dl_manager
        return {split: self._generate_examples(split) for split in street_scene.SPLITS}

    def _generate_examples(self, split):
        for index in range(street_scene.SPLITS[split]):
            image, class_ids = street_scene.street_scene(split, index)
            yield index, {"image": image, "label": class_ids, "file_name": f"{split}_{index:05d}.png"}
