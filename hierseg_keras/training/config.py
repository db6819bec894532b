"""What a training run is, in one plain record."""

import dataclasses
import json
import math
import pathlib

import numpy as np

from hierseg_keras.files import write_whole
from hierseg_keras.losses.objectives import OBJECTIVES
from hierseg_keras.training import recipes
from hierseg_keras.training.methods import METHODS, stages_of
from hierseg_keras.training.networks import NETWORKS, OPTIONS, PRECISIONS, WITH_DEPTH, network_options
from hierseg_keras.training.optimizers import OPTIMIZERS

_ONE_OF = {
    "loss": tuple(OBJECTIVES),
    "optimizer": tuple(OPTIMIZERS),
    "model": tuple(NETWORKS),
    "precision": PRECISIONS,
    "method": tuple(METHODS),
    "clustering": ("spectral", "kmeans"),
}
_SHARES = ("ema_momentum", "analysis_share", "ratio")
_ABOVE_0 = ("epochs", "batch_size", "learning_rate", "accumulation_steps", "early_stopping_patience", "steps")
_ABOVE_0 += ("size", "crop_size", "scale_range")


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Everything that decides a training run; two runs of one configuration see the same batches.

    Attributes:
        dataset: Name of a TFDS data set, as in `data.load`.
        train_split, validation_split: TFDS splits.
        tree: Name of a shipped tree or path of a tree file. Defaults to the data set's own.
        model: Name of a network, of `NETWORKS`.
        filters, num_stages, backbone, output_stride, dropout, weights, synchronized_batch_norm,
        width, num_modules, num_blocks, blocks, key_filters, auxiliary_weight, scales, scale_weight,
        num_queries, num_layers:
            Options of the network, as its class in `hierseg_keras.models` has them. One that it
            does not have is refused, and one left out is the network's in `NETWORKS`. `weights`
            are fetched for a new run only.
        loss: One of `OBJECTIVES`; `"crossentropy"` is the flat baseline.
        method: One of `METHODS`: `"plain"`, the network by itself; `"hssn"`, its embedding trained by
            tree-triplets too (`models.HSSN`); `"deep_supervision"`, its stages on all classes, and
            `"hs3"`, on clusters of them (`models.HS3`).
        beta, num_triplets: Of the triplets, as in `HSSN` and `TreeTriplet`.
        stages: Names of the layers that are supervised. Defaults to stages 2 and 3 of HRNets and SA-Gate.
        stage_weight: Weight of each stage's loss.
        clusters: Of each stage, for `"hs3"`: the text of a tree whose top classes are the clusters,
            or a level of the tree as a number. Left out, `train_hs3` finds them.
        clustering, theta, analysis_share: How `train_hs3` finds them: `"spectral"` or `"kmeans"`; the
            trade-off, as `TradeOff.size` takes it; the share of the training split kept for it.
        ratio: In place of `theta`: each stage has so many classes for one of the next stage's.
        fuse: Whether the stages are fused into the network's head (HS3-Fuse).
        fuse_filters: Channels of the last stage's block, as `HS3Fuse`'s `filters`.
        optimizer: `"sgd"`, `CoupledSGD` with momentum 0.9, whose weight decay is part of the gradient; or
            `"adamw"`, whose weight decay is decoupled.
        learning_rate: Initial rate; it falls to 0 as `(1 - step / steps) ** power`.
        power, weight_decay: Of the schedule and the optimizer.
        accumulation_steps: Batches whose gradients make one step of the optimizer.
        ema_momentum: Momentum, between 0 and 1, of a moving average of the weights, moved once a
            step; it is what is validated, saved and drawn. `None` averages nothing.
        epochs, batch_size, size, crop_size, scale_range, max_depth: As in `fit` and `data.load`;
            `batch_size` is over all replicas, and `max_depth` is for networks that take depth.
        steps: Steps of the optimizer, in place of epochs, of which there are then as many as it
            takes. `None` trains `epochs`.
        early_stopping_patience: Epochs without a better validation `miou_mean` after which
            training stops. The weights of the best epoch are then the run's. `None` trains all
            epochs and keeps the last one's.
        replicas: `"auto"` or a number, as in `make_strategy`.
        precision: One of `PRECISIONS`.
        jit_compile: As in `compile`; `True` is for one replica.
        tensorboard: Whether figures, and pictures of a few validation images, are written for
            TensorBoard.
        seed: Fixes initial weights, order and augmentation.
        data_dir, manual_dir: As in `data.prepare`.

    Raises:
        ValueError: If a value is none of those allowed.
    """

    dataset: str = "street_blocks"
    train_split: str = "train"
    validation_split: str = "validation"
    tree: str | None = None
    model: str = "unet"
    filters: int | None = None
    num_stages: int | None = None
    backbone: str | None = None
    output_stride: int | None = None
    dropout: float | None = None
    weights: str | None = None
    synchronized_batch_norm: bool | None = None
    width: int | None = None
    num_modules: tuple[int, int, int] | None = None
    num_blocks: int | None = None
    blocks: tuple[int, int, int, int] | None = None
    key_filters: int | None = None
    auxiliary_weight: float | None = None
    scales: tuple[float, ...] | None = None
    scale_weight: float | None = None
    num_queries: int | None = None
    num_layers: int | None = None
    loss: str = "focal_tree_min"
    method: str = "plain"
    beta: float = 0.5
    num_triplets: int = 200
    stages: tuple[str, ...] | None = None
    stage_weight: float = 0.4
    clusters: tuple[str, ...] | None = None
    clustering: str = "spectral"
    theta: float | str = "origin"
    analysis_share: float = 0.1
    ratio: float | None = None
    fuse: bool = False
    fuse_filters: int | None = None
    optimizer: str = "adamw"
    learning_rate: float = 3e-3
    power: float = 0.9
    weight_decay: float = 1e-4
    accumulation_steps: int = 1
    ema_momentum: float | None = None
    epochs: int = 20
    steps: int | None = None
    batch_size: int = 8
    size: tuple[int, int] | int | None = None
    crop_size: tuple[int, int] | None = None
    scale_range: tuple[float, float] | None = (0.5, 2.0)
    max_depth: float | None = None
    early_stopping_patience: int | None = None
    replicas: int | str = "auto"
    precision: str = "float32"
    jit_compile: bool | str = "auto"
    tensorboard: bool = False
    seed: int = 0
    data_dir: str | None = None
    manual_dir: str | None = None

    def __post_init__(self):
        for name, allowed in (*_ONE_OF.items(), ("jit_compile", ("auto", True, False))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"`{name}` expects one of {allowed}. Received: {name}={getattr(self, name)!r}.")
        # The file of a run tells what it was trained with, whatever the table says later.
        for name, value in network_options(self.model, {name: getattr(self, name) for name in OPTIONS}).items():
            object.__setattr__(self, name, value)
        for name in (*_ABOVE_0, "filters", "num_stages"):
            value = getattr(self, name)
            if value is not None and not np.all(np.greater(value, 0)):
                expected = "numbers" if isinstance(value, tuple) else "a number"
                raise ValueError(f"`{name}` expects {expected} above 0. Received: {name}={value}.")
        for name in _SHARES:
            value = getattr(self, name)
            if value is not None and not 0 < value < 1:
                raise ValueError(f"`{name}` expects a number between 0 and 1. Received: {name}={value}.")
        if (self.max_depth is not None) != (self.model in WITH_DEPTH):
            raise ValueError(
                f"`max_depth` expects metres for a network that takes depth, one of {WITH_DEPTH}, and None for others. "
                f"Received: max_depth={self.max_depth}, model={self.model!r}."
            )
        object.__setattr__(self, "stages", stages_of(self))

    def num_epochs(self, batches):
        """Epochs of so many batches that the run takes."""
        return self.epochs if self.steps is None else math.ceil(self.steps * self.accumulation_steps / batches)

    @classmethod
    def from_recipe(cls, name, **changes):
        """The configuration of a row of a paper's table; `recipes.available()` lists them.

        Args:
            name: Name of a recipe, such as `"hssn_cityscapes_deeplabv3plus_r101"`.
            changes: Fields with other values than the recipe's.
        """
        return cls(**{**recipes.load(name), **changes})

    @property
    def finds_clusters(self):
        """Whether HS3's clusters are still to be found, which `train_hs3` does."""
        return self.method == "hs3" and self.clusters is None

    @property
    def network_options(self):
        """The options of the network, a dict."""
        return {name: getattr(self, name) for name in NETWORKS[self.model][1]}

    def to_file(self, path):
        write_whole(pathlib.Path(path), json.dumps(dataclasses.asdict(self), indent=2) + "\n")

    @classmethod
    def from_file(cls, path):
        values = json.loads(pathlib.Path(path).read_text("utf-8"))
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        # Before there were other methods a flag said whether triplets are trained.
        if values.pop("triplet", False):
            values["method"] = "hssn"
        return cls(**values)
