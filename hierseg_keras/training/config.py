"""What a training run is, in one plain record."""

import dataclasses
import json
import pathlib

from hierseg_keras.training.objectives import OBJECTIVES

OPTIMIZERS = ("sgd", "adamw")


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Everything that decides a training run; two runs of one configuration see the same batches.

    Attributes:
        dataset: Name of a TFDS data set, as in `data.load`.
        train_split, validation_split: TFDS splits.
        tree: Name of a shipped tree or path of a tree file. Defaults to the data set's own.
        model: Name of a network of `hierseg_keras.models`, in lower case.
        filters, num_stages: As in `models.UNet`.
        loss: One of `OBJECTIVES`; `"crossentropy"` is the flat baseline.
        optimizer: `"sgd"` (momentum 0.9) or `"adamw"`.
        learning_rate: Initial rate; it falls to 0 as `(1 - step / steps) ** power`.
        power, weight_decay: Of the schedule and the optimizer.
        epochs, batch_size, size, crop_size: As in `fit` and `data.load`.
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
    filters: int = 16
    num_stages: int = 4
    loss: str = "focal_tree_min"
    optimizer: str = "adamw"
    learning_rate: float = 3e-3
    power: float = 0.9
    weight_decay: float = 1e-4
    epochs: int = 20
    batch_size: int = 8
    size: tuple[int, int] | None = None
    crop_size: tuple[int, int] | None = None
    seed: int = 0
    data_dir: str | None = None
    manual_dir: str | None = None

    def __post_init__(self):
        for name, allowed in (("loss", tuple(OBJECTIVES)), ("optimizer", OPTIMIZERS), ("model", ("unet",))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"`{name}` expects one of {allowed}. Received: {name}={getattr(self, name)!r}.")
        for name in ("epochs", "batch_size", "filters", "num_stages", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"`{name}` expects a number above 0. Received: {name}={getattr(self, name)}.")

    def to_file(self, path):
        pathlib.Path(path).write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n", "utf-8")

    @classmethod
    def from_file(cls, path):
        values = json.loads(pathlib.Path(path).read_text("utf-8"))
        for name in ("size", "crop_size"):
            values[name] = values[name] and tuple(values[name])
        return cls(**values)
