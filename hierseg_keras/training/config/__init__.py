"""The configuration of a run: a typed record, read from TOML and checked against the signatures of its classes."""

from hierseg_keras.training.config.problems import ConfigError
from hierseg_keras.training.config.record import RunConfig

__all__ = ["ConfigError", "RunConfig"]
