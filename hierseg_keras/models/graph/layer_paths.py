"""Paths of the layers of a network, which are the same each time the network is built."""

import collections
import re

import keras


def layers_by_path(model, numbered_anew=False):
    """Returns a dict from a path to each layer with weights. A layer that models share has only its first path.

    Args:
        model: `keras.Model`.
        numbered_anew: Whether to replace the names that Keras gives to layers without a name of their own. Keras
            numbers them across all models of a process; here those of one class are numbered and counted within their
            model or layer, as in `<Conv2D> 2 of 5`. Two models of one architecture then have the same paths, and
            models with another number of such layers have different ones, since nothing says which of them are the
            same. Defaults to `False`, which keeps all names.

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
    if numbered_anew:
        return list(zip(_numbered([_own_name(child) for child in layer._layers]), layer._layers))
    # The names inside a sequence may change, because Keras numbers layers without a name across all models.
    has_names = isinstance(layer, keras.Model) and not isinstance(layer, keras.Sequential)
    names = [child.name if has_names else str(i) for i, child in enumerate(layer._layers)]
    names = [name if names.count(name) == 1 else f"{name}.{i}" for i, name in enumerate(names)]
    return list(zip(names, layer._layers))


def _numbered(names):
    """Makes repeated names different: `a`, `a` become `a 1 of 2` and `a 2 of 2`."""
    counts, numbers = collections.Counter(names), collections.Counter()
    for name in names:
        numbers[name] += 1
        yield name if counts[name] == 1 else f"{name} {numbers[name]} of {counts[name]}"


def _own_name(layer):
    return f"<{type(layer).__name__}>" if _is_unnamed(layer) else layer.name


def _is_unnamed(layer):
    """Returns whether a layer has a name that Keras made of its class and a number, such as `conv2d_3`."""
    return re.sub(r"(_\d+)?$", "", layer.name).replace("_", "") == type(layer).__name__.lower()
