"""Training by `compile` and `fit`, and the folder that a run leaves behind."""

from hierseg_keras.training.config import RunConfig
from hierseg_keras.training.run import evaluate_run, load_run, train

__all__ = ["RunConfig", "evaluate_run", "load_run", "train"]
