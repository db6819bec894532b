"""The class tree: parsed once into frozen NumPy tables, of which everything else is a function."""

import difflib
import functools
import importlib.resources
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from hierseg_keras.tree import outline as outlines
from hierseg_keras.tree.agglomerate import (
    AverageLinkage,
    check_assignment,
    check_confusion,
    check_names,
    checked_sizes,
    cluster_paths,
    confusion_rates,
)
from hierseg_keras.tree.exact_integer import exact_integer
from hierseg_keras.tree.outline_check import check_outline
from hierseg_keras.tree.tree_error import TreeError
from hierseg_keras.tree.tree_file import outline_from_file

_TAXONOMIES = importlib.resources.files("hierseg_keras.tree") / "taxonomies"

# A node in an argument: its index, its path or name, or its path as names.
Node = int | str | Sequence[str]
NodePath = str | Sequence[str]


class ClassTree:
    """A tree of classes whose leaves are the classes a data set distinguishes most finely.

    Several top classes are joined by a virtual root, which is no node and has no channel. A
    node *is* its path, so names may repeat in different branches or down a chain. Nodes are
    numbered leaves first, by leaf index (the data set's train ids), then internal nodes level
    by level from the finest to the coarsest, by their smallest leaf: channel `i` of any tensor
    over nodes is node `i`, and its first `num_leaves` channels are the leaves.

    `L`, `V` and `D` below are `num_leaves`, `num_nodes` and `num_levels`. *Depth* counts edges
    from the virtual root, so a top class has depth 1. *Level* counts from the leaves: level 1 is
    the finest, level `D` the coarsest, and level `l` is depth `D - l + 1`. A leaf above depth `D`
    stands for itself at every depth below it.

    Args:
        paths: The leaves' paths in the order of their indices, each from the top class down, as
            `"human/rider"` or `("human", "rider")`. See also `from_text`, `from_file`,
            `from_dict`, `from_paths`, `from_tfds` and `load`.

    Attributes:
        num_leaves: `L`.
        num_nodes: `V`, virtual root not counted.
        num_levels: `D`, the height in edges from the virtual root.
        names: Tuple of `V` strings, each node's own name.
        paths: Tuple of `V` strings, each node's path joined by `/`.
        parents: `(V,)` int32, each node's parent; -1 above a top class.
        depths: `(V,)` int32, in edges from the virtual root.
        depth_table: `(D, V)` int32. `[d - 1, v]` stands for node `v` at depth `d`: its ancestor
            there, or `v` itself where `v` is no deeper than `d`.
        level_table: `(D, V)` int32. `[l - 1, v]` is the class of level `l` that holds node `v`,
            or -1 where `v` is an internal node too coarse to tell.

        All arrays are read-only. Their size is O(V D); the tables over pairs of nodes
        (`ancestor_matrix`, `common_depths`, `distances`) are made when first asked for.

    Raises:
        TreeError: A `ValueError` that lists every problem found, with its file and line.

    Example:

    >>> tree = ClassTree.from_text("human\\n\\tperson = 1\\n\\trider = 0\\nsky = 2")
    >>> tree.paths
    ('human/rider', 'human/person', 'sky', 'human')
    >>> print(tree)
    3 leaves, 4 nodes, 2 levels
    ├── human
    │   ├── rider = 0
    │   └── person = 1
    └── sky = 2
    >>> tree.depth_table.tolist()
    [[3, 3, 2, 3], [0, 1, 2, 3]]
    """

    def __init__(self, paths: Iterable[NodePath]):
        self._build(outlines.outline_from_paths(paths), "paths")

    # === Ways to make one ===

    @classmethod
    def from_text(cls, text: str, drop_root: bool = False, source: str = "text") -> Self:
        """Reads indented text, one class per line, in the format of Muller & Smith (2020).

        Indents are tabs or spaces, never both, one step per generation. A leaf's line may end in
        `= n`, its index in the network's channels: on every leaf or on none, exactly
        `0 .. L - 1`. Without it leaves count in the order of their lines.

        Empty lines and lines that begin with `#` are skipped. A comment stands on a line of its
        own: `#` at the beginning of a class's name or after white space in it is an error, however
        the tree is made, and `C#` is a name. Text in YAML, JSON, TOML or CSV is an error that
        names the format.

        Args:
            text: String.
            drop_root: Whether the single top line is a root of no interest, to be left out.
            source: The name that errors give to the text.

        Raises:
            TreeError: If the text is empty, of another format, or not a tree: with every problem
                and its line.

        Example:

        >>> ClassTree.from_text("# the finest classes\\nroad\\nsky").names
        ('road', 'sky')
        """
        return cls._from_outline(outlines.outline_from_text(text, source), drop_root, source)

    @classmethod
    def from_file(cls, path: str | os.PathLike, drop_root: bool = False) -> Self:
        """Reads a UTF-8 file: JSON where its name ends in `.json`, else the format of `from_text`.

        JSON holds nested objects as `from_dict` takes them, or a list of paths as `from_paths` does.

        Args:
            path: Path of the file.
            drop_root: As in `from_text`.

        Raises:
            TreeError: If the file is not UTF-8 text, its name ends in the suffix of another format
                (`.yaml`, `.toml`, `.csv`, ...), or it does not hold a tree.
            OSError: If the file does not exist, is a folder, or cannot be read.
        """
        return cls._from_outline(outline_from_file(path), drop_root, str(path))

    @classmethod
    def from_dict(cls, tree: Mapping[str, Any], drop_root: bool = False) -> Self:
        """Reads nested dicts, `{"human": {"person": 1, "rider": 0}, "sky": 2}`.

        A leaf maps to its index, a Python or NumPy integer, or to `None`; a list of names is a
        family of leaves without indices. The rules for indices are those of `from_text`.

        Raises:
            TypeError: If `tree` is not a dict.
            TreeError: If it is not a tree, with every problem.
        """
        return cls._from_outline(outlines.outline_from_dict(tree), drop_root, "dict")

    @classmethod
    def from_paths(
        cls, paths: Iterable[NodePath], indices: Iterable[int] | None = None, drop_root: bool = False
    ) -> Self:
        """Reads the leaves' paths, `["human/person", "human/rider", "sky"]`.

        Args:
            paths: Strings joined by `/`, or sequences of names, from the top class down.
            indices: Optional leaf index of each path, Python or NumPy integers. Defaults to their
                order.

        Raises:
            TypeError: If `paths` is a string, a dict or a set.
            TreeError: If the paths are not those of a tree's leaves, or an index is no integer.
        """
        return cls._from_outline(outlines.outline_from_paths(paths, indices), drop_root, "paths")

    @classmethod
    def from_tfds(cls, info: Any) -> Self:
        """Takes the tree out of a prepared TFDS data set's metadata.

        Args:
            info: `tfds.core.DatasetInfo` (or its builder) whose metadata holds `tree`, the text
                of `to_text`, as the builders of `tfds_builders` write it.
        """
        info = getattr(info, "info", info)
        metadata = getattr(info, "metadata", None) or {}
        if "tree" not in metadata:
            raise TreeError(
                f"{getattr(info, 'full_name', info)}: expected a `tree` in the data set's metadata. Received: "
                f"metadata with {sorted(metadata)}. Give the tree by `ClassTree.load` or `from_file` instead"
            )
        return cls.from_text(metadata["tree"], source=f"metadata of {info.full_name}")

    @classmethod
    def from_clusters(cls, names: Sequence[str], *assignments: ArrayLike) -> Self:
        """Puts classes under clusters of them.

        Args:
            names: The classes' names, which become the leaves in their order.
            assignments: For each level above them, the finest first, each class's cluster: `(L,)`
                integers. Every clustering must be made of whole clusters of the level below it. A
                cluster of one class is no node of its own.

        Raises:
            TypeError: If `names` is a string.
            TreeError: If a clustering does not hold an integer per class, or is not made of whole
                clusters of the level below it.

        Example:

        >>> print(ClassTree.from_clusters(["person", "rider", "sky"], [0, 0, 1]))
        3 leaves, 4 nodes, 2 levels
        ├── person + rider
        │   ├── person = 0
        │   └── rider = 1
        └── sky = 2
        """
        names, assignments = check_names(names), [np.asarray(assignment) for assignment in assignments]
        for assignment in assignments:
            check_assignment(assignment, len(names))
        for finer, coarser in zip(assignments, assignments[1:]):
            if len(set(zip(finer.tolist(), coarser.tolist()))) > len(set(finer.tolist())):
                raise TreeError(
                    "`assignments` expects clusters made of whole clusters of the level below. "
                    f"Received: {finer.tolist()} below {coarser.tolist()}"
                )
        return cls.from_paths(cluster_paths(names, assignments[::-1]), indices=range(len(names)))

    @classmethod
    def from_confusion(cls, confusion: ArrayLike, names: Sequence[str], sizes: Sequence[int] | None = None) -> Self:
        """Learns a tree from a confusion matrix: classes that are confused with each other become a family.

        Clusters are joined by average linkage of the rates at which their classes are confused,
        `(n_ij / n_i + n_ji / n_j) / 2`. This is the future work of Muller & Smith (2020): learn the
        tree in one run, and train on it in the next.

        Without `sizes`, the levels are where the linkage jumps: where the rate at which the next
        two clusters are confused is smaller than that of the last two by the largest factor, and
        wherever else the factor is exceptionally large. Where it is nowhere at least 1.5 the tree
        has no families. `benchmarks/planted_families.py` compares this rule with others.

        Args:
            confusion: Counts of labels by predictions, `(L, L)`; a `metrics.TreeReport` holds them:
                `report.confusion.exact_counts()[:L]`.
            names: The classes' names.
            sizes: Numbers of clusters at the levels above the classes. Defaults to those at which
                the linkage jumps.

        Raises:
            ValueError: If the matrix is not `(L, L)`, or holds a number that is negative or not
                finite.
            TreeError: If a size is not an integer between 2 and `L - 1`.

        Example:

        >>> counts = [[8, 2, 0, 0], [3, 7, 0, 0], [0, 0, 9, 1], [0, 1, 2, 7]]
        >>> print(ClassTree.from_confusion(counts, ["car", "truck", "tree", "grass"]))
        4 leaves, 6 nodes, 2 levels
        ├── car + truck
        │   ├── car = 0
        │   └── truck = 1
        └── tree + grass
            ├── tree = 2
            └── grass = 3
        """
        names = check_names(names)
        confusion = check_confusion(confusion, names)
        linkage = AverageLinkage(confusion_rates(confusion))
        if sizes is None:
            sizes = linkage.standout_sizes(num_labeled=np.count_nonzero(confusion.sum(axis=1)))
        return cls.from_clusters(names, *(linkage.clusters(size) for size in checked_sizes(sizes, len(names))))

    @classmethod
    def load(cls, name: str) -> Self:
        """Loads one of the trees that ship with the package; `ClassTree.available()` lists them."""
        names = cls.available()
        if name not in names:
            raise TreeError(f"{name!r} is no tree that ships with the package.{_suggest(name, names)} Shipped: {names}")
        return cls.from_text((_TAXONOMIES / f"{name}.txt").read_text("utf-8"), source=f"{name}.txt")

    @staticmethod
    def available() -> list[str]:
        """Names that `load` takes, sorted."""
        return sorted(entry.name[:-4] for entry in _TAXONOMIES.iterdir() if entry.name.endswith(".txt"))

    @classmethod
    def _from_outline(cls, outline, drop_root, source):
        tree = cls.__new__(cls)
        tree._build(outlines.without_root(outline) if drop_root else outline, source)
        return tree

    # === Build the tables ===

    def _build(self, outline, source):
        if not outline.names:
            raise TreeError(outline.problems or f"{source}: empty: a tree has at least one class")
        parents = np.asarray(outline.parents, np.int64)
        is_leaf = np.ones(len(parents), bool)
        is_leaf[parents[parents >= 0]] = False
        check_outline(outline, is_leaf)
        depths = _depths_from_parents(parents)
        order = _node_order(outline, parents, is_leaf, depths)
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))

        self.num_nodes = len(order)
        self.num_leaves = int(is_leaf.sum())
        self.num_levels = int(depths.max())
        self.names = tuple(outline.names[i] for i in order)
        self.parents = _frozen(np.where(parents[order] < 0, -1, rank[parents[order]]))
        self.depths = _frozen(depths[order])
        self.depth_table = _frozen(self._make_depth_table())
        self.level_table = _frozen(self._make_level_table())

    def _make_depth_table(self):
        table = np.tile(np.arange(self.num_nodes, dtype=np.int32), (self.num_levels, 1))
        for depth in range(self.num_levels - 1, 0, -1):
            below = table[depth]
            table[depth - 1] = np.where(self.depths[below] > depth, self.parents[below], below)
        return table

    def _make_level_table(self):
        depth = np.arange(self.num_levels, 0, -1)[:, None]
        too_coarse = (self.depths < depth) & (np.arange(self.num_nodes) >= self.num_leaves)
        return np.where(too_coarse, -1, self.depth_table[::-1])

    # === One node ===

    def index(self, node: Node) -> int:
        """The index of a node given as its index, its path, or its name where that is unique."""
        index = exact_integer(node)
        if index is not None:
            if not 0 <= index < self.num_nodes:
                raise TreeError(f"expected a node index in [0, {self.num_nodes}). Received: {index}")
            return index
        is_path = isinstance(node, (tuple, list)) and all(isinstance(name, str) for name in node)
        if not is_path and not isinstance(node, str):
            raise TypeError(f"expected a node's index, path or name, an index as an integer. Received: {node!r}")
        position = -1
        for name in node.split("/") if isinstance(node, str) else node:
            position = self._child_of.get((position, name))
            if position is None:
                break
        else:
            return position
        same = self._nodes_by_name.get(node if isinstance(node, str) else None, [])
        if len(same) == 1:
            return same[0]
        if same:
            raise TreeError(f"{node!r} names {len(same)} nodes. Give the path: {[self.paths[i] for i in same[:5]]}")
        text = node if isinstance(node, str) else "/".join(map(str, node))
        known = self.paths + self.names if self.num_nodes * self.num_levels < 1e6 else self.names
        raise TreeError(f"{text!r} is no node of the tree.{_suggest(text, known)}")

    def path(self, node: Node) -> np.ndarray:
        """The nodes from the top class down to `node` itself, `(depth,)`."""
        node = self.index(node)
        return _frozen(self.depth_table[: self.depths[node], node])

    def parent(self, node: Node) -> int:
        """The parent's index, or -1 for a top class."""
        return int(self.parents[self.index(node)])

    def children(self, node: Node | None = None) -> np.ndarray:
        """The children's indices in ascending order; the top classes where no node is given."""
        node = -1 if node is None else self.index(node)
        return self._children[node]

    def ancestors(self, node: Node) -> np.ndarray:
        """The nodes above `node`, nearest first, `node` itself not among them."""
        return _frozen(self.path(node)[-2::-1])

    def descendants(self, node: Node) -> np.ndarray:
        """The nodes below `node` in ascending order, `node` itself not among them."""
        node = self.index(node)
        below = self.depth_table[self.depths[node] - 1] == node
        below[node] = False
        return _frozen(np.flatnonzero(below))

    def leaves(self, node: Node) -> np.ndarray:
        """The leaves at or below `node`, in ascending order."""
        node = self.index(node)
        return _frozen(np.flatnonzero(self.depth_table[self.depths[node] - 1, : self.num_leaves] == node))

    def is_leaf(self, node: Node) -> bool:
        return self.index(node) < self.num_leaves

    # === Two nodes ===

    def lowest_common_ancestor(self, u: Node, v: Node) -> int:
        """The deepest node that is `u` or above it, and `v` or above it; -1 where only the virtual root is."""
        u, v = self.index(u), self.index(v)
        depth = self._common_depth(u, v)
        return int(self.depth_table[depth - 1, u]) if depth else -1

    def distance(self, u: Node, v: Node, kind: str = "balanced") -> int:
        """The length of the path from `u` to `v`, in edges.

        Args:
            u, v: Nodes.
            kind: `"balanced"` counts as if every leaf lay at depth `D`, so that two leaves are
                `2 (D - depth(lca))` apart (HSSN's psi, eq. 8, on a ragged tree too) and a class
                is never nearer because its branch is short. `"edges"` counts the edges drawn.
        """
        u, v = self.index(u), self.index(v)
        depths = self._depths_for(kind)
        return 0 if u == v else int(depths[u] + depths[v] - 2 * self._common_depth(u, v))

    def _common_depth(self, u, v):
        same = self.depth_table[:, u] == self.depth_table[:, v]
        return int(min(same.sum(), self.depths[u], self.depths[v]))

    def _depths_for(self, kind):
        if kind not in ("balanced", "edges"):
            raise ValueError(f'`kind` expects "balanced" or "edges". Received: kind={kind!r}.')
        if kind == "edges":
            return self.depths
        return np.where(np.arange(self.num_nodes) < self.num_leaves, self.num_levels, self.depths)

    @functools.cached_property
    def ancestor_matrix(self) -> np.ndarray:
        """`(V, V)` bool: `[u, v]` is true where `u` is `v` or one of its ancestors."""
        matrix = np.zeros((self.num_nodes, self.num_nodes), bool)
        for row in self.depth_table:
            matrix[row, np.arange(self.num_nodes)] = True
        return _frozen(matrix)

    @functools.cached_property
    def common_depths(self) -> np.ndarray:
        """`(V, V)` int32: the depth of each pair's lowest common ancestor; 0 at the virtual root."""
        depths = np.zeros((self.num_nodes, self.num_nodes), np.int32)
        for row in self.depth_table:
            depths += row[:, None] == row[None, :]
        return _frozen(np.minimum(depths, np.minimum(self.depths[:, None], self.depths[None, :])))

    def distances(self, kind: str = "balanced") -> np.ndarray:
        """`(V, V)` int32: `distance` of every pair."""
        depths = self._depths_for(kind)
        table = depths[:, None] + depths[None, :] - 2 * self.common_depths
        np.fill_diagonal(table, 0)
        return _frozen(table)

    @functools.cached_property
    def distance_bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Pair of `(V, V)` int32: the least and the largest balanced distance that any leaf at or
        below `u` has from any at or below `v`. Between leaves both are `distances()`."""
        apart = 2 * (self.num_levels - self.common_depths)
        nested = self.ancestor_matrix | self.ancestor_matrix.T
        # Leaves of a node are farthest apart across the first node below it that branches.
        spread = np.zeros(self.num_nodes, np.int32)
        for node in self.preorder[::-1]:
            children = self.children(node)
            if len(children) == 1:
                spread[node] = spread[children[0]]
            elif len(children) > 1:
                spread[node] = 2 * (self.num_levels - self.depths[node])
        widest = np.maximum(spread[:, None], spread[None, :])
        return _frozen(np.where(nested, 0, apart)), _frozen(np.where(nested, widest, apart))

    # === Levels ===

    def level_classes(self, level: int) -> np.ndarray:
        """The classes of a level in ascending order: the nodes at its depth and the leaves above it.

        Raises:
            ValueError: If `level` is not an integer between 1 and `num_levels`.
        """
        number = exact_integer(level)
        if number is None or not 1 <= number <= self.num_levels:
            raise ValueError(
                f"`level` expects an integer from 1 (finest) to {self.num_levels} (coarsest). "
                f"Received: level={level!r}."
            )
        return _frozen(np.unique(self.level_table[number - 1, : self.num_leaves]))

    def level_weights(self, weights: ArrayLike) -> np.ndarray:
        """Node weights from one weight per level, finest first: `(V,)` float32.

        Every leaf takes the first weight, whatever its depth; an internal node takes that of its
        own level.

        Raises:
            ValueError: If there is not one weight per level, or one is negative or not finite.
        """
        weights = np.asarray(weights, np.float32)
        if weights.shape != (self.num_levels,):
            raise ValueError(
                f"`level_weights` expects one weight per level, {self.num_levels} of them. "
                f"Received: an array of shape {weights.shape}."
            )
        if not np.isfinite(weights).all() or (weights < 0).any():
            raise ValueError(
                f"`level_weights` expects weights that are finite and not negative. Received: {weights.tolist()}."
            )
        level = self.num_levels - self.depths
        level[: self.num_leaves] = 0
        return _frozen(weights[level])

    def swap(self, pairs: Iterable[tuple[Node, Node]]) -> np.ndarray:
        """The node that each node becomes when an image is mirrored: `(V,)` int32.

        Args:
            pairs: Pairs of nodes, such as `[("left_eye", "right_eye")]`. Whatever lies below a
                pair of internal nodes changes places by name. An internal node above becomes
                the one of its own depth that holds its leaves' counterparts, where there is one.

        Raises:
            TreeError: If a pair is not of two nodes with children of the same names, or holds a
                node that is in another pair too.
        """
        swapped = np.arange(self.num_nodes, dtype=np.int32)
        pending = [self._pair(pair) for pair in pairs]
        while pending:
            u, v = pending.pop()
            below_u = {self.names[child]: child for child in self.children(u)}
            below_v = {self.names[child]: child for child in self.children(v)}
            if u == v or {swapped[u], swapped[v]} != {u, v}:
                raise TreeError(
                    f"flip pairs expect each node once, and another one for it. Received again: {self.paths[u]!r} and "
                    f"{self.paths[v]!r}"
                )
            if below_u.keys() != below_v.keys():
                raise TreeError(
                    f"a flip pair expects two nodes with children of the same names. "
                    f"Received: {self.paths[u]!r} and {self.paths[v]!r}"
                )
            swapped[u], swapped[v] = v, u
            pending.extend((child, below_v[name]) for name, child in below_u.items())
        families = {(int(self.depths[v]), *self.leaves(v)): v for v in range(self.num_leaves, self.num_nodes)}
        for (depth, *leaves), node in families.items():
            mirrored = (depth, *sorted(swapped[leaves]))
            swapped[node] = families.get(mirrored, node)
        return _frozen(swapped)

    def _pair(self, pair):
        nodes = () if isinstance(pair, str) else tuple(pair)
        if len(nodes) != 2:
            raise TreeError(f"a flip pair expects two nodes. Received: {pair!r}")
        return self.index(nodes[0]), self.index(nodes[1])

    # === As text ===

    def to_text(self) -> str:
        """The tree as `from_text` reads it back without loss: tabs, and every leaf with its index."""
        return "".join(
            "\t" * (self.depths[node] - 1) + self.names[node] + self._index_suffix(node) + "\n"
            for node in self.preorder
        )

    def __str__(self) -> str:
        lines = [f"{self.num_leaves} leaves, {self.num_nodes} nodes, {self.num_levels} levels"]
        stems = [""]
        for node in self.preorder:
            last = node == self._siblings_in_order(node)[-1]
            del stems[self.depths[node] :]
            lines.append(f"{stems[-1]}{'└── ' if last else '├── '}{self.names[node]}{self._index_suffix(node)}")
            stems.append(stems[-1] + ("    " if last else "│   "))
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<ClassTree: {self.num_leaves} leaves, {self.num_nodes} nodes, {self.num_levels} levels>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ClassTree):
            return NotImplemented
        return self.names == other.names and np.array_equal(self.parents, other.parents)

    def __hash__(self) -> int:
        return hash((self.names, self.parents.tobytes()))

    def _index_suffix(self, node):
        return f" = {node}" if node < self.num_leaves else ""

    # === Lookups made when first needed ===

    @functools.cached_property
    def paths(self) -> tuple[str, ...]:
        paths = [None] * self.num_nodes
        for node in np.argsort(self.depths, kind="stable"):
            parent = self.parents[node]
            paths[node] = self.names[node] if parent < 0 else f"{paths[parent]}/{self.names[node]}"
        return tuple(paths)

    @functools.cached_property
    def _children(self):
        order = np.argsort(self.parents, kind="stable")
        splits = np.searchsorted(self.parents[order], np.arange(self.num_nodes))
        families = np.split(order, splits)
        # The first family is the virtual root's, at index -1: the last place of the list.
        return [_frozen(family) for family in families[1:] + families[:1]]

    @functools.cached_property
    def _child_of(self):
        return {(int(parent), name): node for node, (parent, name) in enumerate(zip(self.parents, self.names))}

    @functools.cached_property
    def _nodes_by_name(self):
        nodes = {}
        for node, name in enumerate(self.names):
            nodes.setdefault(name, []).append(node)
        return nodes

    @functools.cached_property
    def _smallest_leaf(self):
        smallest = np.full(self.num_nodes, self.num_nodes)
        for row in self.depth_table[:, : self.num_leaves]:
            np.minimum.at(smallest, row, np.arange(self.num_leaves))
        return smallest

    def _siblings_in_order(self, node):
        return self._families_in_order[self.parents[node]]

    @functools.cached_property
    def _families_in_order(self):
        return [sorted(family, key=lambda node: self._smallest_leaf[node]) for family in self._children]

    @functools.cached_property
    def preorder(self) -> np.ndarray:
        """All nodes, a parent before its children and families by their smallest leaf: `(V,)` int32."""
        order, pending = [], list(reversed(self._families_in_order[-1]))
        while pending:
            node = pending.pop()
            order.append(int(node))
            pending.extend(reversed(self._families_in_order[node]))
        return _frozen(np.asarray(order))


def as_class_tree(tree: ClassTree | str) -> ClassTree:
    """A `ClassTree`, given as one or as its text (the form in which configurations keep it)."""
    if isinstance(tree, ClassTree):
        return tree
    if isinstance(tree, str):
        _check_not_a_name(tree)
        return ClassTree.from_text(tree, source="tree")
    raise TypeError(
        f"`tree` expects a `ClassTree`, or the text of one. Received: tree={tree!r} of type "
        f"{type(tree).__name__}. Make one with `ClassTree.load`, `from_file`, `from_dict` or `from_paths`."
    )


def _check_not_a_name(text):
    """Refuses the name of a tree that ships where a tree is expected: as text it would be a tree of one class."""
    if text in ClassTree.available():
        raise TreeError(
            "`tree` expects a `ClassTree`, or the text of one. Received: the name of a tree that ships with the "
            f"package. Pass ClassTree.load({text!r})"
        )


def _frozen(array):
    array = np.array(array, np.int32) if array.dtype == np.int64 else np.array(array)
    array.flags.writeable = False
    return array


def _suggest(name, known):
    close = difflib.get_close_matches(str(name), known, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def _depths_from_parents(parents):
    """Parents precede their children in an outline, so one pass settles all."""
    depths = [0] * len(parents)
    for node, parent in enumerate(parents.tolist()):
        depths[node] = depths[parent] + 1 if parent >= 0 else 1
    return np.asarray(depths)


def _node_order(outline, parents, is_leaf, depths):
    """Outline positions in node order: leaves by index, then internal nodes from the deepest up,
    those of one depth by their smallest leaf."""
    leaf_positions = np.flatnonzero(is_leaf)
    indices = [outline.indices[i] for i in leaf_positions]
    if indices[0] is not None:
        leaf_positions = leaf_positions[np.argsort(indices)]
    smallest = [len(parents)] * len(parents)
    for index, position in enumerate(leaf_positions.tolist()):
        smallest[position] = index
    above = parents.tolist()
    for node in range(len(above) - 1, -1, -1):
        if above[node] >= 0 and smallest[node] < smallest[above[node]]:
            smallest[above[node]] = smallest[node]
    inner = np.flatnonzero(~is_leaf)
    inner = inner[np.lexsort((np.asarray(smallest)[inner], -depths[inner]))]
    return np.concatenate([leaf_positions, inner])
