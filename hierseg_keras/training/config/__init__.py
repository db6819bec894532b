"""The configuration of a run: a typed record, read from TOML, whose classes' options are those of their signatures."""

from hierseg_keras.training.config.problems import ConfigError
from hierseg_keras.training.config.record import RunConfig

__all__ = ["ConfigError", "RunConfig"]
