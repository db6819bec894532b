"""Reads configuration files."""

import json
import pathlib
import tomllib

from hierseg_keras.training.config import earlier
from hierseg_keras.training.config.problems import ConfigError

FORMAT_VERSION = 1
# Name of the configuration file in a run's folder: of this version, and of earlier versions.
CONFIG, EARLIER_CONFIG = "config.toml", "config.json"


def read_values(path):
    """Reads a configuration file.

    Args:
        path: Path of a TOML file, or of a JSON file from an earlier version.

    Returns:
        Nested dict, as `RunConfig` accepts it. Its values have not been checked yet.

    Raises:
        OSError: If the file cannot be read.
        ConfigError: If the file is not valid TOML, or was written by a later version. The message names the file.
    """
    path = pathlib.Path(path)
    try:
        # Some editors begin a file with a byte order mark.
        text = path.read_text("utf-8-sig")
        if path.suffix == ".json":
            values = json.loads(text)
        else:
            values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise ConfigError([f"expected a configuration in {kind}. Received: {path}: {error}"]) from None
    if path.suffix == ".json":
        return earlier.translated(values)
    version = values.get("format_version", FORMAT_VERSION)
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise ConfigError(
            [
                f"expected a configuration of format version {FORMAT_VERSION}. Received: {path}, of format version "
                f"{version}. Read it with a later version of hierseg_keras."
            ]
        )
    return values


def config_file(folder):
    """Returns the path of a run's `config.toml`, or of `config.json` if only this file of an earlier version exists."""
    earlier_file = folder / EARLIER_CONFIG
    return earlier_file if earlier_file.is_file() and not (folder / CONFIG).is_file() else folder / CONFIG
