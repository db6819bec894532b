"""Two steps of a run on generated data: whether it fits the machine, and how long a step takes."""

import math
import time

import keras
import numpy as np

from hierseg_keras.training.build import compile_model, make_model, tree_of
from hierseg_keras.training.config import RunConfig
from hierseg_keras.training.optimizers import make_optimizer
from hierseg_keras.training.traced_gradients import traced_gradients_freed

STEPS = 2


def smoke(config: RunConfig) -> dict[str, float]:
    """Trains a configuration's network for two steps on one random image of its crop size.

    No data set and no pretrained weights are looked for.

    Args:
        config: `RunConfig` whose `data` names a tree and a size of crops.

    Returns:
        Dict: `seconds`, those of the second step; `parameters` of the network; and every figure of
        the steps' logs.

    Raises:
        ValueError: If the configuration names no tree, or no size of crops.
        FloatingPointError: If the loss is not finite.
    """
    check_smoke(config)
    size = config.data.crop_size or config.data.size
    config = config.replace(schedule={"accumulation_steps": 1, "early_stopping_patience": None})
    if config.finds_clusters:
        # Of its two networks the one that finds the clusters has the larger heads.
        config = config.replace(method={"clusters": None})
    keras.utils.set_random_seed(config.seed)
    tree, rng = tree_of(config.data), np.random.default_rng(config.seed)
    channels = 3 if config.data.max_depth is None else 4
    image = rng.uniform(0, 255, (STEPS, *size, channels)).astype("float32")
    # Patches of one class, as of a scene.
    patches = rng.integers(0, tree.num_leaves, (STEPS, 8, 8)).astype("int32")
    rows, columns = (np.arange(length) * 8 // length for length in size)
    model = make_model(config, tree, pretrained=False)
    compile_model(model, config, make_optimizer(config, num_batches=STEPS), config.jit_compile)
    ends = []
    record = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: ends.append(time.perf_counter()))
    label = patches[:, rows][:, :, columns]
    with traced_gradients_freed():
        history = model.fit(image, label, batch_size=1, shuffle=False, verbose=0, callbacks=[record]).history
    values = {name: series[-1] for name, series in history.items()}
    if not math.isfinite(values["loss"]):
        raise FloatingPointError(f"the loss of a smoke run became {values['loss']}.")
    network = getattr(model, "inference_model", model)
    return {"seconds": ends[-1] - ends[-2], "parameters": network.count_params(), **values}


def check_smoke(config):
    """Refuses a configuration that names no tree, or no size of crops.

    Raises:
        ValueError: If it does not.
    """
    size = config.data.crop_size or config.data.size
    if config.data.tree is None or size is None or isinstance(size, int):
        raise ValueError(
            "a smoke run expects `data.tree` and `data.crop_size`, as it reads no data set. Received: "
            f"tree={config.data.tree!r}, crop_size={size!r}."
        )
