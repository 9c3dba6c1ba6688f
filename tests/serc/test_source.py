"""Places in a file."""

from __future__ import annotations

from serc.reading.source import Position, Source, readable


def test_lines_and_columns_count_from_one() -> None:
    source = Source("ser.cfg", "ab\ncd\n")
    assert [source.position(i) for i in (0, 1, 3, 4)] == [
        Position(1, 1),
        Position(1, 2),
        Position(2, 1),
        Position(2, 2),
    ]


def test_the_place_behind_the_last_character_is_a_place() -> None:
    assert Source("ser.cfg", "ab\n").position(3) == Position(2, 1)
    assert Source("ser.cfg", "").position(0) == Position(1, 1)


def test_a_tab_is_one_column_and_utf8_is_decoded() -> None:
    text = "\t“x\n".encode().decode("latin-1")
    source = Source("ser.cfg", text)
    assert source.position(text.index("x")) == Position(1, 3)
    assert source.readable_line(1) == "\t“x"


def test_bytes_that_are_no_utf8_stay_latin1() -> None:
    assert readable("caf\xe9") == "café"


def test_a_carriage_return_is_not_part_of_the_line() -> None:
    assert Source("ser.cfg", "debug=3\r\nfork=no\r\n").line_text(1) == "debug=3"
