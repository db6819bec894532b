"""Checks that `ignore_class` is not the index of a node."""

import typing

from hierseg_keras.arguments.exact_integer import exact_integer

if typing.TYPE_CHECKING:
    from hierseg_keras.tree.class_tree import ClassTree

# The word for "no label" in class tables, in place of a node.
IGNORE = "ignore"


def check_ignore_class(name: str, tree: "ClassTree", ignore_class: int) -> int:
    """Returns `ignore_class` as an `int`.

    Args:
        name: Name of the loss, metric or function, for errors.
        tree: `ClassTree`.
        ignore_class: Integer label of pixels to exclude.

    Raises:
        ValueError: If `ignore_class` is not an integer, or is the index of a node of `tree`.
    """
    label = exact_integer(ignore_class)
    if label is None:
        raise ValueError(
            f"`{name}` expects an integer `ignore_class`. Received: ignore_class={ignore_class!r} of type "
            f"{type(ignore_class).__name__}."
        )
    if 0 <= label < tree.num_nodes:
        raise ValueError(
            f"`{name}` expects an `ignore_class` outside [0, {tree.num_nodes}), the node indices of `tree`. "
            f"Received: ignore_class={label}, which is {tree.paths[label]!r}. Pass a negative integer, such as -1, "
            f"here and to `data.load`. If label maps store {label} for pixels without a label, map it to 'ignore' "
            "with a `data.ClassMap`, whose method `apply` maps arrays."
        )
    return label
