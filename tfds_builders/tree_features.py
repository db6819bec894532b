"""The features and metadata of every builder: an image, a label map of class ids, and a class tree."""

import numpy as np
import tensorflow_datasets as tfds

# The spelling in data sets prepared by version 0.1.0. TFDS does not load them with another name.
UNLABELED = "unlabelled"
_UINT8_IDS = 256


def tree_dataset_info(builder, tree, class_paths, flip_pairs=(), more_features=None, **info):
    """Makes the `tfds.core.DatasetInfo` of a segmentation data set with a class tree.

    The features are `image`, uint8 `(H, W, 3)`; `label`, the data set's own class ids `(H, W, 1)`, uint8,
    or uint16 for more than 256 ids; and `file_name`, the name of the image's file. Images and label maps
    are stored losslessly as PNG; an image may also be stored as the bytes of its own PNG or JPEG file. The
    metadata, which is stored beside the records, has these entries:

    - `tree`: the tree as text, which `ClassTree.from_text` and `ClassTree.from_tfds` read.
    - `class_paths`: the path of the node of each stored id, in the order of ids, joined by `/`; `None` for
      an id that means "no label".
    - `flip_pairs`: pairs of node paths to swap when an image is mirrored.

    Args:
        builder: `tfds.core.DatasetBuilder` to describe.
        tree: `hierseg_keras.tree.ClassTree`.
        class_paths: List of strings and `None`, as above.
        flip_pairs: List of pairs of paths. Defaults to none.
        more_features: Dict from name to `tfds.features.FeatureConnector` of further features. Defaults to `None`.
        **info: Arguments of `DatasetBuilder.dataset_info_from_configs`, such as `homepage`.

    Returns:
        `tfds.core.DatasetInfo`.

    Raises:
        TreeError: If a path in `class_paths` or `flip_pairs` is not a node of the tree.
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
    """Returns one name per id. TFDS requires distinct names, but several ids may mean "no label" or the same node."""
    names = [UNLABELED if path is None else path for path in class_paths]
    return [name if names.count(name) == 1 else f"{name} ({id_})" for id_, name in enumerate(names)]


def _node_path(tree, node):
    return tree.paths[tree.index(node)]
