"""Training on several devices."""

import importlib

_ROOM = {
    "check_jit_compile": "strategy",
    "make_strategy": "strategy",
    "start_processes": "processes",
}

__all__ = [*_ROOM]


def __getattr__(name):
    # Imported on first use, because they import TensorFlow, which losses on the JAX backend do not need.
    if name in _ROOM:
        return getattr(importlib.import_module(f"hierseg_keras.distribution.{_ROOM[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
