import io
import pickle

import hypothesis
import hypothesis.strategies as st
import pytest

from hierseg_keras.models.weights.data_pickle import PickleError, read_data_pickle

ATOMS = st.none() | st.booleans() | st.integers() | st.text()
DATA = st.recursive(
    ATOMS, lambda x: st.lists(x) | st.tuples(x, x) | st.lists(x).map(tuple) | st.dictionaries(st.text(), x)
)


def read(content, **known):
    return read_data_pickle(io.BytesIO(content), known, stored=lambda identity: ("stored", identity))


class ReadDataPickleTest:
    @hypothesis.given(DATA)
    def test_data_is_what_python_reads(self, value):
        assert read(pickle.dumps(value, 2)) == value

    def test_pickles_are_read_one_after_another(self):
        file = io.BytesIO(pickle.dumps("a", 2) + pickle.dumps(["b"], 2) + b"rest")
        assert [read_data_pickle(file, {}, None) for _ in range(2)] == ["a", ["b"]]
        assert file.read() == b"rest"

    def test_a_list_may_contain_itself(self):
        value = []
        value.append(value)
        found = read(pickle.dumps(value, 2))
        assert found[0] is found and len(found) == 1

    def test_known_functions_are_called_and_attributes_left_out(self):
        content = b"\x80\x02cown\nmade\nK\x05\x85R}b."
        assert read_data_pickle(io.BytesIO(content), {"own made": lambda x: [x]}, None) == [5]

    def test_known_functions_keep_their_attributes(self):
        def made():
            """As it was."""

        # Python's own reader sets the attributes that the pickle names.
        state = pickle.dumps((None, {"__doc__": "Changed."}), 2)[2:-1]
        content = b"\x80\x02cown\nmade\n" + state + b"b."
        assert read_data_pickle(io.BytesIO(content), {"own made": made}, None) is made
        assert made.__doc__ == "As it was."

    def test_objects_outside_are_asked_for(self):
        assert read(b"\x80\x02K\x07Q.") == ("stored", 7)

    def test_other_names_are_refused_without_control_characters_or_length(self):
        with pytest.raises(PickleError, match="it names 'posix system', which no file of weights needs"):
            read(b"\x80\x02cposix\nsystem\n.")
        with pytest.raises(PickleError) as caught:
            read(b"\x80\x02c\x1b[2J" + b"a" * 10000 + b"\nb\n.")
        assert len(str(caught.value)) < 200 and "\x1b" not in str(caught.value)

    @pytest.mark.parametrize(
        "instructions, name",
        [
            (b"(iposix\nsystem\n", "INST"),
            (b"(K\x01o", "OBJ"),
            (b"K\x01)\x81", "NEWOBJ"),
            (b"\x8c\x05posix\x8c\x06system\x93", "SHORT_BINUNICODE"),
            (b"\x82\x01", "EXT1"),
        ],
    )
    def test_other_instructions_are_refused(self, instructions, name):
        with pytest.raises(PickleError, match=f"it has the instruction {name}, which"):
            read(b"\x80\x02" + instructions + b".")

    def test_data_cannot_be_called(self):
        for value in (b"K\x01", b"X\x04\x00\x00\x00eval", b"}", b")"):
            with pytest.raises(TypeError, match="not callable"):
                read(b"\x80\x02" + value + b")R.")

    def test_keys_are_strings(self):
        # The hash of a tuple that contains the one before twice takes 2 ** 60 steps.
        nested = b")" + b"q\x00h\x00\x86" * 60
        for instructions in (b"}" + nested + b"Ns", b"}(" + nested + b"Nu"):
            with pytest.raises(PickleError, match="a dict with keys that are not strings"):
                read(b"\x80\x02" + instructions + b".")

    def test_a_large_number_of_a_place_takes_no_memory(self):
        # Python's own reader makes a list with as many places, which takes 64 GB.
        assert read(b"\x80\x02K\x05r\xff\xff\xff\xffj\xff\xff\xff\xff.") == 5

    @pytest.mark.parametrize("content", [b"", b".", b"\x80\x02", b"\x80\x02t.", b"\x80\x02h\x07.", b"\x80\x02K\x01s."])
    def test_damaged_pickles_raise(self, content):
        with pytest.raises((ValueError, LookupError)):
            read(content)
