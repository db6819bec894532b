"""The file with the temperature of a run."""

import json
import math
import os
import pathlib

from hierseg_keras.files import read_json
from hierseg_keras.messages.quoted import quoted
from hierseg_keras.training.manifest import CALIBRATION, check_calibration, save_calibration, weights_hash

FORMAT_VERSION = 1


def save_temperature(folder, weights, content):
    """Stores a temperature in a run's folder, bound to the weights to which it was fitted.

    Args:
        folder: `pathlib.Path` of the run.
        weights: String, the hash of these weights.
        content: Dict of JSON values: `temperature`, and how it was found.
    """
    content = {"format_version": FORMAT_VERSION, "weights": weights, **content}
    save_calibration(folder, json.dumps(content, indent=2) + "\n")


def load_temperature(folder: str | os.PathLike) -> float:
    """Loads the temperature that `calibrate_run` stored in a run's folder.

    Args:
        folder: The run's folder.

    Returns:
        Float above 0.

    Raises:
        FileNotFoundError: If the run has no temperature.
        ValueError: If `calibration.json` was changed or damaged, or the weights have changed since.
    """
    folder = pathlib.Path(folder)
    path, again = folder / CALIBRATION, f"Run `hierseg calibrate {quoted(folder)}` again."
    if not path.is_file():
        raise FileNotFoundError(
            f"expected a run with a temperature. Received: {folder}, which lacks {CALIBRATION}. Run "
            f"`hierseg calibrate {quoted(folder)}` first."
        )
    check_calibration(folder)
    try:
        content = read_json(path)
        version, temperature, weights = (content[name] for name in ("format_version", "temperature", "weights"))
        if version != FORMAT_VERSION or not (temperature > 0 and math.isfinite(temperature)):
            raise ValueError(f"format version {version!r}, temperature {temperature!r}")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"expected a temperature. Received: {path}, which cannot be read ({type(error).__name__}: {error}). {again}"
        ) from None
    if weights != weights_hash(folder):
        raise ValueError(
            f"expected a temperature of the run's weights. Received: {path}, which was fitted to other weights. {again}"
        )
    return temperature
