"""Runs two training steps on generated data, to see whether a run fits into memory and how long a step takes."""

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
    """Trains a configuration's network for two steps, each on one random image of the crop size.

    It reads no data set and no pretrained weights.

    Args:
        config: `RunConfig` whose `data` contains `tree`, and `crop_size` or a pair `size`.

    Returns:
        Dict: `seconds_per_image`, the duration of the second step, which trains on one image; `parameters`, the
        network's number of parameters; and the loss and metrics of the two steps.

    Raises:
        ValueError: If the configuration has no tree, or no crop size.
        FloatingPointError: If the loss is NaN or infinite.
    """
    check_smoke(config)
    size = config.data.crop_size or config.data.size
    config = config.replace(schedule={"accumulation_steps": 1, "early_stopping_patience": None})
    if config.finds_clusters:
        # HS3 trains two networks. The first, supervised on all classes, has the larger heads.
        config = config.replace(method={"clusters": None})
    keras.utils.set_random_seed(config.seed)
    tree, rng = tree_of(config.data), np.random.default_rng(config.seed)
    channels = 3 if config.data.max_depth is None else 4
    image = rng.uniform(0, 255, (STEPS, *size, channels)).astype("float32")
    # Patches of one class resemble the labels of a scene.
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
        raise FloatingPointError(
            f"the smoke run expects a finite loss. Received: {values['loss']}. Lower the learning rate."
        )
    network = getattr(model, "inference_model", model)
    return {"seconds_per_image": ends[-1] - ends[-2], "parameters": network.count_params(), **values}


def check_smoke(config):
    """Checks that a configuration contains a tree and a crop size.

    Raises:
        ValueError: If `data.tree` is missing, or there is neither `data.crop_size` nor a pair `data.size`.
    """
    size = config.data.crop_size or config.data.size
    if config.data.tree is None or size is None or isinstance(size, int):
        raise ValueError(
            "the smoke run expects `data.tree` and `data.crop_size`, because it reads no data set. Received: "
            f"tree={config.data.tree!r}, crop_size={size!r}. Set both, or start from a recipe."
        )
