"""The configuration of a training run, as a typed record."""

import math
import os
import pathlib
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from hierseg_keras.files import write_whole
from hierseg_keras.training.checkpoints.interval import parse_interval
from hierseg_keras.training.config import components
from hierseg_keras.training.config.changes import with_changes
from hierseg_keras.training.config.checks import FOLDERS, conflicts, with_stages
from hierseg_keras.training.config.files import FORMAT_VERSION, read_values
from hierseg_keras.training.config.options import Record
from hierseg_keras.training.config.problems import ConfigError, line_of
from hierseg_keras.training.config.value_types import (
    AsTuple,
    Count,
    Either,
    Levels,
    Names,
    NotEmpty,
    NotNegative,
    Off,
    Path,
    Positive,
    Share,
    Size,
    Text,
)
from hierseg_keras.training.recipes import values_of


def _checked_interval(value):
    parse_interval(value)
    return value


def _not_empty(value):
    if not value:
        raise PydanticCustomError("one_of", "{expected}", {"expected": "at least one entry"})
    return value


# A value that `parse_interval` accepts. It stays as it was written.
SaveEvery = Off[Annotated[int | str, AfterValidator(_checked_interval)]]
# The seeds that NumPy accepts.
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Data(Record):
    """Holds the options of the training data."""

    dataset: Names = "street_blocks"
    """TFDS data set, such as street_blocks or camvid_tree, or a list of data sets to train on together. Defaults to
    folders, the data set of `images` and `masks`, if they are given, and to street_blocks otherwise."""
    images: Off[Path] = None
    """Folder of images, with subfolders; PNG, JPEG or BMP."""
    masks: Off[Path] = None
    """Folder of masks, of the same names as the images."""
    mask_format: Text = None
    """Format of the masks: index, colors, coco_panoptic, cvat, labelme or binary. Defaults to what the files show."""
    classes: Off[Path] = None
    """Class table, a CSV file that gives each class of the masks a node. Defaults to leaf indices, or equal names."""
    val_share: Off[Share] = None
    """Share of the images that are the split validation. Defaults to 0.1 without `val_images`."""
    val_images: Off[Path] = None
    """Folder of images that are the split validation, in place of `val_share`."""
    val_masks: Off[Path] = None
    """Folder of the masks of `val_images`."""
    groups: Off[Path] = None
    """Regular expression with one group, or CSV file; images of one group, such as a video, are in the same split.
    Defaults to the subfolders of the images."""
    skip_bad: bool = False
    """Whether to omit images and masks that cannot be used, instead of ending with an error."""
    train_split: Names = "train"
    """TFDS split to train on, or a list with one split per data set."""
    tree: Off[Path] = None
    """Name of a shipped tree, or path of a tree file. Defaults to the data sets' own tree."""
    palette: Off[Path] = None
    """Colors of pictures: generated, voc, or a CSV file with the columns node and color. Defaults to the official
    palette of the tree's data set, or otherwise a generated one."""
    batch_size: Count = 8
    """Images per batch, over all replicas."""
    batch_shares: Off[AsTuple[tuple[Count, ...]]] = None
    """Images of each data set in every batch; their sum is `batch_size`. Defaults to drawing by `weights`."""
    weights: Off[AsTuple[tuple[Positive, ...]]] = None
    """How often to draw from each data set, relative to the others. Defaults to their numbers of images."""
    label_levels: Levels = 1
    """Finest level of the training labels, or a list with one level per data set; 1 keeps all labels."""
    size: Off[Either[Count | Size]] = None
    """Height and width in pixels to which images are resized first, also new images in prediction, or the new length
    of their shorter side."""
    crop_size: Off[Size] = None
    """Height and width of the training crops in pixels. Defaults to `size`, or to the median size of some images. If
    neither is given and the images have more than a megapixel, `size` is 512 and the crops are 512 x 512."""
    scale_range: Off[AsTuple[tuple[Positive, Positive]]] = (0.5, 2.0)
    """Smallest and largest factor of random scaling; false disables scaling."""
    flip: bool = True
    """Whether to flip training crops horizontally at random."""
    flip_pairs: Off[AsTuple[tuple[AsTuple[tuple[NotEmpty, NotEmpty]], ...]]] = None
    """Pairs of nodes that a horizontal flip swaps, such as '[["left arm", "right arm"]]'. Defaults to the pairs that
    the data sets declare."""
    max_class_share: Off[Share] = None
    """Largest share of one class in a training crop, such as 0.75; the crop is drawn up to ten times. Defaults to no
    limit."""
    distort_colors: bool = False
    """Whether to change brightness, contrast, saturation and hue of training crops at random."""
    max_depth: Off[Positive] = None
    """Depth in meters that becomes 255 in the fourth channel; only for networks with a depth input."""
    data_dir: Off[Path] = None
    """Folder of prepared data sets."""
    manual_dir: Off[Path] = None
    """Folder with the files of a data set that cannot be downloaded automatically."""

    @model_validator(mode="before")
    @classmethod
    def _train_on_folders(cls, values):
        """Sets `dataset` if `images` is given without it."""
        if isinstance(values, dict) and values.get("images") and "dataset" not in values:
            return {"dataset": FOLDERS, **values}
        return values

    @property
    def names(self) -> tuple[str, ...]:
        """The data sets to train on."""
        return (self.dataset,) if isinstance(self.dataset, str) else self.dataset

    @property
    def splits(self) -> tuple[str, ...]:
        """The split of each data set."""
        return (self.train_split,) * len(self.names) if isinstance(self.train_split, str) else self.train_split


