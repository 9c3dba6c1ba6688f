"""Methods as numbers. Reference core, 6.1."""

from __future__ import annotations

import pytest

from runtime.sip import methods


def number_of(name: str) -> int:
    data = b"x" + name.encode("latin-1") + b"y"
    return int(methods.number_of(data, 1, len(data) - 1))


@pytest.mark.parametrize(("name", "number"), methods.NUMBERS.items())
def test_a_method_has_its_number_in_any_case(name: str, number: int) -> None:
    assert {number_of(name), number_of(name.lower()), number_of(name.swapcase()), number_of(name.capitalize())} == {
        number
    }


def test_no_two_methods_share_a_number() -> None:
    assert sorted(methods.NUMBERS.values()) == list(range(1, 15))


@pytest.mark.parametrize("name", methods.NUMBERS)
def test_a_method_that_is_nearly_one_has_none(name: str) -> None:
    for other in (name[:-1], name + "S", name[:-1] + "!", "!" + name[1:], name[:-1] + " "):
        assert number_of(other) == methods.OTHER


@pytest.mark.parametrize("name", ["", "A", "RE%47IST%45R", "!interesting-Method0123456789_*+`.%indeed'~", "\xc9CK"])
def test_a_method_that_nobody_knows_has_none(name: str) -> None:
    assert number_of(name) == methods.OTHER
