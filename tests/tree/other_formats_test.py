"""Comments are comments, JSON is read as JSON, and no other format makes classes of its punctuation."""

import json

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings

from hierseg_keras.tree import ClassTree, TreeError, as_class_tree
from tests.random_trees import leaf_paths
from tests.tree.class_tree_test import as_nested_dict, problems_of

NESTED = {"human": {"person": 1, "rider": 0}, "sky": 2}
# Letters, digits, punctuation and spaces, with what means something in a tree's text or in another format.
CHARACTERS = st.one_of(st.characters(), st.sampled_from(" \t\n#=-:,;\"'[]{}<>0123456789ab"))
TEXTS = st.text(CHARACTERS, max_size=30)


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


class CommentTest:
    def test_lines_that_begin_with_a_number_sign_are_skipped(self):
        text = "# my classes\n\nhuman\n\t# the finest\n\tperson\n  #rider\n\t\t\t# deep\n\trider\n#\nsky\n"
        assert ClassTree.from_text(text) == ClassTree.from_text("human\n\tperson\n\trider\nsky")

    def test_comments_do_not_set_the_indent(self):
        assert ClassTree.from_text("  # two spaces\nhuman\n\tperson\n\trider").num_leaves == 2

    def test_line_numbers_count_comments(self):
        assert problems_of(ClassTree.from_text, "# one\na\n# two\na", source="t.txt") == [
            "t.txt:4: duplicate path: 'a' is under the same parent at t.txt:2"
        ]

    def test_comments_alone_are_an_empty_text(self):
        assert problems_of(ClassTree.from_text, "# my classes\n \n", source="t.txt")[0].startswith("t.txt: empty")

    @pytest.mark.parametrize("line", ["road # drivable", "road #drivable", "road = 0 # drivable"])
    def test_a_comment_behind_a_name_is_an_error(self, line):
        [problem] = problems_of(ClassTree.from_text, line, source="t.txt")
        assert problem.startswith("t.txt:1: ") and problem.endswith("Put the comment on a line of its own")

    def test_a_number_sign_within_a_word_is_part_of_the_name(self):
        tree = ClassTree.from_dict({"C#": 0, "lane#2": 1})
        assert ClassTree.from_text(tree.to_text()).names == ("C#", "lane#2")

    @pytest.mark.parametrize("name", ["# my classes", "#", "a #b", "a # b"])
    def test_names_that_would_be_comments_are_refused_everywhere(self, name):
        for make, tree in (
            (ClassTree.from_dict, {name: 0}),
            (ClassTree.from_dict, {"a": [name]}),
            (ClassTree.from_paths, [(name, "leaf")]),
            (ClassTree, [name]),
            (ClassTree.from_clusters, [name, "b"]),
        ):
            assert "which would begin a comment" in problems_of(make, tree)[0]


