"""Paths of the layers of a network, which are the same each time the network is built."""

import re

import keras


def layers_by_path(model, numbered_anew=False):
    """Returns a dict from a path to each layer with weights. A layer that models share has only its first path.

    Args:
        model: `keras.Model`.
        numbered_anew: Whether to replace the names that Keras gives to layers without a name of their own. Keras
            numbers them across all models of a process; here they are numbered within their model, so that two
            models of one architecture have the same paths. Defaults to `False`, which keeps all names.

    Returns:
        Dict from string to `keras.Layer`, in the order of the graph. A path joins the names of nested layers by `/`.
        The empty string is the path of the model itself.
    """
    found, seen = {}, set()

    def visit(layer, path):
        if id(layer) in seen or not layer.variables:
            return
        seen.add(id(layer))
        found[path] = layer
        for name, child in _children(layer, numbered_anew):
            visit(child, f"{path}/{name}" if path else name)

    visit(model, "")
    return found


def own_weights(layer):
    """Returns the weights of a layer that do not belong to a layer inside it."""
    inner = {id(weight) for child in layer._layers for weight in child.weights}
    return [weight for weight in layer.weights if id(weight) not in inner]


def height(layer):
    """Returns the number of layers that are nested in one another, from a layer to the innermost one."""
    return 1 + max(map(height, layer._layers), default=0)


def _children(layer, numbered_anew):
    """Returns pairs of a name and a layer inside a layer."""
    # The names inside a sequence may change, because Keras numbers layers without a name across all models.
    has_names = isinstance(layer, keras.Model) and not isinstance(layer, keras.Sequential)
    names = [child.name if has_names else str(i) for i, child in enumerate(layer._layers)]
    if has_names and numbered_anew:
        names = [_kind(child) if _is_unnamed(child) else child.name for child in layer._layers]
    names = [name if names.count(name) == 1 else f"{name}.{i}" for i, name in enumerate(names)]
    return list(zip(names, layer._layers))


def _is_unnamed(layer):
    """Returns whether a layer has a name that Keras made of its class and a number, such as `conv2d_3`."""
    return re.sub(r"(_\d+)?$", "", layer.name).replace("_", "") == type(layer).__name__.lower()


def _kind(layer):
    return f"<{type(layer).__name__}>"
