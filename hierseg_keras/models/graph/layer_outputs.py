"""Outputs of a network's layers by name."""

import re

import keras


def layer_outputs(model, names):
    """Finds the outputs of a functional network's layers, including layers of nested models.

    Args:
        model: Functional `keras.Model`.
        names: Names of layers. `"backbone/layer2"` is the layer `layer2` of the nested functional model
            `backbone`. If the model calls a layer several times, `"backbone/layer2[0]"` is its first call, in the
            order in which the graph runs, and the name without an index is all calls.

    Returns:
        Pair of the model's symbolic outputs and a dict from each name to a list of the symbolic outputs of its layer,
        one per call. All belong to one new graph, which applies the same layers to the model's input.

    Raises:
        ValueError: If there is no layer, or no call, with a name.
    """
    named = {name: _parsed(name) for name in names}
    inside, found = {}, {}
    for path, _ in named.values():
        layer, _, rest = path.partition("/")
        _check_layer(model, layer, rest)
        found[layer, rest] = []
        if rest:
            inside.setdefault(layer, set()).add(rest)
    opened = {layer: _opened(model.get_layer(layer), sorted(inner_names)) for layer, inner_names in inside.items()}

    def call(layer, *args, **kwargs):
        output, inner = opened[layer.name](*args, **kwargs) if layer.name in opened else (layer(*args, **kwargs), {})
        for rest, outputs in {"": [output], **inner}.items():
            if (layer.name, rest) in found:
                found[layer.name, rest].extend(outputs)
        return output

    # Not a copy: `clone_function` returns each layer itself, so that the new graph shares all layers.
    # A plain model, because Keras would also copy what a subclass and `compile` have added.
    plain = keras.Model(model.input, model.output, name=model.name)
    rebuilt = keras.models.clone_model(plain, plain.input, clone_function=lambda layer: layer, call_function=call)
    return rebuilt.output, {name: _selected(model, found, *parsed) for name, parsed in named.items()}


def call_names(name, count):
    """Returns the names of the calls of a layer that `layer_outputs` found `count` outputs of: `"name[0]"` and so on.

    A name with one output is returned as it is.
    """
    return [name] if count == 1 else [f"{name}[{i}]" for i in range(count)]


def _parsed(name):
    """Returns the path of a layer, and the index of a call or `None`."""
    path, index = re.fullmatch(r"(.*?)(?:\[(\d+)\])?", name).groups()
    return path, index and int(index)


def _selected(model, found, path, index):
    layer, _, rest = path.partition("/")
    outputs = found[layer, rest]
    if not outputs or (index or 0) >= len(outputs):
        raise ValueError(
            f"expected one of the calls of {path!r} in {model.name!r}, of which there are {len(outputs)}, numbered "
            f"from 0. Received: {path if index is None else f'{path}[{index}]'!r}. Name another call, or another layer."
        )
    return outputs if index is None else [outputs[index]]


def _opened(model, names):
    """Makes a model of the same layers and name that also outputs a dict of the named layers' outputs."""
    return keras.Model(model.input, layer_outputs(model, names), name=model.name)


def _check_layer(model, layer, rest):
    if layer not in [known.name for known in model.layers]:
        raise ValueError(
            f"expected the name of a layer of {model.name!r}. Received: {layer!r}. Name a layer that outputs maps, "
            f"such as one of {_maps(model)}.{_inner_models(model)}"
        )
    if rest and not _has_graph(model.get_layer(layer)):
        raise ValueError(
            f"expected the name of a nested functional model before the slash of {layer}/{rest}. Received: "
            f"{model.get_layer(layer)!r}. Name the layer without a slash."
        )


def _has_graph(layer):
    return isinstance(layer, keras.Model) and bool(getattr(layer, "inputs", None))


def _maps(model, count=6):
    lists = [layer.name for layer in model.layers if isinstance(layer.output, (list, tuple))]
    return lists or [layer.name for layer in model.layers if len(getattr(layer.output, "shape", ())) == 4][-count:]


def _inner_models(model):
    inner = [layer for layer in model.layers if _has_graph(layer)]
    return "".join(f" Layers inside {x.name!r} are named as in {x.name}/{x.layers[-1].name}." for x in inner)
