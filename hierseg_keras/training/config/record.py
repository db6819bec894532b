"""What a training run is, in one typed record."""

import math
import os
import pathlib
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import Field, ValidationError

from hierseg_keras.files import write_whole
from hierseg_keras.training.config import components
from hierseg_keras.training.config.changes import merged
from hierseg_keras.training.config.checks import conflicts, with_stages
from hierseg_keras.training.config.files import FORMAT_VERSION, read_values
from hierseg_keras.training.config.options import Record
from hierseg_keras.training.config.problems import ConfigError, line_of
from hierseg_keras.training.config.value_types import AsTuple, Count, Either, NotNegative, Off, Positive, Share, Size
from hierseg_keras.training.recipes import values_of

NotNegativeCount = Annotated[int, Field(ge=0)]


class Data(Record):
    """What is trained on."""

    dataset: str = "street_blocks"
    """TFDS data set, such as street_blocks or camvid_tree."""
    train_split: str = "train"
    """TFDS split to train on."""
    tree: Off[str] = None
    """Shipped tree or tree file. Defaults to the data set's own."""
    batch_size: Count = 8
    """Images per batch, over all replicas."""
    size: Off[Either[Count | Size]] = None
    """Height and width to which images are resized first, or the length of their shorter side."""
    crop_size: Off[Size] = None
    """Height and width of the training crops. Defaults to `size`, or to the size of the first training image."""
    scale_range: Off[AsTuple[tuple[Positive, Positive]]] = (0.5, 2.0)
    """Smallest and largest factor of the random scale; false leaves it out."""
    max_depth: Off[Positive] = None
    """Meters of depth that the fourth channel's 255 stands for, for networks that take depth."""
    data_dir: Off[str] = None
    """Folder of prepared data sets."""
    manual_dir: Off[str] = None
    """Folder with the data set's files, where it cannot be downloaded."""


class Schedule(Record):
    """How long is trained, and how fast."""

    epochs: Count = 20
    """Epochs to train."""
    steps: Off[Count] = None
    """Steps of the optimizer, in place of epochs."""
    power: NotNegative = 0.9
    """The learning rate falls to 0 as `(1 - step / steps) ** power`."""
    accumulation_steps: Count = 1
    """Batches whose gradients make one step."""
    ema_momentum: Off[Share] = None
    """Momentum, such as 0.999, of averaged weights, which are validated and saved."""
    early_stopping_patience: Off[Count] = None
    """Epochs to wait for a better validation miou_mean; the best epoch's weights are kept."""


class Evaluation(Record):
    """What is measured, and on what."""

    split: str = "validation"
    """TFDS split to validate on."""
    metrics: components.Metrics = ()
    """Metrics besides `TreeReport` and the loss by depth: a list of tables with a class's name and options."""