class Schedule(Record):
    """Holds the length of the training and the learning rate's schedule."""

    epochs: Count = 20
    """Number of training epochs."""
    steps: Off[Count] = None
    """Number of optimizer steps, in place of `epochs`; rounded up to whole epochs."""
    power: NotNegative = 0.9
    """Exponent of the learning rate's decay, which is `(1 - step / steps) ** power`."""
    end_learning_rate: NotNegative = 0.0
    """Learning rate at the end of the decay."""
    accumulation_steps: Count = 1
    """Number of batches whose gradients are averaged for one optimizer step."""
    ema_momentum: Off[Share] = None
    """Momentum of a moving average of the weights, such as 0.999; the averaged weights are validated and saved."""
    early_stopping_patience: Off[Count] = None
    """Validations to wait for a better miou_mean before training stops; the weights of the best one are kept."""

    def to_values(self):
        """Returns the table as in `Record`, without a default number of `epochs` if `steps` is in place of it."""
        values = super().to_values()
        if self.steps is not None and self.epochs == type(self).model_fields["epochs"].default:
            del values["epochs"]
        return values


class Evaluation(Record):
    """Holds the options of the validation."""

    dataset: Text = None
    """TFDS data set to validate on. Defaults to the first data set of the training."""
    split: str = "validation"
    """TFDS split to validate on."""
    every: Off[Count] = 1
    """Validate after every so many epochs and after the last; false validates only after the last."""
    batch_size: Off[Count] = None
    """Whole images per batch of the validation, over all replicas, each of which gets at least one; 1 needs the least
    memory. Defaults to the batch size of the training."""
    metrics: components.Metrics = ()
    """Further metrics: a list of tables, each with the name of a class and its options."""


class Published(Record):
    """Holds a published result that a run is to reproduce, and the protocol by which it was measured."""

    row: str
    """Paper, table and row of the result."""
    metrics: Annotated[dict[str, NotNegative], AfterValidator(_not_empty)]
    """Table from the names of metrics, such as miou_1, to the published values in percent."""
    scales: Off[Annotated[AsTuple[tuple[Positive, ...]], AfterValidator(_not_empty)]] = None
    """Scales of the image over which predictions are averaged. Defaults to the original size only."""
    flip: bool = False
    """Whether predictions are averaged over the image and its horizontal flip."""


