import re
import warnings

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras.data import ClassMap  # noqa: E402
from hierseg_keras.data.refusal import sentence_of  # noqa: E402
from hierseg_keras.tree import ClassTree, TreeError  # noqa: E402

# rider 0, person 1, traffic light 2, bus 3, sky 4; human 5, sky (above sky/sky) 6.
TREE = ClassTree.from_paths(["human/rider", "human/person", "traffic light", "bus", "sky/sky"])
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=8).map(str.strip)


class ClassMapTest:
    @hypothesis.given(
        st.dictionaries(st.integers(0, 65535), st.tuples(TEXTS, TEXTS), max_size=6)
        | st.dictionaries(st.tuples(*[st.integers(0, 255)] * 3), st.tuples(TEXTS, TEXTS), max_size=6)
    )
    def test_file_round_trip(self, rows):
        import tempfile

        class_map = ClassMap([(id_, *texts) for id_, texts in rows.items()])
        with tempfile.NamedTemporaryFile(suffix=".csv") as file:
            class_map.to_file(file.name)
            assert ClassMap.from_file(file.name) == class_map

    def test_nodes_leaves_and_internal_ones_and_ignored(self):
        class_map = ClassMap([(0, "road user", "human"), (7, "", "sky/sky"), (255, "border", "ignore")])
        assert class_map.node_of_class_id(TREE, -1) == {0: 5, 7: 4, 255: -1}

    def test_name_of_a_top_class_and_of_a_class_below_it_raises_a_warning(self):
        with pytest.warns(UserWarning, match=r"nodes \['sky'\] are top classes.*write \['sky/sky'\]"):
            ClassMap([(0, "", "sky"), (1, "", "bus")], source="a.csv").node_of_class_id(TREE, 255)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            # Of a class table with coarse labels, the top class is meant.
            ClassMap([(0, "", "sky"), (1, "", "human")]).node_of_class_id(TREE, 255)
            ClassMap([(0, "", "sky/sky"), (1, "", "bus")]).node_of_class_id(TREE, 255)

    def test_none_is_no_name(self):
        assert str(ClassMap([(0, None, "bus"), (1, "car", None)])) == "id,class,node\n0,,bus\n1,car,"

    def test_unmapped_classes_are_listed_or_ignored(self):
        class_map = ClassMap([(0, "road", ""), (1, "sky", "sky/sky"), (2, "car", "")])
        assert class_map.unmapped == ((0, "road", ""), (2, "car", ""))
        with pytest.raises(TreeError) as error:
            class_map.node_of_class_id(TREE, 255)
        assert "class id 0 ('road')" in str(error.value) and "class id 2 ('car')" in str(error.value)
        assert "Map every class to a node or to 'ignore'." in str(error.value)
        assert class_map.node_of_class_id(TREE, 255, unmapped="ignore") == {0: 255, 1: 4, 2: 255}

    def test_every_unknown_node_is_named_with_the_file(self, tmp_path):
        (tmp_path / "a.csv").write_text("id,class,node\n0,a,humans\n1,b,bus\n2,c,buss\n")
        with pytest.raises(TreeError) as error:
            ClassMap.from_file(tmp_path / "a.csv").node_of_class_id(TREE, 255, unmapped="ignore")
        assert "a.csv: class id 0 ('a')" in str(error.value) and "Did you mean 'bus'" in str(error.value)

    def test_file_as_spreadsheets_write_it(self, tmp_path):
        text = 'id,class,node\r\n0,"light, traffic", traffic light\r\n\r\n'
        (tmp_path / "a.csv").write_bytes(text.encode("utf-8-sig"))
        assert ClassMap.from_file(tmp_path / "a.csv").rows == ((0, "light, traffic", "traffic light"),)

    def test_bad_files_name_every_line(self, tmp_path):
        path = tmp_path / "a.csv"
        path.write_text("id,class,node\n-1,a,bus\n1,b\nx,c,bus\n3,d,bus\n")
        with pytest.raises(TreeError) as error:
            ClassMap.from_file(path)
        assert [f"a.csv:{line}:" in str(error.value) for line in (2, 3, 4, 5)] == [True, True, True, False]
        path.write_text("id;class;node\n")
        with pytest.raises(TreeError, match="a.csv:1: expected the header id,class,node.* Save the table with commas"):
            ClassMap.from_file(path)
        path.write_bytes(b"id,class,node\n\xff")
        with pytest.raises(TreeError, match="UTF-8"):
            ClassMap.from_file(path)

    def test_colors_come_back_from_a_file(self, tmp_path):
        class_map = ClassMap([(0, "a", "sky/sky", "#FF8000"), (1, "b", "bus", None), (2, "c", "ignore", (1, 2, 3))])
        assert class_map.rows == ((0, "a", "sky/sky", "#ff8000"), (1, "b", "bus", ""), (2, "c", "ignore", "#010203"))
        class_map.to_file(tmp_path / "a.csv")
        assert (tmp_path / "a.csv").read_text().splitlines()[:3] == [
            "id,class,node,color",
            "0,a,sky/sky,#ff8000",
            "1,b,bus,",
        ]
        assert ClassMap.from_file(tmp_path / "a.csv") == class_map

    def test_column_of_no_color_is_left_out(self):
        assert str(ClassMap([(0, "a", "bus", "")])) == "id,class,node\n0,a,bus"

    def test_last_cell_may_be_missing_and_a_class_may_be_called_a_name(self, tmp_path):
        (tmp_path / "a.csv").write_text("id,name,node,color\n0,a,bus\n1,b,sky,#000001\n")
        assert ClassMap.from_file(tmp_path / "a.csv").rows == ((0, "a", "bus", ""), (1, "b", "sky", "#000001"))

    def test_classes_without_ids_are_numbered(self, tmp_path):
        (tmp_path / "a.csv").write_text("id,class,node\n,car,bus\n\n,sky,sky\n")
        assert ClassMap.from_file(tmp_path / "a.csv").rows == ((0, "car", "bus"), (1, "sky", "sky"))

    def test_every_line_with_a_bad_color_or_a_missing_id_is_named(self, tmp_path):
        (tmp_path / "a.csv").write_text("id,class,node,color\n0,a,bus,red\n,b,bus,\n2,c,bus,#010203\n3,d,sky,#1,x\n")
        with pytest.raises(TreeError) as error:
            ClassMap.from_file(tmp_path / "a.csv")
        lines = str(error.value).splitlines()
        assert [line.partition("a.csv:")[2][:2] for line in lines] == ["2:", "3:", "5:"]
        assert "a color such as #800000. Received: '0,a,bus,red'" in lines[0]
        with pytest.raises(TreeError, match="class id 0: expected a color .* Received: 'red'"):
            ClassMap([(0, "a", "bus", "red")])

    def test_dict_has_colors_by_id_name_or_color(self):
        class_map = ClassMap.from_dict({0: "bus", "b": "sky"}, ["a", "b"], colors={"b": (0, 0, 255), 0: "#00FF00"})
        assert class_map.rows == ((0, "a", "bus", "#00ff00"), (1, "b", "sky", "#0000ff"))
        class_map = ClassMap.from_dict({(1, 2, 3): "bus"}, colors={"#010203": "#040506"})
        assert class_map.rows == (("#010203", "", "bus", "#040506"),)
        with pytest.raises(TreeError, match=r"expected colors of classes in the table. Received: \['c'\]"):
            ClassMap.from_dict({0: "bus"}, colors={"c": "#000000"})

    def test_ids_are_checked(self):
        with pytest.raises(TreeError, match="2 rows for 3"):
            ClassMap([(3, "", "a"), (3, "", "b")])
        for id_ in (65536, -1, 1.0, 1.7, True, None, "1", "#80000", "#80000g", (0, 0, 256), (0, 0), (0.0, 0, 0)):
            with pytest.raises(TreeError, match=f"or a color such as '#800000'. Received: {re.escape(repr(id_))}"):
                ClassMap([(id_, "", "a")])

    def test_dict_of_ids_or_names(self):
        class_map = ClassMap.from_dict({"sky": "sky", 3: "ignore"}, ["sky", "road"])
        assert class_map.rows == ((0, "sky", "sky"), (1, "road", ""), (3, "", "ignore"))
        with pytest.raises(TreeError, match="'skye'"):
            ClassMap.from_dict({"skye": "sky"}, ["sky"])
        with pytest.raises(TreeError, match="2 rows for 0"):
            ClassMap.from_dict({"sky": "sky", 0: "bus"}, ["sky"])

    def test_colors(self, tmp_path):
        rows = [((128, 0, 0), "plane", "bus"), ("#E0E0C0", "border", "ignore"), (np.array([0, 0, 1]), "", "sky/sky")]
        class_map = ClassMap(rows)
        assert class_map.has_colors and [id_ for id_, _, _ in class_map.rows] == ["#800000", "#e0e0c0", "#000001"]
        assert class_map.node_of_class_id(TREE, 255) == {0x800000: 3, 0xE0E0C0: 255, 1: 4}
        class_map.to_file(tmp_path / "colors.csv")
        assert (tmp_path / "colors.csv").read_text().splitlines()[1] == "#800000,plane,bus"
        assert ClassMap.from_file(tmp_path / "colors.csv") == class_map
        nodes = {(128, 0, 0): "bus", "#e0e0c0": "ignore", (0, 0, 1): "sky/sky"}
        assert [row[::2] for row in ClassMap.from_dict(nodes, names=["no", "use"]).rows] == [
            row[::2] for row in class_map.rows
        ]

    def test_colors_beside_numbers_raise(self):
        with pytest.raises(TreeError, match="only numbers or only colors as ids. Received: both"):
            ClassMap([(0, "", "bus"), ("#800000", "", "sky")])
        with pytest.raises(TreeError, match="only numbers or only colors as ids. Received: both"):
            ClassMap.from_dict({"road": "bus", (128, 0, 0): "sky"}, names=["road"])
        with pytest.raises(TreeError, match="2 rows for #800000"):
            ClassMap.from_dict({(128, 0, 0): "bus", "#800000": "sky"})


