from hierseg_keras.messages.text_table import text_table


class TextTableTest:
    def test_columns_are_as_wide_as_their_longest_cell(self):
        rows = [("a name that is longer than sixteen", "1"), ("b", "-0.5000"), ("", "12")]
        assert text_table(rows, "lr") == [
            "a name that is longer than sixteen        1",
            "b                                   -0.5000",
            "                                         12",
        ]

    def test_characters_count_as_the_columns_that_a_terminal_shows_them_in(self):
        """A wide character takes two, and a combining one takes none."""
        assert text_table([("道路", "1"), ("a\u0308b", "1"), ("abcd", "1")], "lr") == [
            "道路  1",
            "a\u0308b    1",
            "abcd  1",
        ]

    def test_no_line_ends_in_spaces(self):
        assert text_table([("a", ""), ("b", "long")], "ll") == ["a", "b  long"]

    def test_no_rows_are_no_lines(self):
        assert text_table([], "lr") == []
