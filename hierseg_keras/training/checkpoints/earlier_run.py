"""What a folder contains of a run that is resumed, and whether a configuration continues it."""

import dataclasses
import warnings

from hierseg_keras.training.checkpoints.checkpoint_files import Checkpoint, last_checkpoint
from hierseg_keras.training.config import ConfigError, RunConfig
from hierseg_keras.training.config.changes import differences
from hierseg_keras.training.config.checks import with_effect
from hierseg_keras.training.config.files import config_file
from hierseg_keras.training.config.problems import shown
from hierseg_keras.training.data_sets import absolute_folders
from hierseg_keras.training.manifest import TREE, WEIGHTS, recorded
from hierseg_keras.training.origin import changed_data

CHECKPOINTS = "checkpoints"
# Values that do not change what the training computes, or only how long it takes.
MAY_CHANGE = (
    "schedule.epochs",
    "schedule.steps",
    "save_every",
    "tensorboard",
    "replicas",
    "data.data_dir",
    "data.manual_dir",
    "data.palette",
    "evaluation.batch_size",
    "published",
)


@dataclasses.dataclass(frozen=True)
class EarlierRun:
    """What a folder contains of an earlier run.

    Attributes:
        folder: `pathlib.Path`.
        config: `RunConfig` with which the checkpoint was trained. Without a checkpoint, that of its configuration file.
        record: Content of its `run.json`, or an empty dict if it was killed before it wrote that file.
        checkpoint: Its last `Checkpoint`, or `None` if it was killed before it saved one.
    """

    folder: object
    config: RunConfig
    record: dict
    checkpoint: Checkpoint | None

    @property
    def is_finished(self):
        """Whether the run trained all of its epochs, or stopped early."""
        return self.record.get("finished", False)

    def check_checkpoint(self):
        """Checks that a run that has weights has a checkpoint too.

        Raises:
            ValueError: If the run has saved weights, but no checkpoint from which it could be resumed.
        """
        if self.checkpoint is None and (self.folder / WEIGHTS).is_file():
            raise ValueError(
                f"expected a run with a checkpoint. Received: {self.folder}, which has weights but no checkpoint. "
                f"Train a new run from its weights with `init={self.folder}`."
            )

    def check_values(self, config, unknown=()):
        """Checks that a configuration has the values of the run.

        Args:
            config: `RunConfig`.
            unknown: Dotted names of values that are not compared.

        Raises:
            ConfigError: If a value differs that must not change. The error names all such values.
        """
        problems = [
            f"`{name}` expects {shown(before)}, with which {self.folder} was started. Received: {shown(now)}."
            for name, (before, now) in differences(_absolute_values(self.config), _absolute_values(config)).items()
            # `check_data` compares the tree itself.
            if name not in (*MAY_CHANGE, *unknown, "data.tree")
        ]
        if problems:
            raise ConfigError([*problems, f"A resumed run may only change {', '.join(MAY_CHANGE)}."])

    def check_data(self, tree, origin):
        """Checks that tree and data are those of the run, and warns if versions or devices are not.

        Args:
            tree: `ClassTree`.
            origin: Dict, as returned by `origin_of`.

        Raises:
            ValueError: If the tree or a data set has changed.
        """
        if (self.folder / TREE).is_file() and (self.folder / TREE).read_text("utf-8") != tree.to_text():
            raise ValueError(
                f"expected the tree with which {self.folder} was started. Received: another tree. Restore the tree "
                f"file, or copy {self.folder / TREE}."
            )
        if changed := changed_data(self.record.get("data", origin["data"]), origin["data"]):
            raise ValueError(
                f"expected the data with which {self.folder} was started. Received: {', '.join(changed)}, which has "
                f"changed since. Restore the data, or train a new run from its weights with `init={self.folder}`."
            )
        self._warn(origin)

    def _warn(self, origin):
        """Warns about what may change the result."""
        versions = self.record.get("versions", {})
        others = [
            f"{name} {new} (was {versions[name]})"
            for name, new in origin["versions"].items()
            if versions.get(name, new) != new
        ]
        backend = self.record.get("backend", origin["backend"])
        if backend != origin["backend"]:
            others.append(f"the backend {origin['backend']} (was {backend})")
        devices = self.record.get("devices", origin["devices"])
        if len(devices) != len(origin["devices"]):
            others.append(f"{len(origin['devices'])} devices (was {len(devices)})")
        if others:
            warnings.warn(
                f"{self.folder} is resumed with {', '.join(others)}. The result may differ from that of a run without "
                "interruption by rounding, and on other devices by the images that batch normalization sees at once.",
                stacklevel=2,
            )


def _absolute_values(config):
    """Returns the values of a configuration that are compared.

    Runs of earlier versions have stored relative paths, and options of the method that have no effect.
    """
    return with_effect(config.replace(data=absolute_folders(config.data))).to_values()


def earlier_run(folder):
    """Reads what a folder contains of a run.

    Args:
        folder: `pathlib.Path`.

    Returns:
        `EarlierRun`, or `None` if the folder contains no configuration.

    Raises:
        ValueError: If the run is unfinished and has saved weights, but no checkpoint from which it could be resumed.
    """
    if not config_file(folder).is_file():
        return None
    checkpoint = last_checkpoint(folder / CHECKPOINTS)
    # The file may have been edited since.
    config = RunConfig.from_file(config_file(folder)) if checkpoint is None else RunConfig(**checkpoint.config)
    run = EarlierRun(folder, config, recorded(folder), checkpoint)
    if not run.is_finished:
        run.check_checkpoint()
    return run