class JsonFileTest:
    def test_an_object_is_read_as_a_dict(self, tmp_path):
        path = written(tmp_path, "tree.json", json.dumps(NESTED, indent=2))
        assert ClassTree.from_file(path) == ClassTree.from_file(str(path)) == ClassTree.from_dict(NESTED)
        path = written(tmp_path, "TREE.JSON", json.dumps({"classes": NESTED}))
        assert ClassTree.from_file(path, drop_root=True) == ClassTree.from_dict(NESTED)

    def test_a_list_is_read_as_paths(self, tmp_path):
        path = written(tmp_path, "tree.json", json.dumps(["human/rider", ["human", "person"], "sky"]))
        assert ClassTree.from_file(path) == ClassTree.from_dict(NESTED)

    @given(leaf_paths())
    def test_every_tree_survives(self, tmp_path_factory, paths):
        path = written(tmp_path_factory.mktemp("json"), "tree.json", json.dumps(as_nested_dict(paths)))
        assert ClassTree.from_file(path) == ClassTree(paths)

    @pytest.mark.parametrize(
        "content, expected",
        [
            ('{"road": 0,\n "sky": 1,}', ":2: expected valid JSON. Received: "),
            ("", ":1: expected valid JSON. Received: "),
            ("road\nsky", ":1: expected valid JSON. Received: "),
            ('{"road": 0, "sky": 1, "road": 2}', ": the key 'road' occurs more than once in one JSON object"),
            ('{"human": {"rider": 0, "rider": 1}}', ": the key 'rider' occurs more than once in one JSON object"),
            ('{"road": 0, "sky": 1.0}', "['sky']: expected a dict or list of children, a leaf index or None"),
            ('{"road": 0, "sky": NaN}', "['sky']: expected a dict or list of children, a leaf index or None"),
            ('{"road": 0, "sky": true}', "['sky']: expected a dict or list of children, a leaf index or None"),
            ('{"classes": [{"id": 0}]}', "['classes'][{'id': 0}]: a class name must be a string"),
            ('"road"', ": expected a JSON object of classes or a list of paths. Received: 'road'"),
            ("null", ": expected a JSON object of classes or a list of paths. Received: None"),
            ("{}", ": empty"),
            ("[]", ": empty"),
            ('{"a\\ud800": 0}', "['a\\ud800']: a class name must not contain '/'"),
            ('["road", 3]', "[1]: a path must be a string or a sequence of names. Received: 3"),
            ("[" * 100_000, ": expected JSON that can be read. Received: "),
            ('{"road": ' + "1" * 5000 + "}", ": expected JSON that can be read. Received: "),
            ("\ufeff{}", ": empty"),
        ],
    )
    def test_malformed_json(self, tmp_path, content, expected):
        path = written(tmp_path, "tree.json", content)
        [problem] = problems_of(ClassTree.from_file, path)
        assert problem.startswith(f"{path}{expected}")


class FileTest:
    @pytest.mark.parametrize(
        "name, form",
        [("t.yaml", "YAML"), ("t.YML", "YAML"), ("t.csv", "CSV"), ("t.toml", "TOML"), ("t.npy", "NumPy")],
    )
    def test_other_formats_are_refused_by_name(self, tmp_path, name, form):
        path = written(tmp_path, name, "road\nsky")
        [problem] = problems_of(ClassTree.from_file, path)
        assert problem.startswith(f"{path}: {form} is not supported. ")

    def test_yaml_says_what_to_do(self, tmp_path):
        [problem] = problems_of(ClassTree.from_file, written(tmp_path, "t.yaml", "- cat\n- dog"))
        assert problem.endswith("Pass what `yaml.safe_load` returns to `ClassTree.from_dict`")

    @pytest.mark.parametrize("name", ["t.txt", "classes", "voc.names", "classes.v2"])
    def test_other_names_are_text(self, tmp_path, name):
        assert ClassTree.from_file(written(tmp_path, name, "road\r\nsky\r\n")).names == ("road", "sky")

    def test_folder(self, tmp_path):
        with pytest.raises(IsADirectoryError, match=f"expects a file. Received: the folder {tmp_path}"):
            ClassTree.from_file(tmp_path)

    @pytest.mark.parametrize(
        "content, expected",
        [
            ("road\nsky".encode("utf-16"), ": expected UTF-8 text. Received: UTF-16. Save the file as UTF-8"),
            ("road\nsky".encode("utf-16-le"), ": expected UTF-8 text. Received: zero bytes"),
            (b"\x89PNG\r\n\x1a\n", ": expected UTF-8 text. Received: invalid start byte at byte 0"),
        ],
    )
    def test_what_is_no_utf8_text(self, tmp_path, content, expected):
        path = written(tmp_path, "t.txt", content)
        assert problems_of(ClassTree.from_file, path)[0].startswith(f"{path}{expected}")


