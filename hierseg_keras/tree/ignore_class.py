"""The label of pixels without one must not be a class."""

import typing

from hierseg_keras.tree.exact_integer import exact_integer

if typing.TYPE_CHECKING:
    from hierseg_keras.tree.class_tree import ClassTree


def check_ignore_class(name: str, tree: "ClassTree", ignore_class: int) -> int:
    """Refuses an `ignore_class` that is no integer, or that is also a node's index."""
    label = exact_integer(ignore_class)
    if label is None:
        raise ValueError(
            f"`{name}` expects an integer `ignore_class`. Received: ignore_class={ignore_class!r} of type "
            f"{type(ignore_class).__name__}."
        )
    if 0 <= label < tree.num_nodes:
        raise ValueError(
            f"`{name}` expects an `ignore_class` outside [0, {tree.num_nodes}), the node indices of `tree`. "
            f"Received: ignore_class={label}, which is {tree.paths[label]!r}. Pass a negative one, such as -1, here "
            f"and to `data.load`. If label maps store {label} for pixels without a label, map it to 'ignore' by "
            "`data.ClassMap`: its method `apply` maps arrays."
        )
    return label
