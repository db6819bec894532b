"""The label of pixels without one must not be a class."""


def check_ignore_class(name, tree, ignore_class):
    """Refuses an `ignore_class` that is also a node's index."""
    if isinstance(ignore_class, bool) or int(ignore_class) != ignore_class:
        raise ValueError(f"`{name}` expects an integer `ignore_class`. Received: ignore_class={ignore_class!r}.")
    if 0 <= ignore_class < tree.num_nodes:
        raise ValueError(
            f"`{name}` expects an `ignore_class` outside [0, {tree.num_nodes}), the node indices of `tree`. "
            f"Received: ignore_class={ignore_class}. Pass a negative one, such as -1, here and to `data.load`."
        )
    return int(ignore_class)
