"""Pairs image files with label maps of the same name in another folder."""

import dataclasses
import pathlib

from etils import epath

from tfds_builders.reading import image_files
from tfds_builders.reading.check_labels import check_ids, check_size
from tfds_builders.reading.folder_content import missing_folder
from tfds_builders.reading.id_lists import read_lines
from tfds_builders.reading.image_files import IMAGE_FORMATS, LABEL_FORMATS


@dataclasses.dataclass(frozen=True)
class ImagePair:
    """An image file and its label file."""

    image: epath.Path
    label: epath.Path


def pair_folders(image_folder, label_folder, label_ending=""):
    """Pairs the images of one folder with the label maps of another by their names without suffix.

    Args:
        image_folder: Path or `ZipPath` of a folder with `.png`, `.jpg` or `.bmp` images. Other files and hidden
            files are ignored.
        label_folder: Path or `ZipPath` of a folder with `.png` label maps.
        label_ending: String that label maps have after the name of their image, such as `"_L"`. Defaults to `""`.

    Returns:
        A pair `(pairs, problems)`: a list of `ImagePair`, sorted by name; and a list of strings, one per file
        without a counterpart, per repeated name, and per folder that is missing or has no images.
    """
    images, image_problems = _files_by_stem(image_folder, "images", IMAGE_FORMATS)
    labels, label_problems = _files_by_stem(label_folder, "label maps", LABEL_FORMATS, label_ending)
    problems = image_problems + label_problems
    if problems:
        return [], problems
    for stem in sorted(images.keys() - labels.keys()):
        problems.append(f"{images[stem]}: expected its label map in {label_folder}. Received: none of that name")
    for stem in sorted(labels.keys() - images.keys()):
        problems.append(f"{labels[stem]}: expected its image in {image_folder}. Received: none of that name")
    return [ImagePair(images[stem], labels[stem]) for stem in sorted(images.keys() & labels.keys())], problems


def pair_listed(list_file, image_folder, label_folder):
    """Pairs the files in a list with one line `<image path> <label path>` per pair.

    Only the last two parts of each path, folder and name, are used, since such lists contain paths
    of the machine on which they were made. Files that are not in the list are ignored.

    Args:
        list_file: Path of a UTF-8 text file.
        image_folder, label_folder: Paths of the folders of the files. The folders in the list must
            have the same names.

    Returns:
        A pair `(pairs, problems)`, as from `pair_folders`, in the order of the list.
    """
    folders = epath.Path(image_folder), epath.Path(label_folder)
    lines, problems = read_lines(list_file)
    pairs, first_line = [], {}
    for number, line in lines:
        place = f"{list_file}:{number}"
        pair, complaints = _listed_pair(line, folders)
        problems.extend(f"{place}: {complaint}" for complaint in complaints)
        if pair and pair.image.stem in first_line:
            problems.append(f"{place}: {pair.image.name} is listed twice, first in line {first_line[pair.image.stem]}")
        elif pair:
            first_line[pair.image.stem] = number
            pairs.append(pair)
    if not pairs and not problems:
        problems.append(f"{list_file}: expected one line `<image path> <label path>` per pair. Received: an empty file")
    return pairs, problems


def pick_listed(list_file, pairs):
    """Selects the pairs in a list with one image per line. Folders and suffixes in the list are ignored.

    Args:
        list_file: Path of a UTF-8 text file. Only the first word of a line is used.
        pairs: List of `ImagePair`.

    Returns:
        A pair `(pairs, problems)`: the pairs in the order of the list, and a list of strings, one per
        line that names none of the pairs or repeats one.
    """
    lines, problems = read_lines(list_file)
    known, picked = {pair.image.stem: pair for pair in pairs}, {}
    for number, line in lines:
        name = pathlib.PurePosixPath(line.split()[0]).stem
        if name not in known:
            problems.append(f"{list_file}:{number}: expected the name of an existing image. Received: {name}")
        elif name in picked:
            problems.append(f"{list_file}:{number}: {name} is listed twice")
        else:
            picked[name] = known[name]
    if not picked and not problems:
        problems.append(f"{list_file}: expected one image name per line. Received: an empty file")
    return list(picked.values()), problems


def pair_ids(places, image_folder, label_folder, label_suffix=".png"):
    """Pairs `<id>.jpg` with its annotation for every id.

    Args:
        places: Dict from id to its place in a list, as returned by `listed_ids`.
        image_folder, label_folder: `epath.Path`s of the folders of the files.
        label_suffix: String, the part of an annotation's name after the id. Defaults to `".png"`.

    Returns:
        A pair `(pairs, problems)`: a list of `ImagePair` in the order of ids, and a list of strings, one per missing
        file.
    """
    pairs, problems = [], []
    for id_, place in places.items():
        pair = ImagePair(image_folder / f"{id_}.jpg", label_folder / f"{id_}{label_suffix}")
        missing = [path for path in (pair.image, pair.label) if not path.exists()]
        problems.extend(f"{place}: {path} does not exist. Restore it from the original archive" for path in missing)
        if not missing:
            pairs.append(pair)
    return pairs, problems


def _files_by_stem(folder, what, formats, ending=""):
    folder = image_files.as_path(folder)
    missing = missing_folder(folder, what)
    if missing:
        return {}, [missing]
    files, problems = {}, []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in formats or path.name.startswith(".") or not path.stem.endswith(ending):
            continue
        stem = path.stem.removesuffix(ending)
        if stem in files:
            problems.append(f"{path}: expected one file per name. Received: {files[stem].name} beside it")
        files[stem] = path
    if not files:
        expected = " or ".join(ending + suffix for suffix in formats)
        problems.append(f"{folder}: expected files that end in {expected}. Received: none")
    return files, problems


def _listed_pair(line, folders):
    fields = line.split()
    if len(fields) != 2:
        return None, [f"expected `<image path> <label path>`. Received: {line.strip()!r}"]
    paths, complaints = [], []
    for field, folder in zip(fields, folders):
        parent, name = pathlib.PurePosixPath("/", field).parts[-2:]
        path = folder / name
        paths.append(path)
        if name == ".." or parent != folder.name:
            complaints.append(f"expected a file in {folder.name}/. Received: {field}")
        elif not path.exists():
            complaints.append(f"{path} is listed, but does not exist. Restore it or remove the line")
    if not complaints and paths[0].stem != paths[1].stem:
        complaints.append(f"expected an image and a label map of the same name. Received: {line.strip()!r}")
    return (None, complaints) if complaints else (ImagePair(*paths), [])


def read_pair(pair, num_ids, read_label=image_files.read_label):
    """Decodes and checks a pair of files.

    Args:
        pair: `ImagePair`.
        num_ids: Integer. The ids of the label map must be in `[0, num_ids)`.
        read_label: Function from the path of a label map to class ids `(H, W, 1)`. Defaults to
            `image_files.read_label`.

    Returns:
        A pair `(image, label)`: uint8 `(H, W, 3)`, and class ids `(H, W, 1)`.

    Raises:
        ImageFileError: As from `image_files.read_image`; or if the sizes differ, or an id is out of range.
    """
    image, label = image_files.read_image(pair.image), read_label(pair.label)
    check_size(pair.label, label, pair.image, image)
    check_ids(pair.label, label, num_ids)
    return image, label
