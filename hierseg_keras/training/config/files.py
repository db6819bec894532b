"""Files of configurations."""

import json
import pathlib
import tomllib

from hierseg_keras.training.config import earlier
from hierseg_keras.training.config.problems import ConfigError

FORMAT_VERSION = 1
# Of a run's folder; runs of earlier versions have the other.
CONFIG, EARLIER_CONFIG = "config.toml", "config.json"


def read_values(path):
    """Reads a file of a configuration.

    Args:
        path: Path of a TOML file, or of a JSON file of an earlier version.

    Returns:
        Nested dict, as `RunConfig` takes it; it is not checked.

    Raises:
        OSError: If the file cannot be read.
        ConfigError: If it is not TOML, or a later version's; the message names the file.
    """
    path = pathlib.Path(path)
    try:
        text = path.read_text("utf-8")
        if path.suffix == ".json":
            return earlier.translated(json.loads(text))
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError([f"expected a configuration in TOML. Received: {path}: {error}"]) from None
    version = values.get("format_version", FORMAT_VERSION)
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise ConfigError(
            [
                f"expected a configuration of format {FORMAT_VERSION}. Received: {path} of format {version}. Read it "
                "with a later version of hierseg_keras."
            ]
        )
    return values


def config_file(folder):
    """The file of a run's configuration: `config.toml`, or an earlier version's `config.json` where that is there."""
    earlier_file = folder / EARLIER_CONFIG
    return earlier_file if earlier_file.is_file() and not (folder / CONFIG).is_file() else folder / CONFIG
