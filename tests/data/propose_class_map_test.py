"""Class maps proposed by the classes' names."""

import hypothesis
import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.data import ClassMap, propose_class_map  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from tests.random_trees import class_trees  # noqa: E402

# rider 0, person 1, traffic light 2, bus 3, sky 4; human 5, sky (above sky/sky) 6.
TREE = ClassTree.from_paths(["human/rider", "human/person", "traffic light", "bus", "sky/sky"])
STREET = ClassTree.from_dict(
    {"vehicle": ["car", "truck", "bus"], "nature": ["tree", "grass"]}
    | dict.fromkeys(["building", "Stra\u00dfe", "caf\u00e9"])
)


class ProposeClassMapTest:
    def proposed(self, *names, tree=TREE):
        return [node for _, _, node in propose_class_map(names, tree).rows]

    def test_case_spaces_and_plural(self):
        names = ["Rider", "PERSONS", "traffic_lights", "TrafficLight", "trafficlights", "Buses", "human/rider"]
        assert self.proposed(*names) == [
            "human/rider",
            "human/person",
            *["traffic light"] * 3,
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

    def test_class_map_is_completed_and_keeps_its_nodes_and_colors(self):
        class_map = ClassMap([(3, "Bus", "", "#010203"), (4, "person", "human", ""), (5, "cow", "")], "mine.csv")
        proposal = propose_class_map(class_map, TREE)
        assert proposal.rows == ((3, "Bus", "bus", "#010203"), (4, "person", "human", ""), (5, "cow", "", ""))
        assert proposal.source == "mine.csv"

    def test_ids_may_be_colors(self):
        assert propose_class_map({"#000080": "bus", "#ffffff": None}, TREE).rows == (
            ("#000080", "bus", "bus"),
            ("#ffffff", "", "ignore"),
        )

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

    @pytest.mark.parametrize(
        "name, node",
        [
            # Alternatives: their lowest common ancestor.
            ("car/truck", "vehicle"),
            ("tree / grass", "nature"),
            ("car & truck", "vehicle"),
            ("Cars and Trucks", "vehicle"),
            ("car | bus", "vehicle"),
            ("car or truck or bus", "vehicle"),
            ("car+truck", "vehicle"),
            ("car/vehicle", "vehicle"),
            ("vehicle & car", "vehicle"),
            ("car, auto / truck; lorry", "vehicle"),
            ("car/tree", ""),
            ("car and building", ""),
            ("car/lorry", ""),
            ("lorry/truck", ""),
            ("flat/car", ""),
            ("car/", ""),
            ("/car", ""),
            ("car//truck", ""),
            # Parts on one path.
            ("vehicle/car", "vehicle/car"),
            ("Vehicles / Cars", "vehicle/car"),
            # Synonyms: those that are found agree.
            ("building, edifice", "building"),
            ("edifice, building", "building"),
            ("car;auto", "vehicle/car"),
            ("auto; CAR; cars;", "vehicle/car"),
            ("car, truck", ""),
            ("edifice, house", ""),
            # Brackets and numbers may narrow.
            ("car (parked)", ""),
            ("vehicle (car, truck)", ""),
            ("car [toy] / truck", ""),
            ("car 2", ""),
            ("2", ""),
            # Cases and accents of other languages, and full-width separators.
            ("STRASSE", "Stra\u00dfe"),
            ("CAFE\u0301", "caf\u00e9"),
            ("car\uff0ftruck", "vehicle"),
            ("building\uff0cedifice", "building"),
            # No name.
            ("", ""),
            ("  ", ""),
            ("/", ""),
            ("&", ""),
            (",", ""),
        ],
    )
    def test_names_of_several_parts(self, name, node):
        assert self.proposed(name, tree=STREET) == [node]

    def test_a_whole_name_goes_before_its_parts(self):
        tree = ClassTree.from_text("vehicle\n\tcar & truck\n\tcar\n\ttruck\n\tbus (long)\nhair, head")
        names = ["car & truck", "car and truck", "BUS (LONG)", "hair, head"]
        nodes = ["vehicle/car & truck", "vehicle", "vehicle/bus (long)", "hair, head"]
        assert self.proposed(*names, tree=tree) == nodes

    def test_a_blank_name_is_no_plural(self):
        assert self.proposed("", "es", tree=ClassTree.from_paths(["s", "es"])) == ["", "es"]

    def test_paths_of_a_builder_are_paths(self, data_dir):
        """Another tree may group the same classes otherwise."""
        from hierseg_keras import data

        builder = data.prepare("street_blocks", data_dir=data_dir)
        names = [path.rpartition("/")[2] for path in builder.info.metadata["class_paths"] if path]
        proposal = propose_class_map(builder, ClassTree.from_paths(names))
        assert [node for _, _, node in proposal.rows] == [*names, "ignore"]
