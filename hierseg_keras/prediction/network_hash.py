"""Identifies a network by its weights and its configuration."""

import hashlib
import json

from keras import ops

# What Keras numbers anew for every network that a process makes.
_NUMBERED = ("name", "build_config", "inbound_nodes", "input_layers", "output_layers", "registered_name")


def network_hash(model, scores):
    """Computes a hash that is equal for two networks which predict the same.

    Args:
        model: `keras.Model`.
        scores: `tree.scores.Scores` of its channels.

    Returns:
        String, SHA-256 of the tree, the meaning of the channels, the configuration and the weights. The names of
        layers have no effect.
    """
    digest = hashlib.sha256()
    try:
        config = _without_numbered(model.get_config())
    # A class of the user's own may have no configuration. Its weights identify it well enough.
    except NotImplementedError:
        config = None
    parts = [type(model).__name__, scores.tree.to_text(), scores.kind, scores.from_logits, config]
    digest.update(json.dumps(parts, default=lambda value: type(value).__name__, sort_keys=True).encode())
    for weight in model.weights:
        values = ops.convert_to_numpy(weight)
        digest.update(f"{values.shape} {values.dtype}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def _without_numbered(config):
    if isinstance(config, dict):
        return {str(key): _without_numbered(value) for key, value in config.items() if key not in _NUMBERED}
    if isinstance(config, (list, tuple)):
        return [_without_numbered(value) for value in config]
    return config
