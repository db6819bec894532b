"""Layers that are built once and applied to several symbolic tensors."""

import keras


class SharedLayers:
    """Builds layers on the symbolic tensors of its first call, and applies the same layers to those of later calls.

    Args:
        build: Function from symbolic tensors to a symbolic tensor, or a dict or list of these, which builds layers.

    Call arguments:
        *inputs: Symbolic tensors, or dicts or lists of these. Later ones have the channels of the first ones.

    Returns:
        What `build` returns.
    """

    def __init__(self, build):
        self._build = build
        self._first = self._model = None

    def __call__(self, *inputs):
        inputs = list(inputs)
        if self._first is None:
            self._first = inputs, self._build(*inputs)
            return self._first[1]
        # Made only if it is needed, because a layer that belongs to several graphs has no single `output`.
        self._model = self._model or keras.Model(*self._first)
        # `call` applies the layers one by one. Calling the model itself would add it to the graph as a nested layer.
        return self._model.call(inputs)
