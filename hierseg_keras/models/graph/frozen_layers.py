"""Frozen layers of a network by path, to save and restore them, and freezing of the backbone."""

from hierseg_keras.models.graph.classifier_input import embedding_of
from hierseg_keras.models.graph.layer_paths import height, layers_by_path
from hierseg_keras.models.graph.operations_before import operations_before


def frozen_layers(model):
    """Returns the paths of a model's frozen layers, for `freeze_layers`.

    Args:
        model: `keras.Model`.

    Returns:
        List of paths of frozen layers that have weights, as `layers_by_path` returns them.
    """
    return [path for path, layer in layers_by_path(model).items() if not layer.trainable]


def freeze_layers(model, paths):
    """Freezes the layers at the given paths, and unfreezes all others.

    Args:
        model: `keras.Model`.
        paths: List of paths, as `frozen_layers` returns them.

    Raises:
        ValueError: If the model has no layer with weights at a path.
    """
    layers = layers_by_path(model)
    unknown = sorted(set(paths) - layers.keys())
    if unknown:
        raise ValueError(
            f"expected paths of layers with weights of {model.name!r}. Received: {unknown[:5]}. Load the file with the "
            "version of the library, and of your own classes, that saved it."
        )
    # Setting a layer also sets the layers inside it, so that these must be set after it.
    for path in sorted(layers, key=lambda path: -height(layers[path])):
        layers[path].trainable = path not in paths


def freeze_backbone(network):
    """Freezes the layers from the image to the embedding of a network. Their batch normalization is frozen too.

    Args:
        network: Functional `keras.Model`. Its embedding is the one that `embedding_of` finds.

    Raises:
        ValueError: If the embedding is not found.
    """
    for operation in operations_before(embedding_of(network)):
        if hasattr(operation, "trainable"):
            operation.trainable = False