class ApplyTest:
    # CamVid's own: void is the id after the last leaf.
    VOID_LAST = ClassMap.from_dict({0: "rider", 1: "human/person", 4: "sky/sky", 5: "ignore"})
    COLORS = ClassMap.from_dict({(0, 0, 0): "rider", (0, 0, 255): "human", (255, 255, 255): "ignore"})

    @pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int32", "uint32", "int64", "uint64"])
    def test_arrays_of_any_shape_and_dtype(self, dtype):
        for shape in ((), (6,), (2, 3), (1, 2, 3, 1)):
            class_ids = np.resize(np.array([5, 4, 1, 0, 0, 5], dtype), shape)
            nodes = self.VOID_LAST.apply(class_ids, TREE)
            assert isinstance(nodes, np.ndarray) and nodes.dtype == np.int32 and nodes.shape == shape
            np.testing.assert_array_equal(nodes, np.resize([255, 4, 1, 0, 0, 255], shape))
        np.testing.assert_array_equal(self.VOID_LAST.apply([5, 0], TREE.to_text(), ignore_class=-1), [-1, 0])

    def test_ids_of_sixteen_bits(self):
        class_map = ClassMap([(300, "", "bus"), (65535, "", "ignore")])
        ids = np.array([[300, 65535], [65535, 300]], np.uint16)
        np.testing.assert_array_equal(class_map.apply(ids, TREE), [[3, 255], [255, 3]])

    def test_tensors_inside_tf_data(self):
        class_ids = tf.constant([[5, 4], [1, 0]], tf.uint8)
        expected = [[255, 4], [1, 0]]
        eager = self.VOID_LAST.apply(class_ids, TREE)
        assert tf.is_tensor(eager)
        np.testing.assert_array_equal(eager, expected)
        dataset = tf.data.Dataset.from_tensors(class_ids).map(lambda ids: self.VOID_LAST.apply(ids, TREE))
        assert dataset.element_spec == tf.TensorSpec((2, 2), tf.int32)
        np.testing.assert_array_equal(next(iter(dataset)), expected)

    def test_unmapped_ids_are_refused_with_their_pixels(self):
        class_ids = np.array([[7, 0, 7], [2**40, -1, 3]])
        message = r"class table: expected class ids .*: 7 \(2 pixels\), 1099511627776 \(1 pixel\), -1 \(1 pixel\), 3"
        for ids in (class_ids, tf.constant(class_ids)):
            with pytest.raises(ValueError, match=message):
                self.VOID_LAST.apply(ids, TREE)
        nodes = self.VOID_LAST.apply(class_ids, TREE, unmapped="ignore")
        np.testing.assert_array_equal(nodes, [[255, 0, 255], [255, 255, 255]])
        dataset = tf.data.Dataset.from_tensors(class_ids).map(lambda ids: self.VOID_LAST.apply(ids, TREE))
        with pytest.raises(tf.errors.InvalidArgumentError) as error:
            next(iter(dataset))
        assert re.match(message, sentence_of(error.value))

    @pytest.mark.parametrize("dtype", ["uint8", "int64"])
    def test_colors(self, dtype):
        colors = np.array([[[0, 0, 0], [0, 0, 255]], [[255, 255, 255], [0, 0, 255]]], dtype)
        np.testing.assert_array_equal(self.COLORS.apply(colors, TREE, -1), [[0, 5], [-1, 5]])
        colors[1, :, 0] = 9
        with pytest.raises(ValueError, match=r"Received: #09ffff \(1 pixel\), #0900ff \(1 pixel\)"):
            self.COLORS.apply(colors, TREE)

    def test_values_that_are_no_color_are_refused(self):
        # Read without care, these would be (0, 0, 255).
        for color in ([0, 1, -1], [0, 0, 255 + 2**24], [1, -256, 255]):
            with pytest.raises(ValueError, match=r"Received: values outside 0 .. 255 \(1 pixel\)"):
                self.COLORS.apply([color], TREE)

    def test_invalid_arguments_raise(self):
        for class_ids in (np.zeros((2, 2)), [0.5], np.array([True]), tf.constant([0.0])):
            with pytest.raises(ValueError, match="`ClassMap.apply` expects integers as `class_ids`"):
                self.VOID_LAST.apply(class_ids, TREE)
        for shape in ((), (2, 2), (2, 2, 4)):
            with pytest.raises(ValueError, match="expects colors, \\(..., 3\\)"):
                self.COLORS.apply(np.zeros(shape, int), TREE)
        with pytest.raises(ValueError, match='expects "error" or "ignore" as `unmapped`'):
            self.VOID_LAST.apply([0], TREE, unmapped="drop")
        with pytest.raises(ValueError, match="outside"):
            self.VOID_LAST.apply([0], TREE, ignore_class=5)
        with pytest.raises(TreeError, match="class id 0"):
            ClassMap([(0, "cow", "")]).apply([0], TREE)
