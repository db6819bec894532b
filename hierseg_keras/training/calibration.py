"""Fits the temperature of a trained run, and stores it with the run."""

import os
import pathlib

from hierseg_keras.distribution.strategy import current_strategy
from hierseg_keras.training.build import ignore_class_of, load_evaluation
from hierseg_keras.training.data_sets import DataSets
from hierseg_keras.training.folder_claim import claimed
from hierseg_keras.training.manifest import WEIGHTS, weights_hash
from hierseg_keras.training.origin import warn_of_other_data
from hierseg_keras.training.saved_run import load_run
from hierseg_keras.training.temperature_file import save_temperature
from hierseg_keras.training.temperature_fit import TemperatureFit
from hierseg_keras.training.temperature_search import check_can_calibrate, find_temperature


def calibrate_run(
    folder: str | os.PathLike, split: str | None = None, verbose: bool = False
) -> tuple[TemperatureFit, TemperatureFit]:
    """Fits one temperature to a run's validation data, and stores it in the run's folder.

    The temperature is that of `find_temperature`. The split is predicted about six times.

    `load_run(folder, calibrated=True)` and the option `--calibrated` of `hierseg evaluate`, `report`, `predict` and
    `export` then divide the logits by the temperature, as `models.Calibrated` does. The file `calibration.json` is
    bound to the run's weights: once they change, loading it raises an error.

    Args:
        folder: The run's folder.
        split: TFDS split of the data set that the run was validated on. Defaults to the run's validation split. A
            split of the training data gives a temperature that is too small.
        verbose: Whether to print a line per temperature that is tried. Defaults to `False`.

    Returns:
        Pair of `TemperatureFit`s, as `find_temperature` returns it.

    Raises:
        FileExistsError: If another process writes to the folder.
        FileNotFoundError: As in `load_run`.
        RuntimeError: If the Keras backend is not TensorFlow.
        FloatingPointError: As in `load_run`, or if a logit is NaN or infinite.
        ValueError: As in `load_run`, if no pixel of the split is labeled, or in the scope of several replicas.

    Reference:
        [Guo et al., On Calibration of Modern Neural Networks, ICML 2017](https://arxiv.org/abs/1706.04599).
    """
    check_can_calibrate("calibrate_run")
    folder = pathlib.Path(folder)
    # Before the weights are loaded: if others replace them meanwhile, the temperature is refused later.
    weights = weights_hash(folder) if (folder / WEIGHTS).is_file() else None
    config, model = load_run(folder)
    data_sets = DataSets(config.data, model.tree)
    warn_of_other_data(folder, config, data_sets)
    with claimed(folder):
        split = split or config.evaluation.split
        examples, _ = load_evaluation(config, data_sets, split, current_strategy())
        options = {"ignore_class": ignore_class_of(model.tree), "on_pass": _print if verbose else None}
        before, after = find_temperature(model, examples, **options)
        content = {
            "temperature": after.temperature,
            "dataset": config.evaluation_dataset,
            "split": split,
            "num_pixels": after.num_pixels,
            "negative_log_likelihood": {
                "before": before.negative_log_likelihood,
                "after": after.negative_log_likelihood,
            },
            "expected_calibration_error": {"before": before.calibration_error, "after": after.calibration_error},
        }
        save_temperature(folder, weights, content)
    return before, after


def _print(fit):
    print(
        f"temperature {fit.temperature:.4f}: negative log-likelihood {fit.negative_log_likelihood:.4f}, "
        f"expected calibration error {fit.calibration_error:.4f}"
    )
