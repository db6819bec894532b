import hypothesis
import hypothesis.strategies as st
import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.data import ClassMap, propose_class_map  # noqa: E402
from hierseg_keras.tree import ClassTree, TreeError  # noqa: E402
from tests.random_trees import class_trees  # noqa: E402

# rider 0, person 1, traffic light 2, bus 3, sky 4; human 5, sky (above sky/sky) 6.
TREE = ClassTree.from_paths(["human/rider", "human/person", "traffic light", "bus", "sky/sky"])
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=8).map(str.strip)


class ClassMapTest:
    @hypothesis.given(st.dictionaries(st.integers(0, 65535), st.tuples(TEXTS, TEXTS), max_size=6))
    def test_file_round_trip(self, rows):
        import tempfile

        class_map = ClassMap([(id_, *texts) for id_, texts in rows.items()])
        with tempfile.NamedTemporaryFile(suffix=".csv") as file:
            class_map.to_file(file.name)
            assert ClassMap.from_file(file.name) == class_map

    def test_nodes_leaves_and_internal_ones_and_ignored(self):
        class_map = ClassMap([(0, "road user", "human"), (7, "", "sky/sky"), (255, "border", "ignore")])
        assert class_map.node_of_class_id(TREE, -1) == {0: 5, 7: 4, 255: -1}

    def test_unmapped_classes_are_listed_or_ignored(self):
        class_map = ClassMap([(0, "road", ""), (1, "sky", "sky"), (2, "car", "")])
        assert class_map.unmapped == ((0, "road", ""), (2, "car", ""))
        with pytest.raises(TreeError) as error:
            class_map.node_of_class_id(TREE, 255)
        assert "class id 0 ('road')" in str(error.value) and "class id 2 ('car')" in str(error.value)
        assert 'unmapped="ignore"' in str(error.value)
        assert class_map.node_of_class_id(TREE, 255, unmapped="ignore") == {0: 255, 1: 6, 2: 255}

    def test_every_unknown_node_is_named_with_the_file(self, tmp_path):
        (tmp_path / "a.csv").write_text("id,class,node\n0,a,humans\n1,b,bus\n2,c,buss\n")
        with pytest.raises(TreeError) as error:
            ClassMap.from_file(tmp_path / "a.csv").node_of_class_id(TREE, 255, unmapped="ignore")
        assert "a.csv: class id 0 ('a')" in str(error.value) and "Did you mean 'bus'" in str(error.value)

    def test_file_as_spreadsheets_write_it(self, tmp_path):
        text = '\ufeffid,class,node\r\n0,"light, traffic", traffic light\r\n\r\n'
        (tmp_path / "a.csv").write_bytes(text.encode("utf-8"))
        assert ClassMap.from_file(tmp_path / "a.csv").rows == ((0, "light, traffic", "traffic light"),)

    def test_bad_files_name_every_line(self, tmp_path):
        path = tmp_path / "a.csv"
        path.write_text("id,class,node\n-1,a,bus\n1,b\nx,c,bus\n3,d,bus\n")
        with pytest.raises(TreeError) as error:
            ClassMap.from_file(path)
        assert [f"a.csv:{line}:" in str(error.value) for line in (2, 3, 4, 5)] == [True, True, True, False]
        path.write_text("id;class;node\n")
        with pytest.raises(TreeError, match="a.csv:1: expected the header id,class,node"):
            ClassMap.from_file(path)
        path.write_bytes(b"id,class,node\n\xff")
        with pytest.raises(TreeError, match="UTF-8"):
            ClassMap.from_file(path)

    def test_ids_are_checked(self):
        with pytest.raises(TreeError, match="2 rows for 3"):
            ClassMap([(3, "", "a"), (3, "", "b")])
        with pytest.raises(TreeError, match="Received: 65536"):
            ClassMap([(65536, "", "a")])

    def test_dict_of_ids_or_names(self):
        class_map = ClassMap.from_dict({"sky": "sky", 3: "ignore"}, ["sky", "road"])
        assert class_map.rows == ((0, "sky", "sky"), (1, "road", ""), (3, "", "ignore"))
        with pytest.raises(TreeError, match="'skye'"):
            ClassMap.from_dict({"skye": "sky"}, ["sky"])
        with pytest.raises(TreeError, match="2 rows for 0"):
            ClassMap.from_dict({"sky": "sky", 0: "bus"}, ["sky"])


class ProposeClassMapTest:
    def proposed(self, *names, tree=TREE):
        return [node for _, _, node in propose_class_map(names, tree).rows]

    def test_case_spaces_and_plural(self):
        assert self.proposed("Rider", "PERSONS", "traffic_lights", "Buses", "human/rider") == [
            "human/rider",
            "human/person",
            "traffic light",
            "bus",
            "human/rider",
        ]

    def test_only_child_goes_before_its_parent(self):
        assert self.proposed("sky", "human") == ["sky/sky", "human"]

    def test_exact_name_goes_first(self):
        tree = ClassTree.from_paths(["glass", "Glass", "glasses"])
        names = ["glass", "Glass", "glasses", "GLASSES"]
        assert self.proposed(*names, tree=tree) == ["glass", "Glass", "glasses", "glasses"]

    def test_unknown_and_ambiguous_stay_unmapped(self):
        tree = ClassTree.from_paths(["left/eye", "right/eye", "nose"])
        proposal = propose_class_map({3: "eye", 5: "cow", 9: None}, tree)
        assert proposal.unmapped == ((3, "eye", ""), (5, "cow", ""))
        assert proposal.rows[2] == (9, "", "ignore")

    @hypothesis.given(class_trees())
    def test_a_trees_own_paths_find_their_pixels(self, trees):
        tree, _ = trees
        proposal = propose_class_map(tree.paths, tree)
        for node, (_, path, found) in enumerate(proposal.rows):
            # A bare name may be unclear, or mean an only child of that name.
            assert tree.index(found or path) == node or "/" not in path

    def test_builder_that_names_its_classes(self, data_dir):
        from hierseg_keras import data

        tree = ClassTree.load("street_blocks")
        builder = data.prepare("street_blocks", data_dir=data_dir)
        paths = list(builder.info.metadata["class_paths"])
        assert [node for _, _, node in propose_class_map(builder, tree).rows] == [path or "ignore" for path in paths]
