"""Training by `compile` and `fit`, and the folder that a run leaves behind."""

import importlib

from hierseg_keras.training.accumulation import AccumulatedAdamW, AccumulatedCoupledSGD, AccumulatedSGD
from hierseg_keras.training.coupled_sgd import CoupledSGD

_ROOM = {
    "ConfigError": "config",
    "RunConfig": "config",
    "evaluate_run": "saved_run",
    "for_inference": "saved_run",
    "load_run": "saved_run",
    "smoke": "smoke_run",
    "train": "run",
    "train_hs3": "hs3_run",
}

__all__ = ["AccumulatedAdamW", "AccumulatedCoupledSGD", "AccumulatedSGD", "CoupledSGD", *_ROOM]


def __getattr__(name):
    # The optimizers are what Keras has to find when it loads a model; all else imports TFDS and matplotlib.
    if name in _ROOM:
        return getattr(importlib.import_module(f"hierseg_keras.training.{_ROOM[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
