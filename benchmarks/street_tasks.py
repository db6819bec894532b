"""The tasks of the accuracy benchmarks: a data set, how much of it is labeled, and the network of all methods."""

import dataclasses
import os
import pathlib
import sys

from benchmarks.camvid_drives import divide_by_drives
from hierseg_keras.training import RunConfig

NETWORK = {"name": "DeepLabV3Plus", "backbone": "efficientnet_lite0", "weights": "imagenet", "filters": 64}
# `few` means a part of the images, labeled with leaves. `coarse` means the same, and all other images labeled at
# level 2, half a batch of each.
LABELS = ("full", "few", "coarse")


@dataclasses.dataclass(frozen=True)
class Task:
    """Describes a data set and the length of the training on it.

    Attributes:
        dataset: Name of the data set.
        size: Height and width of images and crops.
        num_parts: The few labeled images are the first of so many parts of the training split.
        steps: Optimizer steps, rounded up to whole epochs.
        rates: The learning rates that every objective may choose from.
        splits: The splits that are reported. Settings are chosen on the first.
    """

    dataset: str
    size: tuple[int, int]
    num_parts: int
    steps: int
    rates: tuple[float, ...]
    splits: tuple[str, ...]

    def config(self, labels, data_dir=None, **tables):
        """Returns the `RunConfig` of a run on this task, with further tables."""
        few, rest = f"train[:{100 / self.num_parts}%]", f"train[{100 / self.num_parts}%:]"
        sources = {
            "full": {"dataset": self.dataset, "train_split": "train"},
            # As many times over as it takes for an epoch to be as long.
            "few": {"dataset": self.dataset, "train_split": "+".join([few] * self.num_parts)},
            "coarse": {
                "dataset": (self.dataset, self.dataset),
                "train_split": (few, rest),
                "batch_shares": (4, 4),
                "label_levels": (1, 2),
            },
        }[labels]
        folders = _folders(self.dataset, data_dir)
        config = RunConfig(
            data={**sources, **folders, "batch_size": 8, "size": self.size},
            network=NETWORK,
            schedule={"steps": self.steps},
        )
        return config.replace(**tables)


TASKS = {
    "camvid": Task("camvid_tree", (128, 168), 8, 450, (0.001, 0.003, 0.01), ("validation", "test")),
    "street_blocks": Task("street_blocks", (96, 128), 10, 300, (0.003,), ("validation",)),
}


def _folders(dataset, data_dir):
    if dataset != "camvid_tree":
        return {"data_dir": data_dir}
    # Beside CamVid as it is divided by its authors, which may be prepared too.
    data_dir = pathlib.Path(data_dir or "~/tensorflow_datasets").expanduser() / "camvid_by_drives"
    if "CAMVID_DIR" in os.environ:
        data_dir.mkdir(parents=True, exist_ok=True)
        divide_by_drives(os.environ["CAMVID_DIR"], data_dir / "files")
    elif not (data_dir / "camvid_tree").exists():
        script = pathlib.Path(sys.argv[0]).name
        sys.exit(f"{script}: CAMVID_DIR is not set: the folder of CamVid's train, trainannot, val and valannot.")
    return {"data_dir": str(data_dir), "manual_dir": str(data_dir / "files")}
