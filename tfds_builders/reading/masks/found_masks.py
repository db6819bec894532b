"""The masks in a folder."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class FoundMasks:
    """The masks in a folder.

    Attributes:
        format: String, one of `FORMATS`.
        masks: Dict from the name of a mask to an item for `read_mask`, sorted by name. The name is that of the
            image, without suffix; below a subfolder it is preceded by the subfolder's path, as in `aachen/000001`.
            Items are small and can be pickled.
        classes: Tuple of pairs `(id, name)`, the classes that the format itself declares. `id` is an integer, a color
            as `"#rrggbb"`, or the name itself if the format has names alone. Empty for `index` and `colors`.
        colors: Dict from `id` to the color that the format declares to draw the class in, as `"#rrggbb"`. In `index`
            these are the colors of the first mask's palette.
        problems: List of strings, one per file that cannot be used.
        unusable: Frozenset of the names of masks that are not in `masks`, because `problems` names them.
    """

    format: str
    masks: dict
    classes: tuple = ()
    problems: list = dataclasses.field(default_factory=list)
    colors: dict = dataclasses.field(default_factory=dict)
    unusable: frozenset = frozenset()
