"""Propose a class table from a folder of masks: pixels, images and node of each class; what is missing."""

import os
import pathlib
import sys

from hierseg_command.one_line import one_line
from hierseg_keras.cli.names_file import names_of, read_lines
from hierseg_keras.cli.option_error import reading_options
from hierseg_keras.cli.option_names import with_options
from hierseg_keras.data.class_map import IGNORE
from hierseg_keras.data.colors import as_color, rgb
from hierseg_keras.data.mask_table import blended_problem, is_unannotated, mask_table
from hierseg_keras.files import written_beside
from hierseg_keras.messages.capped_list import capped
from hierseg_keras.messages.text_table import text_table
from hierseg_keras.training.build import named_tree

_SHOWN_PROBLEMS, _SHOWN_NAMES, _SHOWN_IDS = 20, 40, 5
# Of 8-bit masks, the usual id of pixels without a label.
_NO_LABEL = 255
# What covers the annotated pixels, by the format of the masks.
_COVERS = {"binary": "binary mask", "labelme": "shape", "coco_panoptic": "segment"}
# Many gray colors are ids that were stored in three equal channels.
_GRAYS = 3


def run(options):
    # Imported here because it imports TFDS, which the options do not need.
    from tfds_builders.reading.masks import count_masks, find_masks

    with reading_options():
        tree = named_tree(options.tree) if options.tree else None
    out = pathlib.Path(options.out) if options.out else None
    if out and os.path.lexists(out) and not options.overwrite:
        raise FileExistsError(
            f"`hierseg classes` expects that its output file does not exist. Received: {out}, which exists. Pass "
            "--overwrite, or choose another file with --out."
        )
    lines = read_lines(options.names) if options.names else []
    found = find_masks(options.masks, options.format, _stems(options), lines)
    # In binary masks, the names only tell classes from images.
    names = names_of(options.names, lines, found.format) if lines and found.format != "binary" else {}
    masks = _spread(found.masks, options.count)
    counts, problems = count_masks(masks)
    problems += _unused(options.names, names, counts, found.format)
    problem = blended_problem(found, counts)
    if problem:
        raise ValueError(f"{options.masks}: {problem}.")
    problems = found.problems + problems
    if not counts:
        raise ValueError(problems[0] if problems else f"{options.masks}: expected masks. Received: none.")
    class_map, keys = mask_table(found, counts, names, tree)
    print(f"{options.masks}: {found.format}, {_counted(masks, found.masks)}\n")
    print("\n".join(_table(class_map, [counts.get(key) for key in keys], tree is not None)))
    notes = [*_unannotated(found, class_map, keys, counts), *_notes(class_map, [key in counts for key in keys], tree)]
    if notes:
        print("\n" + "\n".join(notes))
    if out:
        with written_beside(out, replace=options.overwrite) as new:
            class_map.to_file(new)
        print(f"\n{out}")
    for line in capped(problems, _SHOWN_PROBLEMS):
        print(f"hierseg classes: {with_options(one_line(line), 'classes')}", file=sys.stderr)
    return 1 if problems else 0


def _stems(options):
    """Returns the names of the images, without suffix."""
    if options.images is None:
        return None
    from tfds_builders.folders.named_pairs import images_below

    images, problems = images_below(options.images, options.masks)
    if not images:
        raise ValueError(problems[0])
    return set(images)


