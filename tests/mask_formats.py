"""Writes label maps in the formats of annotation programs and data sets."""

import base64
import io
import json

import numpy as np
from PIL import Image


def color_of(id_):
    """A color for a class id, different for each and not gray."""
    return (37 * id_ + 11) % 256, (101 * id_ + 5) % 256, (197 * id_ + 60) % 256


def hex_of(color):
    return "#{:02x}{:02x}{:02x}".format(*color)


def write_index(folder, labels, names):
    for stem, label in labels.items():
        Image.fromarray(label).save(_made(folder) / f"{stem}.png")


def write_palette(folder, labels, names, bits=8):
    for stem, label in labels.items():
        palette_image(label).save(_made(folder) / f"{stem}.png", bits=bits)


def palette_image(label):
    image = Image.fromarray(label, "P")
    image.putpalette([channel for id_ in range(256) for channel in color_of(id_)])
    return image


def write_uint16(folder, labels, names):
    for stem, label in labels.items():
        Image.fromarray(label.astype(np.uint16) + 300).save(_made(folder) / f"{stem}.png")


def write_colors(folder, labels, names, mode="RGB"):
    for stem, label in labels.items():
        Image.fromarray(painted(label)).convert(mode).save(_made(folder) / f"{stem}.png")


def painted(label):
    return np.array([color_of(id_) for id_ in range(256)], np.uint8)[label]


def write_panoptic(folder, labels, names):
    """Two segments per class and image, one in each half; segment ids use all three channels."""
    annotations = []
    for number, (stem, label) in enumerate(labels.items()):
        half = np.arange(label.shape[1]) * 2 // label.shape[1]
        segments = 1 + 70_000 * (number % 200 + 1) + 300 * half + label
        ids = np.stack([segments & 255, segments >> 8 & 255, segments >> 16], axis=-1).astype(np.uint8)
        Image.fromarray(ids).save(_made(folder) / f"{stem}.png")
        classes = {int(segment): int(class_) for segment, class_ in zip(segments.ravel(), label.ravel())}
        infos = [{"id": id_, "category_id": 10 + class_, "iscrowd": 0} for id_, class_ in classes.items()]
        annotations.append({"image_id": number, "file_name": f"{stem}.png", "segments_info": infos})
    categories = [{"id": 10 + class_, "name": name, "isthing": 0} for class_, name in enumerate(names)]
    record = {"images": [], "annotations": annotations, "categories": categories}
    folder.with_name(f"{folder.name}.json").write_text(json.dumps(record))


def write_cvat(folder, labels, names):
    lines = [f"{name}:{','.join(map(str, color_of(id_)))}::\n" for id_, name in enumerate(names)]
    _made(folder).joinpath("labelmap.txt").write_text("# label:color_rgb:parts:actions\n" + "".join(lines))
    write_colors(folder / "SegmentationClass", labels, names)
    write_colors(folder / "SegmentationObject", labels, names)
    _made(folder / "ImageSets" / "Segmentation").joinpath("default.txt").write_text("".join(f"{x}\n" for x in labels))


def write_labelme(folder, labels, names):
    """One shape of the type `mask` per class and image."""
    for stem, label in labels.items():
        shapes = [mask_shape(names[class_], label == class_) for class_ in np.unique(label)]
        write_shapes(folder / f"{stem}.json", shapes, label.shape)


def write_shapes(path, shapes, size):
    record = {"version": "5.8.1", "flags": {}, "shapes": shapes, "imagePath": f"{path.stem}.jpg", "imageData": None}
    _made(path.parent)
    path.write_text(json.dumps(record | {"imageHeight": size[0], "imageWidth": size[1]}))


def mask_shape(name, mask):
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    (top, bottom), (left, right) = rows[[0, -1]].tolist(), columns[[0, -1]].tolist()
    content = io.BytesIO()
    Image.fromarray(mask[top : bottom + 1, left : right + 1]).save(content, "PNG")
    corners = [[float(left), float(top)], [float(right), float(bottom)]]
    return shape(name, "mask", corners) | {"mask": base64.b64encode(content.getvalue()).decode()}


def shape(name, kind, points):
    return {"label": name, "points": points, "group_id": None, "shape_type": kind, "flags": {}, "mask": None}


def write_binary(folder, labels, names, layout="{name}/{stem}.png"):
    for stem, label in labels.items():
        for class_ in np.unique(label):
            path = folder / layout.format(name=names[class_], stem=stem)
            _made(path.parent)
            Image.fromarray((label == class_).astype(np.uint8) * 255).save(path)


# Format -> the writer, and a function from a class id and its name to the key of the class in a class table.
WRITERS = {
    "index": (write_index, lambda id_, name: id_),
    "colors": (write_colors, lambda id_, name: hex_of(color_of(id_))),
    "coco_panoptic": (write_panoptic, lambda id_, name: 10 + id_),
    "cvat": (write_cvat, lambda id_, name: hex_of(color_of(id_))),
    "labelme": (write_labelme, lambda id_, name: name),
    "binary": (write_binary, lambda id_, name: name),
}


def _made(folder):
    folder.mkdir(parents=True, exist_ok=True)
    return folder