class RunConfig(Record):
    """Configures a training run in nested tables. Two runs with the same configuration see the same batches.

    A table is given as a dict. Keys that it omits have their defaults. `network`, `method`, `loss` and `optimizer`
    contain the name of a class; their other keys are arguments of its constructor and are checked against its
    signature. The name is one of `hierseg_keras.models` or `hierseg_keras.losses`, an optimizer of Keras,
    `CoupledSGD`, or `"module:Class"` for a class of your own, whose module must already be imported. `false` in a
    file, and `None` or `False` in Python, disables an optional value.

    One error reports all problems, one line per problem.

    Args:
        data: `dataset`, `train_split`, `tree`, `batch_size`, `batch_shares`, `weights`, `label_levels`, `size`,
            `crop_size`, `scale_range`, `flip`, `flip_pairs`, `max_class_share`, `distort_colors`, `max_depth`,
            `data_dir`, `manual_dir`: as in `data.load`. `dataset` may be a list of data sets to train on together, and
            `train_split` a list with the split of each. `label_levels` applies to the training only. `images`, `masks`,
            `mask_format`, `classes`, `val_share`, `val_images`, `val_masks`, `groups`, `skip_bad`: the folders of the
            data set `"folders"`, as in `data.from_folders`; `tree` is then required. `palette`: the colors of the run's
            pictures, as in `visualization.node_colors`.
        network: Name and options of a network. Without a name it is a `DeepLabV3Plus` on the ImageNet weights of
            `efficientnet_lite0`, with 64 channels, whose other options may be given.
        method: Name and options of the wrapper that trains the network: `HSSN`, `HS3` or `MaskClassification`. Defaults
            to `None`, which trains the network without a wrapper. Train `HS3` with `train_hs3`, which finds the
            clusters first, or set `clusters=None` for deep supervision. Pass the options of the triplet loss as
            `method={"name": "HSSN", "triplet": {...}}`.
        loss: Name and options of a loss. Defaults to `HierarchicalCrossentropy`, and with the method `HSSN` to
            `FocalTreeMin`; `SparseCategoricalCrossentropy` is the flat baseline. `class_weights` may also be the name
            of a method of `data.class_weights`, which computes the weights from counts of the training labels, each
            image counted once.
        further_losses: Losses that are added to `loss`, as in `losses.WeightedSum`: a list of tables, each with the
            name of a class, its `weight` (1 by default) and its options. The name is one of the losses above, or
            `RegionMutualInformation`. Logs per depth are those of `loss` alone.
        optimizer: Name and options of an optimizer. Defaults to `AdamW`. The papers use SGD, which is `CoupledSGD`
            with `momentum=0.9`.
        schedule: `epochs`, `steps`, `power`, `end_learning_rate`, `accumulation_steps`, `ema_momentum`,
            `early_stopping_patience`.
        evaluation: `dataset`, `split`, `every`, `batch_size`, and further `metrics`. `dataset` defaults to the first
            data set of the training. Validation uses the labels as they are stored. `batch_size` is the number of
            whole images per batch of every evaluation, and defaults to the batch size of the training.
        published: Published results that the run is to reproduce: a list of tables with `row`, `metrics` in percent,
            `scales` and `flip`. `evaluate_published` measures the run in the same way.
        callbacks: Further callbacks: a list of tables, each with the name of a class and its options.
        seed: Integer seed of the initial weights, the order of the images and their augmentation.
        precision: `"float32"`, `"mixed_bfloat16"` or, on one replica, `"mixed_float16"`.
        jit_compile: As in `compile`. On TensorFlow, `True` requires one replica, and a network that does not resize
            its maps, such as `UNet` without the method `HS3`.
        replicas: `"auto"` or a number, as in `make_strategy`.
        tensorboard: Whether to write metrics, and pictures of a few validation images, for TensorBoard.
        save_every: Interval between checkpoints, from which an interrupted run is resumed: a number of batches, or a
            time such as `"5min"`. Defaults to five minutes. `None` saves one only at the end and when the process is
            asked to stop.
        init: Folder of an earlier run. The training starts from its weights in all layers that both networks have.
            The classifier is new if the tree or the kind of scores differs. Defaults to `None`.
        class_prior: Whether the network starts with the frequencies of the classes in the training labels, as in
            `models.set_class_prior`. Defaults to `False`.
        freeze: `"backbone"` keeps the layers from the image to the embedding as they are, with their batch
            normalization. It needs `init` or pretrained weights. Defaults to `None`: all layers are trained.
        format_version: Version of the file's format.

    Raises:
        ConfigError: A `ValueError`, if a key is unknown, a value is invalid, or values contradict each other.

    Example:

    >>> config = hs.training.RunConfig(
    ...     network={"name": "HRNet", "width": 32}, method={"name": "HS3"}, schedule={"epochs": 5}
    ... )
    >>> config.network.num_blocks, config.method.stages, config.loss.name
    (4, ('stage2', 'stage3'), 'HierarchicalCrossentropy')
    >>> try:
    ...     hs.training.RunConfig(network={"name": "UNet", "filter": 16}, schedule={"epochs": 0})
    ... except ValueError as error:
    ...     print(error)
    `network.filter` is not an option of `UNet`, which has filters, num_stages. Did you mean `filters`?
    `schedule.epochs` expects a number above 0. Received: 0.
    """

    owner = "a run"

    format_version: Literal[FORMAT_VERSION] = FORMAT_VERSION
    """Version of the file's format."""
    seed: Seed = 0
    """Seed of the initial weights, the order of the images and their augmentation."""
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    """Precision of the computation; logits are always float32."""
    jit_compile: Either[bool | Literal["auto"]] = "auto"
    """Whether to compile with XLA: "auto", true (requires one replica) or false."""
    replicas: Either[Count | Literal["auto"]] = "auto"
    """Number of devices, or "auto" for all visible devices."""
    tensorboard: bool = False
    """Whether to write metrics and pictures for TensorBoard."""
    save_every: SaveEvery = "5min"
    """Interval between checkpoints: a number of batches, or a time such as "30s", "5min" or "1h"; false disables
    regular checkpoints."""
    init: Off[Path] = None
    """Folder of an earlier run whose weights the training starts from, where the networks share layers."""
    class_prior: bool = False
    """Whether the network starts with the frequencies of the classes in the training labels."""
    freeze: Off[Literal["backbone"]] = None
    """Part of the network that is not trained: backbone."""
    data: Data = Data()
    network: components.Network = Field({}, validate_default=True)
    method: components.Method = None
    loss: components.Loss = Field({}, validate_default=True)
    further_losses: components.FurtherLosses = ()
    """Losses that are added to `loss`: a list of tables, each with the name of a class, a weight and its options."""
    optimizer: components.Optimizer = Field({}, validate_default=True)
    schedule: Schedule = Schedule()
    evaluation: Evaluation = Evaluation()
    published: AsTuple[tuple[Published, ...]] = ()
    """Published results that the run is to reproduce: a list of tables, each with row, metrics, scales and flip."""
    callbacks: components.Callbacks = ()
    """Further callbacks: a list of tables, each with the name of a class and its options."""

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
        # Stores the stages, so that a saved configuration is independent of later changes of the network's defaults.
        object.__setattr__(self, "method", with_stages(self))

    @field_validator("loss", mode="before")
    @classmethod
    def _loss_of_method(cls, value, before):
        """Names the loss, if it has no name, by the method."""
        method = before.data.get("method")
        name = method and components.METHOD_LOSSES.get(method.name)
        return {"name": name, **value} if name and isinstance(value, dict) else value

    @classmethod
    def known_names(cls):
        known, _ = super().known_names()
        tables = {name: getattr(field.annotation, "model_fields", ()) for name, field in cls.model_fields.items()}
        return known, [*known, *(f"{name}.{key}" for name, keys in tables.items() for key in keys)]

    @property
    def finds_clusters(self) -> bool:
        """Whether the method has no clusters yet, so that `train_hs3` has to find them."""
        return getattr(self.method, "clusters", None) == "search"

    @property
    def evaluation_dataset(self) -> str:
        """The data set to validate on."""
        return self.evaluation.dataset or self.data.names[0]

    @property
    def evaluation_batch_size(self) -> int:
        """The number of images per batch of the validation, over all replicas."""
        return self.evaluation.batch_size or self.data.batch_size

    def num_epochs(self, batches: int) -> int:
        """Returns the number of epochs of the run, given the number of batches per epoch."""
        schedule = self.schedule
        if schedule.steps is None:
            return schedule.epochs
        return math.ceil(schedule.steps * schedule.accumulation_steps / batches)

    def replace(self, **tables: Any) -> "RunConfig":
        """Returns a copy of the configuration with some values replaced.

        Args:
            tables: As in `RunConfig`, but a table contains only the keys to change. A table that names another class
                starts from the defaults of that class.

        Example:

        >>> config = hs.training.RunConfig(schedule={"epochs": 5, "power": 1.0})
        >>> config.replace(schedule={"epochs": 6}).schedule.power
        1.0
        """
        values = self.to_values()
        if "loss" not in self.model_fields_set:
            # Another method may have another one.
            del values["loss"]
        return RunConfig(**with_changes(values, tables))

    @classmethod
    def from_recipe(cls, name: str, **tables: Any) -> "RunConfig":
        """Returns the configuration of a recipe, which reproduces one row of a paper's table.

        Args:
            name: Name of a recipe, such as `"hssn_cityscapes_deeplabv3plus_r101"`. `hierseg recipes` lists all names.
            tables: Values that replace those of the recipe, as in `replace`.

        Returns:
            `RunConfig`.

        Raises:
            ValueError: If there is no recipe of that name.
            ConfigError: If the resulting configuration is invalid.
        """
        return cls(**with_changes(values_of(name), tables))

    @classmethod
    def from_file(cls, path: str | os.PathLike, **tables: Any) -> "RunConfig":
        """Reads a configuration from a TOML file, or from a JSON file of an earlier version.

        Args:
            path: Path of the file.
            tables: Values that replace those of the file, as in `replace`.

        Returns:
            `RunConfig`.

        Raises:
            OSError: If the file cannot be read.
            ConfigError: If the file is not valid TOML, or its configuration is invalid.
        """
        return cls(**with_changes(read_values(path), tables))

    def to_text(self) -> str:
        """Returns the whole configuration, including defaults, in TOML."""
        return tomli_w.dumps(self.to_values())

    def to_file(self, path: str | os.PathLike) -> None:
        """Writes the whole configuration, including defaults, to a TOML file."""
        write_whole(pathlib.Path(path), self.to_text())


def _conflicts_of_the_rest(values, broken):
    """Returns the conflicts among the tables that are valid by themselves."""
    try:
        RunConfig(**{name: value for name, value in values.items() if name not in broken})
    except ConfigError as error:
        # Invalid tables are replaced by their defaults here, so that messages about these tables are dropped.
        return [line for line in error.problems if not any(f"`{name}." in line for name in broken)]
    return []
