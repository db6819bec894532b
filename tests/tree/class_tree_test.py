import random
import types

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from hierseg_keras.tree import ClassTree, TreeError, as_class_tree
from tests.random_trees import class_trees, leaf_paths
from tests.reference import ReferenceTree

TEXT = """\
human
\tperson = 2
\trider = 0
vehicle
\tcar
\t\tsedan = 3
sky = 1
"""
# Leaves rider, sky, person, sedan; then depth 2: car; then depth 1: human (smallest leaf 0), vehicle (3).
PATHS = ("human/rider", "sky", "human/person", "vehicle/car/sedan", "vehicle/car", "human", "vehicle")
DRAWING = """\
4 leaves, 7 nodes, 3 levels
├── human
│   ├── rider = 0
│   └── person = 2
├── sky = 1
└── vehicle
    └── car
        └── sedan = 3"""

PUBLISHED_COUNTS = {
    "camvid": (11, 18, 2),
    "camvid_groups": (11, 15, 2),
    "camvid_original": (31, 35, 2),
    "cityscapes": (19, 26, 2),
    "helen": (11, 17, 4),
    "lip": (20, 23, 3),
    "mapillary_vistas_v1_2": (66, 80, 3),
    "mapillary_vistas_v2": (124, 148, 3),
    "mapillary_vistas_v2_official": (124, 149, 4),
    "nyu_depth_v2": (40, 44, 2),
    "pascal_person_part": (7, 10, 3),
}


@pytest.fixture
def tree():
    return ClassTree.from_text(TEXT)


def as_nested_dict(paths):
    """Leaf paths as `ClassTree.from_dict` takes them, every leaf with its index."""
    nested = {}
    for index, path in enumerate(paths):
        family = nested
        for name in path[:-1]:
            family = family.setdefault(name, {})
        family[path[-1]] = index
    return nested


def as_text(paths, indent="\t", with_indices=True):
    """Leaf paths as text, in file order."""
    lines, pending = [], list(reversed([(0, *item) for item in as_nested_dict(paths).items()]))
    while pending:
        depth, name, value = pending.pop()
        is_leaf = isinstance(value, int)
        lines.append(indent * depth + name + (f" = {value}" if is_leaf and with_indices else ""))
        if not is_leaf:
            pending.extend(reversed([(depth + 1, *item) for item in value.items()]))
    return "\n".join(lines)


def problems_of(build, *args, **kwargs):
    with pytest.raises(TreeError) as caught:
        build(*args, **kwargs)
    return caught.value.problems