class OtherTextTest:
    @pytest.mark.parametrize(
        "text, form",
        [
            (json.dumps(NESTED), "JSON"),
            (json.dumps(NESTED, indent=4), "JSON"),
            (json.dumps(["road", "sky"]), "JSON"),
            ('{"road": 0, "sky": 1,}', "JSON"),
            ("['road', 'sky']", "JSON"),
            ('"road",\n"sky"', "JSON or CSV"),
            ("road,\nsky,", "CSV"),
            ("- road\n- sky", "YAML"),
            ("human:\n  - person\n  - rider\nsky:", "YAML"),
            ("human:\n\tperson\n\trider", "YAML"),
            ("human:\n  person: 0\n  rider: 1", "YAML"),
            ("human\n  person: 0\n  rider: 1", "YAML"),
            ("human: [person, rider]\nsky: null", "YAML"),
            ("road: flat\nsky: nature", "YAML"),
            ("---\nroad", "YAML"),
            ("* road\n* sky", "YAML or Markdown"),
            ("[human]\nperson = 0\nrider = 1", "TOML or INI"),
            ('classes = ["road", "sky"]', "TOML"),
            ("0,road\n1,sky", "CSV"),
            ("name;id\nroad;0", "CSV"),
            ("0\troad\n1\tsky", "TSV"),
            ("road,sky,car", "CSV"),
            ("0 road\n1 sky", "a numbered list"),
            ("0: road\n1: sky", "YAML"),
            ("<classes>\n  <class>road</class>\n</classes>", "XML"),
            ("tree.txt", "a file's name"),
            ("my tree.json", "a file's name"),
        ],
    )
    def test_is_refused_in_one_sentence_that_names_the_format(self, text, form):
        [problem] = problems_of(ClassTree.from_text, text, source="t.txt")
        assert problem.startswith("t.txt") and f"the text looks like {form}" in problem
        assert problem.endswith("or nested JSON in a .json file") and "\n" not in problem

    @pytest.mark.parametrize(
        "name", ["- cat", '"dog"', '"dog",', "dog,", "dog;", "human:", "person: 0", "'dog'", "[a]", 'a = "b"', "---"]
    )
    def test_such_names_are_refused_everywhere(self, name):
        for make, tree in ((ClassTree.from_dict, {name: 0}), (ClassTree, [("a", name)]), (ClassTree, [(name, "a")])):
            [problem] = problems_of(make, tree)
            assert "a class name must not " in problem and problem.endswith(f"Received: {name!r}")

    @pytest.mark.parametrize(
        "names",
        [
            ("building, edifice", "car;auto", "a - b", "Lane Marking - Dashed", "sign: stop"),
            ("2 wheeler", "4 wheeler", "lane 1", "lane 2"),
            ("{a}", "<b>", "(c)", "-d", "*e", "+ f", "'g", 'h"', "x = y", "50%", "$5", "\\alpha", "_hidden"),
        ],
    )
    def test_names_that_only_look_odd_are_taken(self, names):
        assert ClassTree.from_text("\n".join(names)).names == names
        assert ClassTree.from_text(ClassTree(names).to_text()).names == names

    def test_the_name_of_a_tree_that_ships_is_no_tree(self):
        with pytest.raises(TreeError, match=r"Pass ClassTree.load\('cityscapes'\)"):
            as_class_tree("cityscapes")


class EveryTextTest:
    @given(TEXTS)
    @example("# a\nb # c")
    @settings(max_examples=150)
    def test_is_a_tree_that_survives_or_an_error(self, text):
        try:
            tree = ClassTree.from_text(text)
        except TreeError:
            return
        assert ClassTree.from_text(tree.to_text()) == tree
        tree.to_text().encode("utf-8")

    @given(st.lists(st.lists(TEXTS, min_size=1, max_size=3), min_size=1, max_size=4))
    @settings(max_examples=150)
    def test_names_survive_or_are_refused(self, paths):
        try:
            tree = ClassTree(paths)
        except TreeError:
            return
        assert ClassTree.from_text(tree.to_text()) == tree and tree.names[: len(paths)] == tuple(p[-1] for p in paths)

    @given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=300))
    @settings(max_examples=40)
    def test_every_printable_name_survives_or_is_refused(self, name):
        try:
            tree = ClassTree.from_dict({"top": {name: 0, "other": 1}})
        except TreeError:
            return
        assert ClassTree.from_text(tree.to_text()).names[0] == name

    @given(st.binary(max_size=40))
    @settings(max_examples=100)
    def test_every_file_is_a_tree_or_an_error(self, tmp_path_factory, content):
        folder = tmp_path_factory.mktemp("files")
        for name in ("t.txt", "t.json"):
            try:
                tree = ClassTree.from_file(written(folder, name, content))
            except TreeError:
                continue
            assert ClassTree.from_text(tree.to_text()) == tree
