"""Which layers of a network are frozen, so that a network that is saved and loaded has the same."""

import keras


def frozen_layers(model):
    """Paths of the frozen layers with weights in a model, itself included, as `freeze_layers` takes them.

    Args:
        model: `keras.Model`.

    Returns:
        List of strings: names joined by `/`, the empty one for the model itself.
    """
    return [path for path, layer in _layers(model).items() if not layer.trainable]


def freeze_layers(model, paths):
    """Freezes the layers at these paths, and no others.

    Raises:
        ValueError: If the model has no layer at a path.
    """
    layers = _layers(model)
    unknown = sorted(set(paths) - layers.keys())
    if unknown:
        raise ValueError(
            f"expected paths of layers with weights of {model.name!r}. Received: {unknown[:5]}. The file was saved by "
            "another version, or with another network."
        )
    # Setting a layer sets all that it holds, so that a layer comes before everything inside it.
    for path in sorted(layers, key=lambda path: -_height(layers[path])):
        layers[path].trainable = path not in paths


def _layers(model):
    """Layers with weights by path, each once although models may share it."""
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
    """The layers held by one, by names that are the same whenever the network is made anew."""
    # Keras numbers the names of layers that are given none, as those of a sequence may be.
    has_names = isinstance(layer, keras.Model) and not isinstance(layer, keras.Sequential)
    names = [child.name if has_names else str(i) for i, child in enumerate(layer._layers)]
    names = [name if names.count(name) == 1 else f"{name}.{i}" for i, name in enumerate(names)]
    return list(zip(names, layer._layers))


def _height(layer):
    return 1 + max(map(_height, layer._layers), default=0)