class ClassTreeTest:
    # === A small tree, worked by hand ===

    def test_hand_worked_tree(self, tree):
        assert (tree.num_leaves, tree.num_nodes, tree.num_levels) == (4, 7, 3)
        assert tree.paths == PATHS
        assert tree.names == ("rider", "sky", "person", "sedan", "car", "human", "vehicle")
        assert tree.parents.tolist() == [5, -1, 5, 4, 6, -1, -1]
        assert tree.depths.tolist() == [2, 1, 2, 3, 2, 1, 1]
        assert tree.depth_table.tolist() == [
            [5, 1, 5, 6, 6, 5, 6],
            [0, 1, 2, 4, 4, 5, 6],
            [0, 1, 2, 3, 4, 5, 6],
        ]
        # At level 1 an internal node is too coarse to tell, whatever its own level.
        assert tree.level_table.tolist() == [
            [0, 1, 2, 3, -1, -1, -1],
            [0, 1, 2, 4, 4, -1, -1],
            [5, 1, 5, 6, 6, 5, 6],
        ]

    def test_hand_worked_distances(self, tree):
        # Balanced, every leaf lies at depth 3: rider and person meet at depth 1, 2 (3 - 1) = 4.
        assert tree.distance("rider", "person") == 4
        assert tree.distance("rider", "person", kind="edges") == 2
        # sky meets nothing: 2 * 3, though only 1 + 2 edges are drawn.
        assert tree.distance("sky", "rider") == 6
        assert tree.distance("sky", "rider", kind="edges") == 3
        assert tree.distance("vehicle", "sedan") == 2
        assert tree.distance("sky", "sky") == 0

    def test_a_class_is_not_near_because_its_branch_is_short(self):
        tree = ClassTree.load("helen")
        assert tree.distance("hair", "background") == 8
        assert tree.distance("hair", "upper_lip") == 6
        assert tree.distance("hair", "background", kind="edges") < tree.distance("hair", "upper_lip", kind="edges")

    def test_print(self, tree):
        assert str(tree) == DRAWING
        assert repr(tree) == "<ClassTree: 4 leaves, 7 nodes, 3 levels>"

    def test_docstring_example(self):
        tree = ClassTree.from_text("human\n\tperson = 1\n\trider = 0\nsky = 2")
        assert tree.paths == ("human/rider", "human/person", "sky", "human")
        assert tree.depth_table.tolist() == [[3, 3, 2, 3], [0, 1, 2, 3]]

    # === Every table against the reference ===

    @given(class_trees())
    @settings(max_examples=60)
    def test_nodes_match_reference(self, trees):
        tree, reference = trees
        assert (tree.num_leaves, tree.num_nodes, tree.num_levels) == (
            reference.num_leaves,
            reference.num_nodes,
            reference.num_levels,
        )
        nodes, depths = range(reference.num_nodes), range(1, reference.num_levels + 1)
        assert tree.paths == tuple("/".join(node) for node in reference.nodes)
        assert tree.names == tuple(node[-1] for node in reference.nodes)
        assert tree.parents.tolist() == [reference.parent(v) for v in nodes]
        assert tree.depths.tolist() == [reference.depth(v) for v in nodes]
        assert tree.depth_table.tolist() == [[reference.at_depth(v, d) for v in nodes] for d in depths]
        assert tree.level_table.tolist() == [[reference.at_level(v, level) for v in nodes] for level in depths]
        assert [tree.level_table[level - 1, v] for v, level in enumerate(tree.levels)] == list(nodes)
        assert (tree.levels == (tree.level_table < 0).sum(axis=0) + 1).all()
        for level in depths:
            assert tree.level_classes(level).tolist() == reference.level_classes(level)

    @given(class_trees(min_depth=4))
    @settings(max_examples=40)
    def test_lookups_of_one_node_match_reference(self, trees):
        tree, reference = trees
        assert tree.children().tolist() == reference.children(-1)
        for v in range(reference.num_nodes):
            assert tree.index(v) == tree.index(np.int32(v)) == v
            assert tree.index("/".join(reference.nodes[v])) == tree.index(reference.nodes[v]) == v
            assert tree.path(v).tolist() == reference.ancestors(v)
            assert tree.parent(v) == reference.parent(v)
            assert tree.children(v).tolist() == reference.children(v)
            assert tree.ancestors(v).tolist() == reference.ancestors(v)[-2::-1]
            assert tree.descendants(v).tolist() == [u for u in reference.descendants(v) if u != v]
            assert tree.leaves(v).tolist() == reference.leaves(v)
            assert tree.is_leaf(v) == reference.is_leaf(v)

    @given(class_trees(min_depth=4))
    @settings(max_examples=20)
    def test_tables_of_pairs_match_reference(self, trees):
        tree, reference = trees
        for u in range(reference.num_nodes):
            for v in range(reference.num_nodes):
                assert tree.lowest_common_ancestor(u, v) == reference.lowest_common_ancestor(u, v)
                assert tree.common_depths[u, v] == reference.common_depth(u, v)
                assert tree.ancestor_matrix[u, v] == (u in reference.ancestors(v))
                for kind in ("balanced", "edges"):
                    expected = reference.distance(u, v, kind)
                    assert tree.distance(u, v, kind) == tree.distances(kind)[u, v] == expected

    @given(class_trees())
    def test_leaves_of_a_family_are_nearer_than_others(self, trees):
        tree, reference = trees
        between_leaves = tree.distances()[: tree.num_leaves, : tree.num_leaves]
        for u in range(tree.num_leaves):
            for v in range(tree.num_leaves):
                depth = reference.common_depth(u, v)
                assert between_leaves[u, v] == (0 if u == v else 2 * (tree.num_levels - depth))

    @given(class_trees(), st.integers(0, 2**32 - 1))
    def test_level_weights(self, trees, seed):
        tree, reference = trees
        weights = np.random.default_rng(seed).uniform(size=tree.num_levels).astype("float32")
        node_weights = tree.level_weights(weights)
        assert node_weights.dtype == np.float32 and not node_weights.flags.writeable
        for v in range(tree.num_nodes):
            # Level l is depth D - l + 1; every leaf takes the finest level's weight.
            level = 1 if reference.is_leaf(v) else tree.num_levels - reference.depth(v) + 1
            assert node_weights[v] == weights[level - 1]

    def test_level_weights_are_one_a_level(self, tree):
        with pytest.raises(ValueError, match=r"one weight per level, \(3,\). Received: weights.shape=\(2,\)"):
            tree.level_weights([1, 2])

    @pytest.mark.parametrize("weights", [[1, np.nan, 1], [1, -0.5, 1], [np.inf, 1, 1]])
    def test_level_weights_are_finite_and_not_negative(self, tree, weights):
        with pytest.raises(ValueError, match="finite weights of at least 0. Received: weights=\\["):
            tree.level_weights(weights)

    @pytest.mark.parametrize("level", [0, 4, 1.5, 1.0, True, "1", None, np.nan])
    def test_level_outside_the_tree(self, tree, level):
        with pytest.raises(ValueError, match=r"integer from 1 \(finest\) to 3 \(coarsest\). Received: level="):
            tree.level_classes(level)

    def test_unknown_kind_of_distance(self, tree):
        with pytest.raises(ValueError, match="kind='steps'"):
            tree.distance(0, 1, kind="steps")
        with pytest.raises(ValueError, match="kind='steps'"):
            tree.distances(kind="steps")

    def test_arrays_are_frozen(self, tree):
        arrays = [
            tree.parents,
            tree.depths,
            tree.levels,
            tree.depth_table,
            tree.level_table,
            tree.path(0),
            tree.children(5),
        ]
        arrays += [tree.ancestors(0), tree.descendants(5), tree.leaves(5), tree.ancestor_matrix, tree.common_depths]
        arrays += [tree.children(), tree.distances(), tree.level_classes(1), tree.swap([])]
        for array in arrays:
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0
            assert array.dtype in (np.int32, bool)

    # === Names ===

    def test_name_finds_a_node_where_it_is_unique(self):
        tree = ClassTree.from_paths(["a/x", "a/y", "b/x", "c/c"])
        assert tree.paths[tree.index("y")] == "a/y"
        assert tree.paths[tree.index("b/x")] == "b/x"
        assert tree.paths[tree.index(("c", "c"))] == "c/c"
        # A path goes before a name: the top class c, though c/c is called so too.
        assert tree.paths[tree.index("c")] == "c"
        with pytest.raises(TreeError, match=r"'x' is the name of 2 nodes. Pass the path of one: \['a/x', 'b/x'\]"):
            tree.index("x")

    @pytest.mark.parametrize(
        "typo, meant", [("ridr", "rider"), ("human/persn", "human/person"), (("vehicl",), "vehicle")]
    )
    def test_unknown_node_suggests_another(self, tree, typo, meant):
        with pytest.raises(TreeError, match=f"is not a node of the tree. Did you mean '{meant}'"):
            tree.index(typo)

    @pytest.mark.parametrize("index", [-1, 7])
    def test_index_outside_the_tree(self, tree, index):
        with pytest.raises(TreeError, match=rf"`node` expects an index in \[0, 7\). Received: node={index}"):
            tree.path(index)

    @pytest.mark.parametrize(
        "node", [1.0, np.float32(1), True, np.True_, None, b"sky", (0, 1), ["human", None], (), []]
    )
    def test_node_of_a_wrong_type(self, tree, node):
        with pytest.raises(TypeError, match="an integer index, a path or a name"):
            tree.index(node)

    # === Mirror images ===

    def test_swap_of_leaves_reaches_the_node_above(self):
        tree = ClassTree.from_paths(["left/arm", "right/leg", "left/leg", "right/arm", "head"])
        swapped = tree.swap([("left/arm", "right/arm"), ("left/leg", "right/leg")])
        mirrored = [tree.paths[v] for v in swapped]
        assert mirrored == ["right/arm", "left/leg", "right/leg", "left/arm", "head", "right", "left"]

    def test_swap_of_internal_nodes_at_different_depths(self):
        paths = ["left_arm/hand", "left_arm/wrist", "body/right_arm/hand", "body/right_arm/wrist", "body/torso"]
        tree = ClassTree(paths)
        swapped = tree.swap([("left_arm", "right_arm")])
        assert tree.paths[swapped[tree.index("left_arm")]] == "body/right_arm"
        assert tree.paths[swapped[tree.index("body/right_arm")]] == "left_arm"
        assert tree.paths[swapped[tree.index("left_arm/hand")]] == "body/right_arm/hand"

    @pytest.mark.parametrize("pairs", [[("left", "right"), ("left", "nose")], [("nose", "nose")]])
    def test_swap_takes_a_node_once(self, pairs):
        with pytest.raises(TreeError, match="each node in one pair only"):
            ClassTree(["left", "right", "nose"]).swap(pairs)

    @pytest.mark.parametrize("pair", ["lr", ("left",), ("left", "right", "nose"), ()])
    def test_swap_takes_pairs(self, pair):
        with pytest.raises(TreeError, match="`pairs` expects two nodes per pair"):
            ClassTree(["left", "right", "nose"]).swap([pair])

    def test_swap_takes_integers_of_numpy_and_no_floats(self):
        tree = ClassTree(["left", "right", "nose"])
        assert tree.swap(np.array([[0, 1]])).tolist() == [1, 0, 2]
        with pytest.raises(TypeError, match="an integer index, a path or a name. Received: "):
            tree.swap(np.array([[0.0, 1.0]]))

    @pytest.mark.parametrize("paths", ["abc", b"abc", {"human": ["person"]}, {"sky", "road"}])
    def test_paths_are_a_sequence(self, paths):
        for make in (ClassTree, ClassTree.from_paths):
            with pytest.raises(TypeError, match="list of paths. Received: .* `ClassTree.from_text` reads a string"):
                make(paths)

    def test_swap_within_a_family_leaves_the_family(self):
        tree = ClassTree.load("helen")
        swapped = tree.swap([("left_eye", "right_eye"), ("left_eyebrow", "right_eyebrow")])
        moved = {tree.names[v]: tree.names[u] for v, u in enumerate(swapped) if u != v}
        assert moved == {
            "left_eye": "right_eye",
            "right_eye": "left_eye",
            "left_eyebrow": "right_eyebrow",
            "right_eyebrow": "left_eyebrow",
        }

    @given(leaf_paths(max_leaves=6), st.randoms(use_true_random=False))
    def test_swap_of_internal_nodes_takes_all_below_along(self, paths, shuffler):
        sides = [("left", *path) for path in paths] + [("right", *path) for path in paths] + [("middle",)]
        shuffler.shuffle(sides)
        tree, other = ClassTree(sides), {"left": "right", "right": "left", "middle": "middle"}
        swapped = tree.swap([("left", "right")])
        for v, path in enumerate(tree.paths):
            top, *rest = path.split("/")
            assert tree.paths[swapped[v]] == "/".join([other[top], *rest])
        assert np.array_equal(swapped[swapped], np.arange(tree.num_nodes))

    @pytest.mark.parametrize("pair", [("human", "sky"), ("human", "vehicle")])
    def test_swap_of_unlike_nodes(self, tree, pair):
        with pytest.raises(TreeError, match=f"children have the same names. Received: '{pair[0]}' and '{pair[1]}'"):
            tree.swap([pair])

    # === Every way to make one ===

    @given(leaf_paths(), st.randoms(use_true_random=False))
    @settings(max_examples=40)
    def test_all_ways_give_equal_trees(self, paths, shuffler):
        shuffled = list(enumerate(paths))
        shuffler.shuffle(shuffled)
        trees = [
            ClassTree(paths),
            ClassTree("/".join(path) for path in paths),
            ClassTree.from_paths(paths),
            ClassTree.from_paths([path for _, path in shuffled], indices=[index for index, _ in shuffled]),
            ClassTree.from_paths([("root", *path) for path in paths], drop_root=True),
            ClassTree.from_dict(as_nested_dict(paths)),
            ClassTree.from_dict({"root": as_nested_dict(paths)}, drop_root=True),
            ClassTree.from_text(as_text(paths)),
            ClassTree.from_text(as_text(paths, indent="  ").replace("\n", "\r\n\n")),
            ClassTree.from_text(as_text([("root", *path) for path in paths]), drop_root=True),
        ]
        trees += [ClassTree.from_text(tree.to_text()) for tree in trees]
        assert all(tree == trees[0] for tree in trees)
        assert len({hash(tree) for tree in trees}) == 1
        assert len({tree.to_text() for tree in trees}) == len({str(tree) for tree in trees}) == 1
        assert trees[0].paths == tuple("/".join(node) for node in ReferenceTree(paths).nodes)

    def test_integers_of_numpy_are_indices(self, tree):
        indices = np.array([2, 0, 3, 1])
        paths = ["human/person", "human/rider", "vehicle/car/sedan", "sky"]
        assert ClassTree.from_paths(paths, indices=indices) == tree
        assert ClassTree.from_paths(paths, indices=list(indices.astype("uint8"))) == tree
        person, rider, sedan, sky = indices
        nested = {"human": {"person": person, "rider": rider}, "vehicle": {"car": {"sedan": sedan}}, "sky": sky}
        assert ClassTree.from_dict(nested) == tree

    @pytest.mark.parametrize("index", [1.7, 1.0, np.float64(1), True, np.True_, "1", np.nan, 1j])
    def test_nothing_but_integers_is_an_index(self, index):
        problems = problems_of(ClassTree.from_paths, ["road", "sky"], indices=[0, index])
        assert problems == [f"paths[1]: expected an integer as leaf index. Received: {index!r}"]
        [problem] = problems_of(ClassTree.from_dict, {"road": 0, "sky": index})
        assert problem.startswith("dict['sky']: expected a dict or list of children, a leaf index or None. Received: ")

    @given(leaf_paths(min_depth=2))
    def test_without_indices_leaves_count_in_file_order(self, paths):
        tree = ClassTree.from_text(as_text(paths, with_indices=False))
        in_file_order = [line for line in as_text(paths).splitlines() if "=" in line]
        assert [line.split("=")[0].strip() for line in in_file_order] == list(tree.names[: tree.num_leaves])
        assert ClassTree.from_text(tree.to_text()) == tree

    def test_line_order_does_not_matter_when_indices_are_given(self):
        shuffled = "sky = 1\nvehicle\n\tcar\n\t\tsedan = 3\nhuman\n\trider = 0\n\tperson = 2\n"
        assert ClassTree.from_text(shuffled) == ClassTree.from_text(TEXT)

    def test_list_is_a_family_without_indices(self):
        tree = ClassTree.from_dict({"human": ["person", "rider"], "sky": None, "thing": {}})
        assert tree.paths == ("human/person", "human/rider", "sky", "thing", "human")

    def test_different_trees_differ(self, tree):
        assert tree != ClassTree.from_text(TEXT.replace("= 2", "= 9").replace("= 0", "= 2").replace("= 9", "= 0"))
        # The same names under another parent.
        assert ClassTree(["a/x", "b/y", "b/z"]) != ClassTree(["a/x", "a/y", "b/z"])
        assert tree != TEXT

    def test_from_file(self, tree, tmp_path):
        path = tmp_path / "classes of a street.txt"
        path.write_text(TEXT, encoding="utf-8")
        assert ClassTree.from_file(path) == ClassTree.from_file(str(path)) == tree
        with pytest.raises(FileNotFoundError):
            ClassTree.from_file(tmp_path / "missing.txt")

    def test_names_of_any_script_survive(self):
        tree = ClassTree.from_dict({"Straße": {"道路": 0, "a = b": 1, "x=": 2}, "= sky": 3})
        assert ClassTree.from_text(tree.to_text()) == tree
        assert tree.names[:4] == ("道路", "a = b", "x=", "= sky")

    def test_from_tfds(self, tree):
        info = types.SimpleNamespace(metadata={"tree": tree.to_text()}, full_name="street/1.0.0")
        assert ClassTree.from_tfds(info) == tree
        assert ClassTree.from_tfds(types.SimpleNamespace(info=info)) == tree

    def test_from_tfds_without_a_tree(self):
        info = types.SimpleNamespace(metadata={"author": "x"}, full_name="street/1.0.0")
        with pytest.raises(TreeError, match=r"street/1.0.0: expected a `tree`.*Received: metadata with \['author'\]"):
            ClassTree.from_tfds(info)
        info.metadata = None
        with pytest.raises(TreeError, match=r"street/1.0.0: expected a `tree`"):
            ClassTree.from_tfds(info)

    def test_from_tfds_names_the_data_set_of_a_malformed_tree(self):
        info = types.SimpleNamespace(metadata={"tree": "a = 0\nb = 2"}, full_name="street/1.0.0")
        with pytest.raises(TreeError, match="metadata of street/1.0.0:2"):
            ClassTree.from_tfds(info)

    # === Malformed trees ===

    @pytest.mark.parametrize(
        "text, expected",
        [
            ("", ["t.txt: empty"]),
            (" \n\t\n\n", ["t.txt: empty"]),
            ("\ufeffa\nb", ["t.txt:1: the text begins with a byte order mark"]),
            ("a\n\tb\nc\n d", ["t.txt:4: tabs and spaces are mixed"]),
            ("a\n\tb\n\t c", ["t.txt:3: tabs and spaces are mixed"]),
            ("a\n\t\tb", ["t.txt:2: indent jumps from level 0 to level 2"]),
            ("\ta\nb", ["t.txt:1: indent jumps"]),
            ("a\n    b\n   c", ["t.txt:3: an indent of 3 is not a multiple of the first indent, 4"]),
            ("a = 0\nb = 0", ["t.txt:2: index 0 is used twice, by 'a' at t.txt:1 and by 'b': a class has one parent"]),
            ("a = 0\nb", ["t.txt:2: leaf 'b' has no index, but other leaves do"]),
            ("a = 0\nb = 2", ["t.txt:2: the index of 'b' must be between 0 and 1"]),
            ("a = -1\nb = 1", ["t.txt:1: the index of 'a' must be between 0 and 1"]),
            ("a = 0\n\tb = 0", ["t.txt:1: 'a' has children, and only a leaf has an index"]),
            ("a\n\tb\n\tb", ["t.txt:3: duplicate path: 'b' is under the same parent at t.txt:2"]),
            ("a/b\nc", ["t.txt:1: a class name must not contain '/'"]),
            ("= 0\nb = 1", ["t.txt:1: a class name must not be empty"]),
            ("a = 1 = 0", ["t.txt:1: a class name must not end in '= n'"]),
            ("a\nignore", ["t.txt:2: a top class must not be named 'ignore', which means"]),
            ("a\x00b\nc", ["t.txt:1: a class name must not contain '/', which joins paths, or a control"]),
        ],
    )
    def test_malformed_text(self, text, expected):
        problems = problems_of(ClassTree.from_text, text, source="t.txt")
        assert len(problems) == len(expected)
        for problem, beginning in zip(problems, expected):
            assert problem.startswith(beginning)

    def test_all_problems_at_once(self, tmp_path):
        path = tmp_path / "classes.txt"
        path.write_text("human\n\tperson = 0\n\tperson = 0\n\t\t\tface = 9\nvehicle = 3\n\tcar\n bus = 4\nsky/blue = 1")
        problems = problems_of(ClassTree.from_file, path)
        found = [
            (":7: ", "tabs and spaces are mixed"),
            (":4: ", "indent jumps"),
            (":8: ", "must not contain '/'"),
            (":3: ", "duplicate path"),
            (":3: ", "only a leaf has an index"),
            (":4: ", "must be between 0 and 4"),
            (":5: ", "'vehicle' has children"),
            (":6: ", "'car' has no index"),
        ]
        for place, reason in found:
            assert any(problem.startswith(f"{path}{place}") and reason in problem for problem in problems), reason
        assert len(problems) == len(found)

    def test_all_problems_are_in_the_message(self):
        with pytest.raises(TreeError) as caught:
            ClassTree.from_text("a = 5\nb/c = 1\na = 0")
        assert all(problem in str(caught.value) for problem in caught.value.problems)
        assert len(caught.value.problems) == 3

    def test_file_is_no_utf8(self, tmp_path):
        path = tmp_path / "latin.txt"
        path.write_bytes("Straße".encode("latin-1"))
        assert problems_of(ClassTree.from_file, path)[0].startswith(f"{path}: expected UTF-8 text. Received: ")

    def test_file_with_a_byte_order_mark(self, tmp_path):
        path = tmp_path / "windows.txt"
        path.write_bytes("a\nb".encode("utf-8-sig"))
        assert ClassTree.from_file(path).names == ("a", "b")

    def test_cyclic_dict(self):
        nested = {"a": {"b": {}}, "c": ["d"]}
        nested["a"]["b"]["a"] = nested["a"]
        problems = problems_of(ClassTree.from_dict, nested)
        assert problems == ["dict['a']['b']['a']: this dict is its own ancestor, and a tree has no cycles"]

    def test_one_dict_may_stand_in_two_branches(self):
        sides = ["arm", "leg"]
        tree = ClassTree.from_dict({"left": sides, "right": sides})
        assert tree.paths[:4] == ("left/arm", "left/leg", "right/arm", "right/leg")

    @pytest.mark.parametrize(
        "nested, expected",
        [
            ({}, ["dict: empty"]),
            ({1: 0}, ["dict[1]: a class name must be a string"]),
            ({"a": 0.5, "b": True}, ["dict['a']: expected a dict or list", "dict['b']: expected a dict or list"]),
            ({"a": {"b": 0}, "c": 0}, ["dict['c']: index 0 is used twice"]),
            ({"a/b": 0, " c": 1, "": 2}, ["dict['a/b']: ", "dict[' c']: ", "dict['']: "]),
            ({"a": ["b", "b"]}, ["dict['a']['b']: duplicate path"]),
        ],
    )
    def test_malformed_dict(self, nested, expected):
        problems = problems_of(ClassTree.from_dict, nested)
        assert len(problems) == len(expected)
        for problem, beginning in zip(problems, expected):
            assert problem.startswith(beginning)

    @pytest.mark.parametrize(
        "paths, expected",
        [
            ([], ["paths: empty"]),
            (["a", "b", "a"], ["paths[2]: duplicate path 'a', first given at paths[0]"]),
            (["a/b", "a"], ["paths[1]: 'a' is given both as a leaf and as a parent"]),
            (["a", "a/b"], ["paths[0]: 'a' is given both as a leaf and as a parent"]),
            (["a//b"], ["paths[0]: a class name must not be empty"]),
            ([("a/b", "c")], ["paths[0]: a class name must not contain '/'"]),
            (["a", (), 3], ["paths[1]: a path must be", "paths[2]: a path must be"]),
        ],
    )
    def test_malformed_paths(self, paths, expected):
        problems = problems_of(ClassTree, paths)
        for beginning in expected:
            assert any(problem.startswith(beginning) for problem in problems)

    def test_paths_and_indices_differ_in_number(self):
        with pytest.raises(TreeError, match="one index per path. Received: 2 paths, 1 indices"):
            ClassTree.from_paths(["a", "b"], indices=[0])

    @pytest.mark.parametrize("text", ["a\nb", "a", ""])
    def test_drop_root_expects_one_top_line_with_children(self, text):
        with pytest.raises(TreeError, match="`drop_root=True` expects exactly one top class, with children"):
            ClassTree.from_text(text, drop_root=True)

    @pytest.mark.parametrize("make", [ClassTree.from_text, ClassTree.from_dict])
    def test_source_of_a_wrong_type(self, make):
        with pytest.raises(TypeError, match="Received: bytes"):
            make(b"a")

    # === Large trees ===

    def test_ten_thousand_leaves(self):
        text = "".join(f"family{i}\n" + "".join(f"\tleaf{i * 100 + j}\n" for j in range(100)) for i in range(100))
        tree = ClassTree.from_text(text)
        assert (tree.num_leaves, tree.num_nodes, tree.num_levels) == (10_000, 10_100, 2)
        assert ClassTree.from_text(tree.to_text()) == tree
        assert str(tree).count("\n") == 10_100
        assert tree.index("leaf9999") == 9_999 and tree.parent(9_999) == 10_099

    def test_depth_of_a_thousand(self):
        path = [f"n{depth}" for depth in range(1000)]
        nested = None
        for name in reversed(path):
            nested = {name: nested}
        tree = ClassTree([path, ["other"]])
        assert ClassTree.from_dict({**nested, "other": None}) == ClassTree.from_text(tree.to_text()) == tree
        assert (tree.num_leaves, tree.num_nodes, tree.num_levels) == (2, 1001, 1000)
        assert str(tree).splitlines()[1000].endswith("└── n999 = 0")
        assert tree.index("/".join(path)) == 0
        assert tree.path(0).tolist() == [*range(1000, 1, -1), 0]

    def test_one_class(self):
        tree = ClassTree(["road"])
        assert (tree.num_leaves, tree.num_nodes, tree.num_levels) == (1, 1, 1)
        assert tree.children(0).tolist() == [] and tree.children().tolist() == [0]
        assert str(tree) == "1 leaves, 1 nodes, 1 levels\n└── road = 0"

    # === The trees that ship ===

    @pytest.mark.parametrize("name", ClassTree.available())
    def test_shipped_tree(self, name):
        tree = ClassTree.load(name)
        if name in PUBLISHED_COUNTS:
            assert (tree.num_leaves, tree.num_nodes, tree.num_levels) == PUBLISHED_COUNTS[name]
        assert ClassTree.from_text(tree.to_text()) == tree

    def test_published_trees_ship(self):
        assert set(PUBLISHED_COUNTS) <= set(ClassTree.available())

    def test_facts_of_shipped_trees(self):
        camvid = ClassTree.load("camvid")
        assert camvid.index("Road") == 3 and camvid.paths[camvid.parent("Road")] == "flat"
        cityscapes = ClassTree.load("cityscapes")
        assert cityscapes.paths[10] == "sky/sky" and cityscapes.index("sky") >= cityscapes.num_leaves
        assert cityscapes.names[0] == "road" and cityscapes.names[18] == "bicycle"
        assert len(cityscapes.children()) == 7
        lip = ClassTree.load("lip")
        assert lip.paths[10] == "full-body/upper-body/jumpsuits"
        assert len(ClassTree.load("mapillary_vistas_v2").children()) == 7
        helen = ClassTree.load("helen")
        assert helen.paths[7] == "foreground/face/mouth/upper_lip"

    def test_unknown_tree_suggests_another(self):
        with pytest.raises(TreeError, match="name='cityscape'.*Did you mean 'cityscapes'"):
            ClassTree.load("cityscape")

    def test_building_is_repeatable_whatever_the_order_of_hashes(self):
        lines = [f"n{i}" for i in range(50)]
        random.Random(0).shuffle(lines)
        tree = ClassTree.from_text("top\n" + "".join(f"\t{line}\n" for line in lines))
        assert list(tree.names[:50]) == lines


class TreeErrorTest:
    def test_is_a_value_error_that_holds_every_problem(self):
        problems = [f"t.txt:{i}: wrong" for i in range(60)]
        error = TreeError(problems)
        assert isinstance(error, ValueError)
        assert error.problems == problems
        assert "t.txt:49: wrong" in str(error) and "t.txt:50: wrong" not in str(error)
        assert str(error).endswith("... and 10 more")

    def test_one_problem(self):
        assert TreeError("t.txt:1: wrong").problems == ["t.txt:1: wrong"]


class AsClassTreeTest:
    def test_tree_or_its_text(self, tree):
        assert as_class_tree(tree) is tree
        assert as_class_tree(tree.to_text()) == tree
        with pytest.raises(TreeError, match="'cityscape', a single line. Did you mean 'cityscapes'"):
            as_class_tree("cityscape")

    @pytest.mark.parametrize("value", [None, 3, {"a": 0}])
    def test_other_values(self, value):
        with pytest.raises(TypeError, match="`tree` expects a `ClassTree`, or its text. Received: tree="):
            as_class_tree(value)