class RunConfig(Record):
    """Everything that decides a training run, in nested tables; two runs of one configuration see the same batches.

    A table is given as a dict, and what it leaves out has its default. `network`, `method`, `loss` and `optimizer`
    name a class, and their other keys are the arguments of its constructor, checked against its signature: the
    defaults are the class's. A class is one of `hierseg_keras.models` or `hierseg_keras.losses`, an optimizer of
    Keras's or `CoupledSGD`, or `"module:Class"` of your own, whose module must be imported before. In a file, `false`
    switches off what is optional; in Python, `None` does so too.

    All problems are reported at once, one line each.

    Args:
        data: `dataset`, `train_split`, `tree`, `batch_size`, `size`, `crop_size`, `scale_range`, `max_depth`,
            `data_dir`, `manual_dir`: as in `data.load`.
        network: Name and options of a network. Defaults to `UNet`.
        method: Name and options of what the network is wrapped in for its training: `HSSN` or `HS3`. Defaults to
            `None`, the network by itself. `HS3` finds its clusters first (`train_hs3`); `clusters=None` is deep
            supervision. The options of the triplets are in `method={"name": "HSSN", "triplet": {...}}`.
        loss: Name and options of a loss. Defaults to `FocalTreeMin`; `SparseCategoricalCrossentropy` is the flat
            baseline. `class_weights` may also be a method of `data.class_weights`, for which the training labels are
            counted.
        optimizer: Name and options of an optimizer. Defaults to `AdamW`; the papers' SGD is `CoupledSGD` with
            `momentum=0.9`.
        schedule: `epochs`, `steps`, `power`, `accumulation_steps`, `ema_momentum`, `early_stopping_patience`.
        evaluation: `split`, and further `metrics`.
        callbacks: Callbacks besides the run's own: a list of tables with a class's name and options.
        seed: Fixes initial weights, order and augmentation.
        precision: `"float32"`, `"mixed_float16"` or `"mixed_bfloat16"`.
        jit_compile: As in `compile`; `True` is for one replica.
        replicas: `"auto"` or a number, as in `make_strategy`.
        tensorboard: Whether metrics, and pictures of a few validation images, are written for TensorBoard.
        format_version: Version of the file's format.

    Raises:
        ConfigError: A `ValueError`, if a key is unknown or a value is refused.

    Example:

    >>> config = hs.training.RunConfig(
    ...     network={"name": "HRNet", "width": 32}, method={"name": "HS3"}, schedule={"epochs": 5}
    ... )
    >>> config.network.num_blocks, config.method.stages, config.loss.name
    (4, ('stage2', 'stage3'), 'FocalTreeMin')
    >>> try:
    ...     hs.training.RunConfig(network={"filter": 16}, schedule={"epochs": 0})
    ... except ValueError as error:
    ...     print(error)
    `network.filter` is no option of `UNet`, which has filters, num_stages. Did you mean `filters`?
    `schedule.epochs` expects a number above 0. Received: 0.
    """

    owner = "a run"

    format_version: Literal[FORMAT_VERSION] = FORMAT_VERSION
    """Version of the file's format."""
    seed: NotNegativeCount = 0
    """Fixes initial weights, order and augmentation."""
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    """Precision of computations; logits are float32 in each."""
    jit_compile: Either[bool | Literal["auto"]] = "auto"
    """XLA: "auto", true (on one replica) or false."""
    replicas: Either[Count | Literal["auto"]] = "auto"
    """Number of devices, or "auto" for all that are visible."""
    tensorboard: bool = False
    """Write metrics and pictures for TensorBoard."""
    data: Data = Data()
    network: components.Network = Field({}, validate_default=True)
    method: components.Method = None
    loss: components.Loss = Field({}, validate_default=True)
    optimizer: components.Optimizer = Field({}, validate_default=True)
    schedule: Schedule = Schedule()
    evaluation: Evaluation = Evaluation()
    callbacks: components.Callbacks = ()
    """Callbacks besides the run's own: a list of tables with a class's name and options."""

    def __init__(self, **values: Any):
        try:
            super().__init__(**values)
        except ValidationError as error:
            lines = [line_of(each) for each in error.errors(include_url=False)]
            broken = {each["loc"][0] for each in error.errors()}
            raise ConfigError(lines + _conflicts_of_the_rest(values, broken)) from None
        problems = conflicts(self)
        if problems:
            raise ConfigError(problems)
        # The file of a run tells what was trained, whatever the network's class says later.
        object.__setattr__(self, "method", with_stages(self))

    @classmethod
    def known_names(cls):
        known, _ = super().known_names()
        tables = {name: getattr(field.annotation, "model_fields", ()) for name, field in cls.model_fields.items()}
        return known, [*known, *(f"{name}.{key}" for name, keys in tables.items() for key in keys)]

    @property
    def finds_clusters(self) -> bool:
        """Whether HS3's clusters are still to be found, which `train_hs3` does."""
        return getattr(self.method, "clusters", None) == "search"

    def num_epochs(self, batches: int) -> int:
        """Epochs of so many batches that the run takes."""
        schedule = self.schedule
        if schedule.steps is None:
            return schedule.epochs
        return math.ceil(schedule.steps * schedule.accumulation_steps / batches)

    def replace(self, **tables: Any) -> "RunConfig":
        """Returns the configuration with other values.

        Args:
            tables: As in `RunConfig`; a table holds only what changes. A class of another name starts from its own
                defaults.

        Example:

        >>> config = hs.training.RunConfig(schedule={"epochs": 5, "power": 1.0})
        >>> config.replace(schedule={"epochs": 6}).schedule.power
        1.0
        """
        return RunConfig(**merged(self.to_values(), tables))

    @classmethod
    def from_recipe(cls, name: str, **tables: Any) -> "RunConfig":
        """The configuration of a row of a paper's table; `hierseg recipes` lists them.

        Args:
            name: Name of a recipe, such as `"hssn_cityscapes_deeplabv3plus_r101"`.
            tables: Values other than the recipe's, as in `replace`.

        Raises:
            ValueError: If there is no such recipe, or as above.
        """
        return cls(**merged(values_of(name), tables))

    @classmethod
    def from_file(cls, path: str | os.PathLike, **tables: Any) -> "RunConfig":
        """Reads a configuration: a TOML file, or a JSON file of an earlier version.

        Args:
            path: Path of the file.
            tables: Values other than the file's, as in `replace`.

        Raises:
            OSError: If the file cannot be read.
            ValueError: If it is not TOML, or as above.
        """
        return cls(**merged(read_values(path), tables))

    def to_file(self, path: str | os.PathLike) -> None:
        """Writes the whole configuration, defaults included, as TOML."""
        write_whole(pathlib.Path(path), tomli_w.dumps(self.to_values()))


def _conflicts_of_the_rest(values, broken):
    """What does not go together among the tables that are right by themselves."""
    try:
        RunConfig(**{name: value for name, value in values.items() if name not in broken})
    except ConfigError as error:
        # Of a broken table the default stands in, about which nothing is to be said.
        return [line for line in error.problems if not any(f"`{name}." in line for name in broken)]
    return []
