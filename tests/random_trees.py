"""Random class trees: ragged, with chains of only children, repeated names and shuffled leaves."""

import hypothesis.strategies as st

from hierseg_keras.tree import ClassTree
from tests.reference import ReferenceTree

# Few, so that a name often stands in two branches, or under itself.
COMMON_NAMES = ("a", "b", "c")
NAMES = COMMON_NAMES + tuple(f"n{i}" for i in range(40))


@st.composite
def leaf_paths(draw, min_depth=1, min_leaves=1, max_leaves=10, max_depth=6):
    """Paths of the leaves, in leaf order, as tuples of names."""
    return grown_leaf_paths(lambda n: draw(st.integers(0, n - 1)), min_depth, min_leaves, max_leaves, max_depth)


def class_trees(**limits):
    """Pairs of a `ClassTree` and the `ReferenceTree` of the same leaves; limits as in `leaf_paths`."""
    return leaf_paths(**limits).map(lambda paths: (ClassTree(paths), ReferenceTree(paths)))


def random_leaf_paths(rng, min_depth=1, min_leaves=1, max_leaves=10, max_depth=6):
    """The same, drawn from a NumPy generator."""
    return grown_leaf_paths(lambda n: int(rng.integers(n)), min_depth, min_leaves, max_leaves, max_depth)


def grown_leaf_paths(choose, min_depth, min_leaves, max_leaves, max_depth):
    """Grows a tree from one path of `min_depth` nodes by branches of one to three.

    Args:
        choose: Function from `n` to an integer in `[0, n)`.
    """
    paths = [tuple(COMMON_NAMES[choose(len(COMMON_NAMES))] for _ in range(min_depth))]
    for _ in range(min_leaves - 1 + choose(max_leaves - min_leaves + 1)):
        stem = paths[choose(len(paths))]
        stem = stem[: choose(len(stem))]
        taken = {path[len(stem)] for path in paths if path[: len(stem)] == stem}
        length = 1 + choose(min(3, max_depth - len(stem)))
        start = choose(len(COMMON_NAMES))
        first = next(name for name in NAMES[start:] if name not in taken)
        rest = tuple(COMMON_NAMES[choose(len(COMMON_NAMES))] for _ in range(length - 1))
        paths.append((*stem, first, *rest))
    for i in range(len(paths) - 1, 0, -1):
        j = choose(i + 1)
        paths[i], paths[j] = paths[j], paths[i]
    return paths
