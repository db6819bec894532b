"""Training runs with `compile` and `fit`, and the folder in which a run saves its results."""

import importlib

from hierseg_keras.training.accumulation import AccumulatedAdamW, AccumulatedCoupledSGD, AccumulatedSGD
from hierseg_keras.training.coupled_sgd import CoupledSGD

_ROOM = {
    "ConfigError": "config",
    "RunConfig": "config",
    "TemperatureFit": "temperature_fit",
    "TrainingInterrupted": "checkpoints.stop_request",
    "calibrate_run": "calibration",
    "evaluate_published": "published",
    "evaluate_run": "saved_run",
    "find_temperature": "temperature_search",
    "for_inference": "saved_run",
    "load_run": "saved_run",
    "load_temperature": "temperature_file",
    "report_runs": "runs_page",
    "smoke": "smoke_run",
    "train": "run",
    "train_hs3": "hs3_run",
}

__all__ = ["AccumulatedAdamW", "AccumulatedCoupledSGD", "AccumulatedSGD", "CoupledSGD", *_ROOM]


def __getattr__(name):
    # Only the optimizers are imported at once, because Keras must find them when it loads a model. All other names are
    # imported on first use, because they import TFDS and matplotlib.
    if name in _ROOM:
        return getattr(importlib.import_module(f"hierseg_keras.training.{_ROOM[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
