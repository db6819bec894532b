"""The class tree, stored as read-only NumPy tables."""

import functools
import importlib.resources
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from hierseg_keras.arguments.exact_integer import exact_integer
from hierseg_keras.messages.nearest_name import did_you_mean
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
from hierseg_keras.tree.outline_check import check_outline
from hierseg_keras.tree.tree_error import TreeError
from hierseg_keras.tree.tree_file import outline_from_file

_TAXONOMIES = importlib.resources.files("hierseg_keras.tree") / "taxonomies"

# A node in an argument: its index, its path or name, or its path as names.
Node = int | str | Sequence[str]
NodePath = str | Sequence[str]


class ClassTree:
    """A tree of classes. Its leaves are the finest classes of a data set.

    The top classes are joined by a virtual root, which is not a node and has no channel. A node is
    identified by its path, so two nodes may have the same name. Node indices count the leaves
    first, in the order of their leaf indices (a data set's train ids). The internal nodes follow,
    from the finest level to the coarsest, and within a level by their smallest leaf. In every
    tensor over nodes, channel `i` is node `i`, and the first `num_leaves` channels are the leaves.

    `L`, `V` and `D` below are `num_leaves`, `num_nodes` and `num_levels`. *Depth* counts edges
    from the virtual root, so a top class has depth 1. *Level* counts from the leaves: level 1 is
    the finest, level `D` the coarsest, and level `l` is depth `D - l + 1`. A leaf above depth `D`
    also represents itself at every greater depth.

    All arrays are read-only. The tables over pairs of nodes (`ancestor_matrix`, `common_depths`,
    `distances`) are computed on first use; all other tables hold at most `D * V` numbers.

    Args:
        paths: List of the leaves' paths in the order of their indices. A path goes from the top
            class down, as `"human/rider"` or `("human", "rider")`. See also `from_text`,
            `from_file`, `from_dict`, `from_paths`, `from_tfds` and `load`.

    Attributes:
        num_leaves: Integer `L`, number of leaves.
        num_nodes: Integer `V`, number of nodes without the virtual root.
        num_levels: Integer `D`, the tree's height in edges from the virtual root.
        names: Tuple of `V` strings, the name of each node.
        paths: Tuple of `V` strings, the path of each node, joined by `/`.
        parents: Int32 array `(V,)`, the parent of each node; -1 for a top class.
        depths: Int32 array `(V,)`, the depth of each node.
        levels: Int32 array `(V,)`, the level of each node: 1 for a leaf, `D + 1 - depth` for an internal node.
        depth_table: Int32 array `(D, V)`. Entry `[d - 1, v]` represents node `v` at depth `d`: its
            ancestor at that depth, or `v` itself if `v` is not deeper than `d`.
        level_table: Int32 array `(D, V)`. Entry `[l - 1, v]` is the class of level `l` that
            contains node `v`, or -1 if `v` is an internal node coarser than level `l`.

    Raises:
        TreeError: If the paths are not those of a tree's leaves. The error is a `ValueError` that
            lists every problem found, with its file and line.

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

    # === Constructors ===

    @classmethod
    def from_text(cls, text: str, drop_root: bool = False, source: str = "text") -> Self:
        """Reads indented text with one class per line, the format of Muller & Smith (2020).

        Children are indented by one step under their parent, by tabs or by spaces but not both. A
        leaf's line may end in `= n`, where `n` is the leaf's index and channel in the network.
        Either every leaf has an index, and the indices are exactly `0 .. L - 1`, or none has, and
        leaves are numbered in the order of their lines.

        Empty lines and lines that begin with `#` are skipped. A comment needs a line of its own: a
        class name with `#` at its beginning or after white space is an error (`C#` is a valid
        name). Text in YAML, JSON, TOML or CSV raises an error that names the format.

        Args:
            text: String.
            drop_root: Boolean, whether to omit the single top class and make its children the top
                classes. Defaults to `False`.
            source: String, name of the text in errors. Defaults to `"text"`.

        Returns:
            `ClassTree`.

        Raises:
            TypeError: If `text` is not a string.
            TreeError: If the text is empty, in another format, or not a tree. The error lists
                every problem with its line.

        Example:

        >>> ClassTree.from_text("# the finest classes\\nroad\\nsky").names
        ('road', 'sky')
        """
        return cls._from_outline(outlines.outline_from_text(text, source), drop_root, source)

    @classmethod
    def from_file(cls, path: str | os.PathLike, drop_root: bool = False) -> Self:
        """Reads a UTF-8 file: JSON if its name ends in `.json`, otherwise the format of `from_text`.

        A JSON file contains nested objects, as `from_dict` takes them, or a list of paths, as
        `from_paths` takes it.

        Args:
            path: Path of the file.
            drop_root: Boolean, as in `from_text`. Defaults to `False`.

        Returns:
            `ClassTree`.

        Raises:
            TreeError: If the file is not UTF-8 text, its name has the suffix of another format
                (`.yaml`, `.toml`, `.csv`, ...), or it does not contain a tree.
            OSError: If the file does not exist, is a folder, or cannot be read.
        """
        return cls._from_outline(outline_from_file(path), drop_root, str(path))

    @classmethod
    def from_dict(cls, tree: Mapping[str, Any], drop_root: bool = False) -> Self:
        """Reads nested dicts, such as `{"human": {"person": 1, "rider": 0}, "sky": 2}`.

        Args:
            tree: Dict from class names to children. The value of a leaf is its index, a Python or
                NumPy integer, or `None`. A list of names stands for leaves without indices. The
                rules for indices are those of `from_text`.
            drop_root: Boolean, as in `from_text`. Defaults to `False`.

        Returns:
            `ClassTree`.

        Raises:
            TypeError: If `tree` is not a dict.
            TreeError: If the dict is not a tree. The error lists every problem.
        """
        return cls._from_outline(outlines.outline_from_dict(tree), drop_root, "dict")

    @classmethod
    def from_paths(
        cls, paths: Iterable[NodePath], indices: Iterable[int] | None = None, drop_root: bool = False
    ) -> Self:
        """Reads the paths of the leaves, such as `["human/person", "human/rider", "sky"]`.

        Args:
            paths: List of paths from the top class down: strings joined by `/`, or sequences of
                names.
            indices: List of Python or NumPy integers, the leaf index of each path. Defaults to
                the order of `paths`.
            drop_root: Boolean, as in `from_text`. Defaults to `False`.

        Returns:
            `ClassTree`.

        Raises:
            TypeError: If `paths` is a string, a dict or a set.
            TreeError: If the paths are not those of a tree's leaves, or an index is not an integer.
        """
        return cls._from_outline(outlines.outline_from_paths(paths, indices), drop_root, "paths")

    @classmethod
    def from_tfds(cls, info: Any) -> Self:
        """Reads the tree from the metadata of a prepared TFDS data set.

        Args:
            info: `tfds.core.DatasetInfo`, or a builder. The metadata must have the key `tree`, the
                text that `to_text` returns. The builders of `tfds_builders` write it.

        Returns:
            `ClassTree`.

        Raises:
            TreeError: If the metadata has no `tree`.
        """
        info = getattr(info, "info", info)
        metadata = getattr(info, "metadata", None) or {}
        if "tree" not in metadata:
            raise TreeError(
                f"{getattr(info, 'full_name', info)}: expected a `tree` in the data set's metadata. Received: "
                f"metadata with {sorted(metadata)}. Make the tree with `ClassTree.load` or `from_file` instead"
            )
        return cls.from_text(metadata["tree"], source=f"metadata of {info.full_name}")

    @classmethod
    def from_clusters(cls, names: Sequence[str], *assignments: ArrayLike) -> Self:
        """Makes a tree from clusterings of classes.

        Args:
            names: List of `L` class names. They become the leaves, in this order.
            *assignments: Integer arrays `(L,)`, one per level above the leaves, the finest first: the cluster of each
                class. Each cluster must consist of whole clusters of the level below. A cluster of a single class, or
                of all classes, gets no node. A cluster that is the same at several levels becomes one node, at the
                coarsest of them; at the finer ones, its classes stand for themselves.

        Returns:
            `ClassTree`.

        Raises:
            TypeError: If `names` is a string.
            TreeError: If a clustering does not hold one integer per class, or a cluster does not
                consist of whole clusters of the level below.

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
                    "`assignments` expects clusters that consist of whole clusters of the level below. "
                    f"Received: {finer.tolist()} below {coarser.tolist()}. Pass the finest clustering first."
                )
        return cls.from_paths(cluster_paths(names, assignments[::-1]), indices=range(len(names)))

    @classmethod
    def from_confusion(cls, confusion: ArrayLike, names: Sequence[str], sizes: Sequence[int] | None = None) -> Self:
        """Learns a tree from a confusion matrix: classes that are often confused become a group.

        Average linkage repeatedly joins the two clusters with the highest mean confusion rate. The
        rate of two classes is `(n_ij / n_i + n_ji / n_j) / 2`, where `n_ij` pixels of class `i` are
        predicted as class `j` and `n_i` pixels are labeled `i`. Muller & Smith (2020) propose such
        a tree as future work: learn the tree in one run, and train on it in the next.

        Without `sizes`, a level is placed where the linkage jumps, that is, where the rate drops
        from one merge to the next by the largest factor, and wherever else the factor is
        exceptionally large. If no factor is at least 1.5, the tree has no groups.
        `benchmarks/planted_families.py` compares this rule with others.

        Args:
            confusion: Array `(L, L)`, counts of labels (rows) by predictions (columns). A
                `metrics.TreeReport` provides it as `report.confusion.exact_counts()[:L]`.
            names: List of `L` class names.
            sizes: List of integers, the numbers of clusters at the levels above the classes.
                Defaults to the numbers at which the linkage jumps. A cluster that is the same at several levels
                becomes one node, at the coarsest of them; at the finer ones, its classes stand for themselves.

        Returns:
            `ClassTree`.

        Raises:
            TypeError: If `names` is a string.
            ValueError: If the matrix is not `(L, L)`, or holds a number that is negative or not
                finite.
            TreeError: If a size is not an integer from 2 to `L - 1`.

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
        """Loads a tree that ships with the package.

        Args:
            name: String, one of `ClassTree.available()`.

        Returns:
            `ClassTree`.

        Raises:
            TreeError: If no tree of that name ships with the package.
        """
        names = cls.available()
        if name not in names:
            raise TreeError(
                f"`ClassTree.load` expects one of {names}. Received: name={name!r}.{did_you_mean(name, names)}"
            )
        return cls.from_text((_TAXONOMIES / f"{name}.txt").read_text("utf-8"), source=f"{name}.txt")

    @staticmethod
    def available() -> list[str]:
        """Returns the sorted list of names that `load` accepts."""
        return sorted(entry.name[:-4] for entry in _TAXONOMIES.iterdir() if entry.name.endswith(".txt"))

    @classmethod
    def _from_outline(cls, outline, drop_root, source):
        tree = cls.__new__(cls)
        tree._build(outlines.without_root(outline) if drop_root else outline, source)
        return tree

    # === Build the tables ===

    def _build(self, outline, source):
        if not outline.names:
            raise TreeError(outline.problems or f"{source}: empty. A tree has at least one class")
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
        is_leaf = np.arange(self.num_nodes) < self.num_leaves
        self.levels = _frozen(np.where(is_leaf, 1, self.num_levels + 1 - self.depths))
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
        """Returns the index of a node.

        Args:
            node: The node's index, its path (`"human/rider"` or `("human", "rider")`), or its
                name if only one node has it. The name of a top class is its path, also if a node below
                it has the same name: Cityscapes' class is `"sky/sky"`, and `"sky"` is its category.

        Returns:
            Integer in `[0, V)`.

        Raises:
            TypeError: If `node` is not an integer, a string or a sequence of strings.
            TreeError: If the tree has no such node, or several nodes have this name.
        """
        index = exact_integer(node)
        if index is not None:
            if not 0 <= index < self.num_nodes:
                raise TreeError(f"`node` expects an index in [0, {self.num_nodes}). Received: node={index}.")
            return index
        is_path = isinstance(node, (tuple, list)) and node and all(isinstance(name, str) for name in node)
        if not is_path and not isinstance(node, str):
            raise TypeError(f"`node` expects an integer index, a path or a name. Received: node={node!r}.")
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
            paths = [self.paths[i] for i in same[:5]]
            raise TreeError(f"{node!r} is the name of {len(same)} nodes. Pass the path of one: {paths}")
        text = node if isinstance(node, str) else "/".join(map(str, node))
        known = self.paths + self.names if self.num_nodes * self.num_levels < 1e6 else self.names
        raise TreeError(f"{text!r} is not a node of the tree.{did_you_mean(text, known)}")

    def path(self, node: Node) -> np.ndarray:
        """Returns the nodes from the top class down to `node` itself, int32 `(depth,)`."""
        node = self.index(node)
        return _frozen(self.depth_table[: self.depths[node], node])

    def parent(self, node: Node) -> int:
        """Returns the index of the parent, or -1 for a top class."""
        return int(self.parents[self.index(node)])

    def children(self, node: Node | None = None) -> np.ndarray:
        """Returns the indices of the children in ascending order, or of the top classes if `node` is `None`."""
        node = -1 if node is None else self.index(node)
        return self._children[node]

    def ancestors(self, node: Node) -> np.ndarray:
        """Returns the nodes above `node`, the parent first, without `node` itself."""
        return _frozen(self.path(node)[-2::-1])

    def descendants(self, node: Node) -> np.ndarray:
        """Returns the nodes below `node` in ascending order, without `node` itself."""
        node = self.index(node)
        below = self.depth_table[self.depths[node] - 1] == node
        below[node] = False
        return _frozen(np.flatnonzero(below))

    def leaves(self, node: Node) -> np.ndarray:
        """Returns the leaves at or below `node` in ascending order."""
        node = self.index(node)
        return _frozen(np.flatnonzero(self.depth_table[self.depths[node] - 1, : self.num_leaves] == node))

    def is_leaf(self, node: Node) -> bool:
        return self.index(node) < self.num_leaves

    # === Two nodes ===

    def lowest_common_ancestor(self, u: Node, v: Node) -> int:
        """Returns the deepest node on both the path of `u` and the path of `v`, or -1 if only the virtual root is."""
        u, v = self.index(u), self.index(v)
        depth = self._common_depth(u, v)
        return int(self.depth_table[depth - 1, u]) if depth else -1

    def distance(self, u: Node, v: Node, kind: str = "balanced") -> int:
        """Returns the length of the path from `u` to `v`, in edges.

        Args:
            u, v: Nodes, as `index` takes them.
            kind: `"balanced"` (the default) or `"edges"`. `"balanced"` treats every leaf as if it
                were at depth `D`. The distance of two different leaves is then
                `2 (D - depth(lca))`, where `lca` is their lowest common ancestor, and a leaf on a
                short branch is no closer to other leaves than one on a long branch. `"edges"`
                counts the edges of the tree as it is (psi in HSSN, eq. 8). The two are equal where
                all leaves are at one depth.

        Returns:
            Integer, number of edges.

        Raises:
            ValueError: If `kind` is neither `"balanced"` nor `"edges"`.
            TreeError: If `u` or `v` is not a node of the tree.
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
        return self.depths if kind == "edges" else self.num_levels + 1 - self.levels

    @functools.cached_property
    def ancestor_matrix(self) -> np.ndarray:
        """Bool array `(V, V)`: entry `[u, v]` is true if `u` is `v` or one of its ancestors."""
        matrix = np.zeros((self.num_nodes, self.num_nodes), bool)
        for row in self.depth_table:
            matrix[row, np.arange(self.num_nodes)] = True
        return _frozen(matrix)

    @functools.cached_property
    def common_depths(self) -> np.ndarray:
        """Int32 array `(V, V)`: the depth of the lowest common ancestor of each pair; 0 for the virtual root."""
        depths = np.zeros((self.num_nodes, self.num_nodes), np.int32)
        for row in self.depth_table:
            depths += row[:, None] == row[None, :]
        return _frozen(np.minimum(depths, np.minimum(self.depths[:, None], self.depths[None, :])))

    def distances(self, kind: str = "balanced") -> np.ndarray:
        """Returns the int32 array `(V, V)` of `distance(u, v, kind)` for all pairs of nodes."""
        depths = self._depths_for(kind)
        table = depths[:, None] + depths[None, :] - 2 * self.common_depths
        np.fill_diagonal(table, 0)
        return _frozen(table)

    @functools.cached_property
    def distance_bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Pair of int32 arrays `(V, V)`: the smallest and the largest balanced distance between leaves.

        Entry `[u, v]` is taken over all pairs of one leaf at or below `u` and one leaf at or below
        `v`. For two leaves both arrays equal `distances()`.
        """
        apart = 2 * (self.num_levels - self.common_depths)
        nested = self.ancestor_matrix | self.ancestor_matrix.T
        # The leaves below a node are farthest apart where the tree first branches.
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
        """Returns the classes of a level in ascending order: the nodes at its depth and all leaves above it.

        Args:
            level: Integer from 1 (finest) to `num_levels` (coarsest).

        Returns:
            Int32 array of node indices.

        Raises:
            ValueError: If `level` is not an integer from 1 to `num_levels`.
        """
        number = exact_integer(level)
        if number is None or not 1 <= number <= self.num_levels:
            raise ValueError(
                f"`level` expects an integer from 1 (finest) to {self.num_levels} (coarsest). "
                f"Received: level={level!r}."
            )
        return _frozen(np.unique(self.level_table[number - 1, : self.num_leaves]))

    def level_weights(self, weights: ArrayLike) -> np.ndarray:
        """Makes node weights from one weight per level.

        Every leaf has the first weight, whatever its depth. An internal node has the weight of its
        own level.

        Args:
            weights: List of `D` non-negative floats, the finest level first.

        Returns:
            Float32 array `(V,)`.

        Raises:
            ValueError: If `weights` does not hold one number per level, or holds a number that is
                negative or not finite.
        """
        weights = np.asarray(weights, np.float32)
        if weights.shape != (self.num_levels,):
            raise ValueError(
                f"`level_weights` expects one weight per level, ({self.num_levels},). "
                f"Received: weights.shape={weights.shape}."
            )
        if not np.isfinite(weights).all() or (weights < 0).any():
            raise ValueError(
                f"`level_weights` expects finite weights of at least 0. Received: weights={weights.tolist()}."
            )
        return _frozen(weights[self.levels - 1])

    def swap(self, pairs: Iterable[tuple[Node, Node]]) -> np.ndarray:
        """Returns the node that each node becomes when an image is mirrored.

        Args:
            pairs: List of pairs of nodes, such as `[("left_eye", "right_eye")]`. If a pair consists
                of internal nodes, the nodes below them are swapped by name. An internal node above
                the pairs becomes the node of the same depth that holds the counterparts of its
                leaves, if there is such a node.

        Returns:
            Int32 array `(V,)`.

        Raises:
            TreeError: If a pair is not two nodes whose children have the same names, or a node is
                in several pairs.
        """
        swapped = np.arange(self.num_nodes, dtype=np.int32)
        pending = [self._pair(pair) for pair in pairs]
        while pending:
            u, v = pending.pop()
            below_u = {self.names[child]: child for child in self.children(u)}
            below_v = {self.names[child]: child for child in self.children(v)}
            if u == v or {swapped[u], swapped[v]} != {u, v}:
                raise TreeError(
                    f"`pairs` expects two different nodes per pair, and each node in one pair only. Received: "
                    f"{self.paths[u]!r} and {self.paths[v]!r}."
                )
            if below_u.keys() != below_v.keys():
                raise TreeError(
                    f"`pairs` expects two nodes whose children have the same names. "
                    f"Received: {self.paths[u]!r} and {self.paths[v]!r}."
                )
            swapped[u], swapped[v] = v, u
            pending.extend((child, below_v[name]) for name, child in below_u.items())
        families = {(int(self.depths[v]), *self.leaves(v)): v for v in range(self.num_leaves, self.num_nodes)}
        for (depth, *leaves), node in families.items():
            # A node of a pair may have its counterpart at another depth.
            if swapped[node] == node:
                swapped[node] = families.get((depth, *sorted(swapped[leaves])), node)
        return _frozen(swapped)

    def _pair(self, pair):
        nodes = () if isinstance(pair, str) else tuple(pair)
        if len(nodes) != 2:
            raise TreeError(f"`pairs` expects two nodes per pair. Received: {pair!r}.")
        return self.index(nodes[0]), self.index(nodes[1])

    # === Text ===

    def to_text(self) -> str:
        """Returns the tree as text, with tabs and an index on every leaf. `from_text` restores an equal tree."""
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

    # === Tables computed on first use ===

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
        # The children of the virtual root come first here and go to the end of the list, which index -1 addresses.
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
        """Int32 array `(V,)`: all nodes, each parent before its children, siblings by their smallest leaf."""
        order, pending = [], list(reversed(self._families_in_order[-1]))
        while pending:
            node = pending.pop()
            order.append(int(node))
            pending.extend(reversed(self._families_in_order[node]))
        return _frozen(np.asarray(order))


def as_class_tree(tree: ClassTree | str) -> ClassTree:
    """Returns a `ClassTree`.

    Args:
        tree: `ClassTree`, or its text as returned by `to_text`, which saved configurations hold.

    Raises:
        TypeError: If `tree` is neither.
        TreeError: If the text is not a tree, or is a single line, such as the name of a tree.
    """
    if isinstance(tree, ClassTree):
        return tree
    if isinstance(tree, str):
        _check_not_a_name(tree)
        return ClassTree.from_text(tree, source="tree")
    raise TypeError(
        f"`tree` expects a `ClassTree`, or its text. Received: tree={tree!r} of type {type(tree).__name__}. Make one "
        "with `ClassTree.load`, `from_file`, `from_dict` or `from_paths`."
    )


def _check_not_a_name(text):
    """Raises if a text has a single line, such as the name of a tree, which would become a tree of one class."""
    if text in ClassTree.available():
        raise TreeError(
            f"`tree` expects a `ClassTree`, or its text. Received: tree={text!r}, the name of a tree that ships with "
            f"the package. Pass ClassTree.load({text!r})."
        )
    if text.strip() and "\n" not in text:
        raise TreeError(
            f"`tree` expects a `ClassTree`, or its text. Received: tree={text!r}, a single line."
            f"{did_you_mean(text, ClassTree.available())} Pass `ClassTree.load` of a name, `ClassTree.from_file` of a "
            "path, or `ClassTree.from_text` for a tree of one class."
        )


def _frozen(array):
    array = np.array(array, np.int32) if array.dtype == np.int64 else np.array(array)
    array.flags.writeable = False
    return array


def _depths_from_parents(parents):
    """Computes depths in one pass, because parents precede their children in an outline."""
    depths = [0] * len(parents)
    for node, parent in enumerate(parents.tolist()):
        depths[node] = depths[parent] + 1 if parent >= 0 else 1
    return np.asarray(depths)


def _node_order(outline, parents, is_leaf, depths):
    """Returns outline positions in node order.

    Leaves come first, by index. Internal nodes follow from the deepest up, those of one depth by
    their smallest leaf.
    """
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
