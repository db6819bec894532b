"""Outputs of a network's layers by name."""

import keras


def layer_outputs(model, names):
    """Finds the outputs of a functional network's layers, including layers of nested models.

    Args:
        model: Functional `keras.Model`.
        names: Names of layers. `"backbone/layer2"` is the layer `layer2` of the nested functional model
            `backbone`.

    Returns:
        Pair of the model's symbolic outputs and a dict from each name to the symbolic output of its layer.
        All belong to one new graph, which applies the same layers to the model's input.

    Raises:
        ValueError: If there is no layer with a name, or the model calls it more than once.
    """
    inside = {}
    for name in names:
        layer, _, rest = name.partition("/")
        _check_layer(model, layer, rest)
        if rest:
            inside.setdefault(layer, []).append(rest)
    opened = {layer: _opened(model.get_layer(layer), inner_names) for layer, inner_names in inside.items()}
    found = {}

    def call(layer, *args, **kwargs):
        maps = {}
        if layer.name in opened:
            output, inner = opened[layer.name](*args, **kwargs)
            maps = {f"{layer.name}/{name}": x for name, x in inner.items()}
        else:
            output = layer(*args, **kwargs)
        if layer.name in names:
            maps[layer.name] = output
        if maps.keys() & found.keys():
            raise ValueError(
                f"expected layers that {model.name!r} calls once. Received: {layer.name!r}, which it calls more often. "
                "Name another layer."
            )
        found.update(maps)
        return output

    # Not a copy: `clone_function` returns each layer itself, so that the new graph shares all layers.
    rebuilt = keras.models.clone_model(model, model.input, clone_function=lambda layer: layer, call_function=call)
    return rebuilt.output, {name: found[name] for name in names}


def _opened(model, names):
    """Makes a model of the same layers and name that also outputs a dict of the named layers' outputs."""
    return keras.Model(model.input, layer_outputs(model, names), name=model.name)


def _check_layer(model, layer, rest):
    if layer not in [known.name for known in model.layers]:
        raise ValueError(
            f"expected the name of a layer of {model.name!r}. Received: {layer!r}. Name a layer that outputs maps, "
            f"such as one of {_maps(model)}.{_inner_models(model)}"
        )
    if rest and not isinstance(model.get_layer(layer), keras.Model):
        raise ValueError(
            f"expected the name of a nested model before the slash of {layer}/{rest}. Received: "
            f"{model.get_layer(layer)!r}. Name the layer without a slash."
        )


def _maps(model, count=6):
    lists = [layer.name for layer in model.layers if isinstance(layer.output, (list, tuple))]
    return lists or [layer.name for layer in model.layers if len(getattr(layer.output, "shape", ())) == 4][-count:]


def _inner_models(model):
    inner = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return "".join(f" Layers inside {x.name!r} are named as in {x.name}/{x.layers[-1].name}." for x in inner)
