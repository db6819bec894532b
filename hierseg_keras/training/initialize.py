"""Start of a training run from the weights of an earlier run."""

import pathlib

from hierseg_keras.distribution.strategy import current_strategy
from hierseg_keras.messages.capped_list import capped
from hierseg_keras.models.weights.transferred_weights import transfer_weights
from hierseg_keras.training.manifest import weights_hash
from hierseg_keras.training.saved_run import load_run

# The largest number of layers that the message names.
_NUM_NAMED = 8


def initialize(model, run, needs_frozen=False):
    """Copies the weights of a run into the layers of a network that both have.

    Args:
        model: `keras.Model` of a new run.
        run: Path of the folder of an earlier run. Its network may have other classes, or another method.
        needs_frozen: Whether every frozen layer has to take the weights of the run. Defaults to `False`.

    Returns:
        Dict of JSON values for `run.json`: `run`, the folder; `sha256`, the hash of its weights; and `new`, a list of
        the paths of layers that keep their own weights.

    Raises:
        ValueError: If no layer fits, a frozen layer that has to fit does not, and under the conditions of `load_run`.
    """
    _, source = load_run(run, current_strategy())
    transfer = transfer_weights(source, model)
    if not transfer.taken:
        raise ValueError(
            f"`init` expects a run whose network has layers of this one. Received: {run}, whose "
            f"{type(getattr(source, 'inference_model', source)).__name__} has none of equal names and shapes. Choose "
            "the run's network and its options, for example with --config of the run."
        )
    if needs_frozen and transfer.frozen:
        lacking = ", ".join(capped(list(transfer.frozen), _NUM_NAMED))
        raise ValueError(
            f"`freeze` expects a run in `init` that has all frozen layers. Received: {run}, without {lacking}, whose "
            "random weights would never be trained. Choose the run's network and its options, or train without "
            "`freeze`."
        )
    return {"run": str(run), "sha256": weights_hash(pathlib.Path(run)), "new": list(transfer.kept)}


def describe(origin):
    """Returns a sentence that says which layers are new."""
    new = ", ".join(capped(origin["new"], _NUM_NAMED)) if origin["new"] else "none"
    return f"Weights of {origin['run']}; layers with new weights: {new}."
