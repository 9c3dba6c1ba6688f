"""The AVPs of a message. Reference modules-main, chapter 15."""

from __future__ import annotations

from runtime.routing.avps import Avps


def test_the_newest_value_of_a_name_comes_first() -> None:
    avps = Avps()
    avps.add(b"colour", b"red")
    avps.add(b"shape", 4)
    avps.add(b"colour", 7)
    assert avps.first(b"colour") == 7
    assert avps.all(b"colour") == [7, b"red"]
    assert [(pair.name(), pair.value) for pair in avps.pairs()] == [(b"colour", 7), (b"shape", 4), (b"colour", b"red")]


def test_numbers_and_strings_are_different_names() -> None:
    avps = Avps()
    avps.add(42, b"number")
    avps.add(b"42", b"string")
    assert avps.first(42) == b"number"
    assert avps.first(b"42") == b"string"
    assert avps.first(b"*") is None and avps.first(43) is None


def test_names_tell_upper_from_lower_case() -> None:
    avps = Avps()
    avps.add(b"Name", 1)
    assert avps.first(b"name") is None


def test_deleting_a_name_takes_all_its_values_and_no_other() -> None:
    avps = Avps()
    for value in range(3):
        avps.add(1, value)
        avps.add(b"other", value)
    assert avps.delete(1) == 3
    assert avps.delete(1) == 0
    assert avps.all(b"other") == [2, 1, 0]


def test_one_pair_of_several_equal_ones_is_removed() -> None:
    avps = Avps()
    avps.add(b"a", b"x")
    avps.add(b"a", b"x")
    newest = avps.find(b"a")
    assert newest is not None
    avps.remove(newest)
    assert avps.all(b"a") == [b"x"] and len(avps) == 1
    assert avps.find(b"a") is not newest
