"""The label of pixels without one must not be a class."""

from hierseg_keras.tree.exact_integer import exact_integer


def check_ignore_class(name, tree, ignore_class):
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
            f"Received: ignore_class={label}. Pass a negative one, such as -1, here and to `data.load`."
        )
    return label
