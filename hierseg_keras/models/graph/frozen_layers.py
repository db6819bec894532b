"""Frozen layers of a network by path, to save and restore them."""

import keras


def frozen_layers(model):
    """Returns the paths of a model's frozen layers, for `freeze_layers`.

    Args:
        model: `keras.Model`.

    Returns:
        List of paths of frozen layers that have weights. A path joins the names of nested layers by `/`.
        The empty string is the path of the model itself.
    """
    return [path for path, layer in _layers(model).items() if not layer.trainable]


def freeze_layers(model, paths):
    """Freezes the layers at the given paths, and unfreezes all others.

    Args:
        model: `keras.Model`.
        paths: List of paths, as `frozen_layers` returns them.

    Raises:
        ValueError: If the model has no layer with weights at a path.
    """
    layers = _layers(model)
    unknown = sorted(set(paths) - layers.keys())
    if unknown:
        raise ValueError(
            f"expected paths of layers with weights of {model.name!r}. Received: {unknown[:5]}. Load the file with the "
            "version of the library, and of your own classes, that saved it."
        )
    # Setting a layer also sets the layers inside it, so that these must be set after it.
    for path in sorted(layers, key=lambda path: -_height(layers[path])):
        layers[path].trainable = path not in paths


def _layers(model):
    """Returns a dict from a path to each layer with weights. A layer that models share has only its first path."""
    found, seen = {}, set()

    def visit(layer, path):
        if id(layer) in seen or not layer.variables:
            return
        seen.add(id(layer))
        found[path] = layer
        for name, child in _children(layer):
            visit(child, f"{path}/{name}" if path else name)

    visit(model, "")
    return found


def _children(layer):
    """Returns pairs of a name and a layer inside a layer. The names are the same each time the network is built."""
    # Keras numbers layers without a name across all models, so that the names in a sequence may change.
    has_names = isinstance(layer, keras.Model) and not isinstance(layer, keras.Sequential)
    names = [child.name if has_names else str(i) for i, child in enumerate(layer._layers)]
    names = [name if names.count(name) == 1 else f"{name}.{i}" for i, name in enumerate(names)]
    return list(zip(names, layer._layers))


def _height(layer):
    return 1 + max(map(_height, layer._layers), default=0)