def _spread(masks, count):
    """Returns `count` of the masks, evenly spread."""
    names = list(masks)
    if count is None or count >= len(names):
        return masks
    return {names[i * len(names) // count]: masks[names[i * len(names) // count]] for i in range(count)}


def _counted(masks, all_masks):
    number = f"{len(all_masks):,} mask{'s' * (len(all_masks) != 1)}"
    return number if len(masks) == len(all_masks) else f"{len(masks):,} of {number}"


# === What is printed ===


def _table(class_map, counts, has_nodes):
    total = max(sum(count.pixels for count in counts if count), 1)
    titles = ("id", "pixels", "share", "images", "class", "node")
    rows = []
    for row, count in zip(class_map.rows, counts):
        pixels, images = (count.pixels, count.images) if count else (0, 0)
        rows.append((str(row[0]), f"{pixels:,}", f"{pixels / total:.2%}", f"{images:,}", row[1], row[2]))
    columns = len(titles) if has_nodes or any(row[2] for row in class_map.rows) else len(titles) - 1
    swatches = [_swatch(row) for row in class_map.rows] if sys.stdout.isatty() else [""] * len(rows)
    lines = text_table([row[:columns] for row in [titles, *rows]], "lrrrll")
    for swatch, line in zip([" " * 3 if any(swatches) else "", *swatches], lines):
        yield swatch + line


def _swatch(row):
    """Returns a block in the color of a class, by the codes of terminals with 24-bit colors."""
    color = "".join(row[3:]) or as_color(row[0])
    return "\x1b[48;2;{};{};{}m  \x1b[0m ".format(*rgb(color)) if color else " " * 3


def _notes(class_map, occurs, tree):
    """Yields what is missing from the table, and what is unusual in it."""
    rows = class_map.rows
    grays = [row[0] for row in rows if as_color(row[0]) and row[0][1:3] == row[0][3:5] == row[0][5:]]
    if len(grays) == len(rows) >= _GRAYS:
        yield "All colors are gray. If they are ids in three equal channels, save one channel and use the format index."
    unnamed = [row[0] for row in rows if not row[1] and row[2] != "ignore"]
    if unnamed:
        yield _note("without a name", unnamed)
    yield from _absent(rows, occurs)
    if tree is None:
        return
    unmapped = [f"{row[0]} ({row[1]})" if row[1] else row[0] for row in class_map.unmapped]
    if unmapped:
        yield _note("without a node", unmapped)
    nodes = list(class_map.node_of_class_id(tree, -1, unmapped="ignore").values())
    used = {node for node, occurs_ in zip(nodes, occurs) if occurs_ and node >= 0}
    internal = [f"{row[0]} ({row[2]})" for row, node in zip(rows, nodes) if node >= tree.num_leaves]
    if internal:
        yield _note("at an internal node, which says nothing about the classes below it", internal)
    missing = [tree.paths[leaf] for leaf in range(tree.num_leaves) if leaf not in used]
    if missing and used:
        yield _note("leaves of the tree that no mask has", missing)
    if unmapped:
        yield "Write a node of the tree, or ignore, into the column `node` of each class without one."


def _unannotated(found, class_map, keys, counts):
    """Yields what becomes of the pixels that were not annotated, if there are any."""
    for key, (_, name, node, *_) in zip(keys, class_map.rows):
        if key in counts and is_unannotated(found.format, key, name):
            become = {IGNORE: "have no label (ignore)", "": "need a node, or ignore if they have no label"}
            covers = _COVERS.get(found.format, "label")
            yield f"{name}, the pixels that no {covers} covers: {become.get(node, f'become {node}')}"


def _unused(path, names, counts, format_):
    """Returns the problem that most names are of ids that no mask has, as if the lines were in another order."""
    if format_ != "index":
        return []
    without = [key for key in counts if not names.get(key) and key != _NO_LABEL]
    unused = [name for key, name in names.items() if name and key not in counts]
    if not without or 2 * len(unused) <= len(names):
        return []
    shown = ", ".join(map(str, sorted(without)[:_SHOWN_IDS]))
    return [
        f"{path}: expected the names in the order of the ids, one line per id from 0. Received: {len(unused)} names of "
        f"ids that no mask has, such as {unused[0]!r}, and no name for {shown}. Leave lines empty for ids that do not "
        "occur, or write lines such as `7 car`"
    ]


def _absent(rows, occurs):
    absent = [row[1] or row[0] for row, occurs_ in zip(rows, occurs) if not occurs_]
    if absent:
        yield _note("declared, but in no mask", absent)


def _note(title, values):
    return f"{title}: {', '.join(capped(list(map(str, values)), _SHOWN_NAMES))}"
