"""The maps inside a network, by the names of the layers that give them."""

import keras


def layer_outputs(model, names):
    """Finds the outputs of a functional network's layers, those of networks inside it too.

    Args:
        model: Functional `keras.Model`.
        names: Names of layers; `"backbone/layer2"` is the layer `layer2` of the layer `backbone`, which is
            a functional model itself.

    Returns:
        A pair: the model's symbolic outputs, and a dict from each name to its layer's symbolic output,
        all of one new graph of the same layers on the model's own input.

    Raises:
        ValueError: If there is no layer of a name, or the model calls it more than once.
    """
    inside = {}
    for name in names:
        layer, _, rest = name.partition("/")
        _check_layer(model, layer, rest)
        if rest:
            inside.setdefault(layer, []).append(rest)
    opened = {layer: _opened(model.get_layer(layer), names) for layer, names in inside.items()}
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
            raise ValueError(f"expected layers that {model.name!r} calls once. Received: {layer.name!r}.")
        found.update(maps)
        return output

    # The same layers, called anew.
    anew = keras.models.clone_model(model, model.input, clone_function=lambda layer: layer, call_function=call)
    return anew.output, {name: found[name] for name in names}


def _opened(model, names):
    """A network on the same layers, and of the same name, that gives its inner maps too."""
    return keras.Model(model.input, layer_outputs(model, names), name=model.name)


def _check_layer(model, layer, rest):
    names = [layer.name for layer in model.layers]
    if layer not in names:
        raise ValueError(
            f"expected the name of a layer of {model.name!r}. Received: {layer!r}. Its lists of maps, or last maps: "
            f"{_maps(model)}.{_inner_models(model)}"
        )
    if rest and not isinstance(model.get_layer(layer), keras.Model):
        raise ValueError(f"expected a network for {layer!r} in {layer}/{rest}. Received: {model.get_layer(layer)!r}.")


def _maps(model, count=6):
    lists = [layer.name for layer in model.layers if isinstance(layer.output, (list, tuple))]
    return lists or [layer.name for layer in model.layers if len(getattr(layer.output, "shape", ())) == 4][-count:]


def _inner_models(model):
    inner = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return "".join(
        f" Layers of {layer.name!r} are named {layer.name}/{layer.layers[-1].name} and so on." for layer in inner
    )
