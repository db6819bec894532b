"""CamVid as its authors released it: label maps in 32 colors, without splits."""

import functools

from tfds_builders.reading.find_folder import find_folder
from tfds_builders.reading.image_files import read_colors
from tfds_builders.reading.paired_images import pair_folders, pick_listed

# In alphabetical order, like the release's own `label_colors.txt`. The files hold no ids: an id is a position here.
COLORS = {
    "Animal": (64, 128, 64),
    "Archway": (192, 0, 128),
    "Bicyclist": (0, 128, 192),
    "Bridge": (0, 128, 64),
    "Building": (128, 0, 0),
    "Car": (64, 0, 128),
    "CartLuggagePram": (64, 0, 192),
    "Child": (192, 128, 64),
    "Column_Pole": (192, 192, 128),
    "Fence": (64, 64, 128),
    "LaneMkgsDriv": (128, 0, 192),
    "LaneMkgsNonDriv": (192, 0, 64),
    "Misc_Text": (128, 128, 64),
    "MotorcycleScooter": (192, 0, 192),
    "OtherMoving": (128, 64, 64),
    "ParkingBlock": (64, 192, 128),
    "Pedestrian": (64, 64, 0),
    "Road": (128, 64, 128),
    "RoadShoulder": (128, 128, 192),
    "Sidewalk": (0, 0, 192),
    "SignSymbol": (192, 128, 128),
    "Sky": (128, 128, 128),
    "SUVPickupTruck": (64, 128, 192),
    "TrafficCone": (0, 0, 64),
    "TrafficLight": (0, 64, 64),
    "Train": (192, 64, 128),
    "Tree": (128, 128, 0),
    "Truck_Bus": (192, 128, 192),
    "Tunnel": (64, 0, 64),
    "VegetationMisc": (192, 192, 0),
    "Void": (0, 0, 0),
    "Wall": (64, 192, 0),
}
CLASSES = [None if name == "Void" else name for name in COLORS]
IMAGES, LABELS = "701_StillsRaw_full", "LabeledApproved_full"
_LISTS = {"train": "train.txt", "validation": "val.txt", "test": "test.txt"}

read_label = functools.partial(read_colors, colors=tuple(COLORS.values()))


def split_items(manual_dir, instructions):
    """Pairs images and label maps by frame name.

    If the SegNet tutorial's lists are beside the two folders, they divide the pairs into splits.

    Args:
        manual_dir: `epath.Path` of the folder that contains `701_StillsRaw_full` and `LabeledApproved_full`, or of the
            one above `CamVid/`, which contains them.
        instructions: String that tells the user which files to put there, for errors.

    Returns:
        A pair `(splits, problems)`, as from `TreeBuilder.split_items`.

    Raises:
        ImageFileError: If a folder is missing.
    """
    images, labels = (find_folder(manual_dir, (name, f"CamVid/{name}"), instructions) for name in (IMAGES, LABELS))
    pairs, problems = pair_folders(images, labels, label_ending="_L")
    lists = {split: images.parent / name for split, name in _LISTS.items() if (images.parent / name).exists()}
    if not lists:
        return {"train": pairs}, problems
    splits = {}
    for split, list_file in lists.items():
        splits[split], list_problems = pick_listed(list_file, pairs)
        problems += list_problems
    return splits, problems
