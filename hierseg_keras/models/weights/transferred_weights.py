"""Transfer of weights between two networks that share layers."""

import dataclasses

import numpy as np
from keras import ops

from hierseg_keras.models.graph.classifier_input import classifier_of
from hierseg_keras.models.graph.layer_paths import layers_by_path, own_weights


@dataclasses.dataclass(frozen=True)
class Transfer:
    """Lists the layers of a network that took the weights of another network, and those that kept their own.

    Attributes:
        taken: Tuple of paths of layers.
        kept: Tuple of paths of layers.
        frozen: Tuple of those paths in `kept` whose layers are frozen.
    """

    taken: tuple[str, ...]
    kept: tuple[str, ...]
    frozen: tuple[str, ...]


def transfer_weights(source, target):
    """Copies the weights of each layer that two networks share.

    Two layers are the same if they have the same path, the same type, and weights of the same shapes. The classifier,
    and layers whose names end in `logits`, are the same only if both networks have the same tree, the same kind of
    scores and, in HS3-Fuse, the same clusters: otherwise their channels stand for other classes. The heads that `HS3`
    drops at inference are not compared.

    Args:
        source: `keras.Model` whose weights are copied. It stays as it is.
        target: `keras.Model` that takes them.

    Returns:
        `Transfer`, which lists all layers of `target` that have weights.
    """
    have_same_classes, classifier = _classes(source) == _classes(target), classifier_of(_network(target))
    given, layers, taken, kept, values = _layers(source), _layers(target), [], [], []
    for path, layer in layers.items():
        weights, twin = own_weights(layer), given.get(path)
        if not weights:
            continue
        # The layer "classes" of mask classification has one channel more than there are leaves.
        is_head = path.endswith(("logits", "classes")) or _classifies(layer, classifier, target)
        if _are_alike(twin, layer) and (have_same_classes or not is_head):
            taken.append(path)
            values += [(weight, ops.convert_to_numpy(own)) for weight, own in zip(weights, own_weights(twin))]
        else:
            kept.append(path)
    for weight, value in values:
        weight.assign(value)
    return Transfer(tuple(taken), tuple(kept), tuple(path for path in kept if not layers[path].trainable))


def _layers(model):
    """Returns the layers of a network by path: those of inference, of auxiliary logits, and of HSSN's projection."""
    network = _network(model)
    layers = layers_by_path(getattr(network, "training_model", network), numbered_anew=True)
    if hasattr(model, "projection"):
        layers |= {f"projection/{path}": layer for path, layer in layers_by_path(model.projection, True).items()}
    return layers


def _classifies(layer, classifier, model):
    """Returns whether a layer is the classifier. If none was found, a layer with one channel per score may be it."""
    if classifier is not None:
        return layer is classifier
    channels = _network(model).output_shape[-1]
    return any(channels in weight.shape[-2:] for weight in own_weights(layer))


def _network(model):
    return getattr(model, "inference_model", model)


def _classes(model):
    fused = getattr(_network(model), "clusters", ())
    return model.tree, getattr(model, "scores", None), [np.asarray(clusters).tolist() for clusters in fused]


def _are_alike(layer, other):
    return type(layer) is type(other) and _shapes(layer) == _shapes(other)


def _shapes(layer):
    return [tuple(weight.shape) for weight in own_weights(layer)]
