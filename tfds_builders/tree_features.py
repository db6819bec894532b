"""What every builder here declares: an image, a label map of class ids, and the tree they belong to."""

import numpy as np
import tensorflow_datasets as tfds

# Spelled as data sets prepared by version 0.1.0 store it: TFDS refuses to load them under another name.
UNLABELED = "unlabelled"
_UINT8_IDS = 256


def tree_dataset_info(builder, tree, class_paths, flip_pairs=(), more_features=None, **info):
    """The `tfds.core.DatasetInfo` of a segmentation data set over a class tree.

    Features: `image` `(H, W, 3)` uint8, `label` `(H, W, 1)` the data set's own class ids (uint8,
    or uint16 beyond 256 ids), `file_name` the image's file. Both are stored as PNG, which keeps
    every value; an image may be stored as the bytes of its own file, PNG or JPEG. Metadata,
    written beside the records and read back from there:

    - `tree`: the tree as text, which `ClassTree.from_text` or `ClassTree.from_tfds` reads.
    - `class_paths`: for each stored id, in order, the path of the node that it means, joined by
      `/`; `None` where the id means "no label".
    - `flip_pairs`: pairs of node paths that change places when an image is mirrored.

    Args:
        builder: The `tfds.core.DatasetBuilder` that is being described.
        tree: `hierseg_keras.tree.ClassTree`.
        class_paths: Sequence of strings and `None`, as above.
        flip_pairs: Sequence of pairs of paths.
        more_features: Dict from name to the `tfds.features.FeatureConnector` of what else an example holds.
        **info: Passed on to `DatasetBuilder.dataset_info_from_configs`, such as `homepage`.

    Raises:
        TreeError: If a path of `class_paths` or `flip_pairs` is no node of the tree.
    """
    class_paths = [path if path is None else _node_path(tree, path) for path in class_paths]
    flip_pairs = [[_node_path(tree, left), _node_path(tree, right)] for left, right in flip_pairs]
    metadata = {"tree": tree.to_text(), "class_paths": class_paths, "flip_pairs": flip_pairs}
    return builder.dataset_info_from_configs(
        features=_features(class_paths, more_features or {}),
        supervised_keys=("image", "label"),
        metadata=tfds.core.MetadataDict(metadata),
        **info,
    )


def _features(class_paths, more_features):
    label_dtype = np.uint8 if len(class_paths) <= _UINT8_IDS else np.uint16
    return tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(None, None, 3), encoding_format="png"),
            "label": tfds.features.LabeledImage(
                labels=_label_names(class_paths), shape=(None, None, 1), dtype=label_dtype, encoding_format="png"
            ),
            "file_name": tfds.features.Text(),
            **more_features,
        }
    )


def _label_names(class_paths):
    """One name an id. TFDS wants them distinct, and several ids may mean "no label" or the same node."""
    names = [UNLABELED if path is None else path for path in class_paths]
    return [name if names.count(name) == 1 else f"{name} ({id_})" for id_, name in enumerate(names)]


def _node_path(tree, node):
    return tree.paths[tree.index(node)]
