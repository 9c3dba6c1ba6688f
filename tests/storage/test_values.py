"""What becomes of values that a driver gives, whatever somebody has written into the table."""

from __future__ import annotations

import pytest

from runtime.storage.values import ANY, FLOAT, INT, reader_of


@pytest.mark.parametrize(
    "found", [1 << 63, -(1 << 63) - 1, 1e300, "9" * 30, b"9" * 30, float("inf"), float("nan"), "x"]
)
def test_what_64_bits_do_not_hold_is_no_number(found: object) -> None:
    assert reader_of(INT)(found) is None


@pytest.mark.parametrize("found", [(1 << 63) - 1, -(1 << 63), 0, "17", 2.9])
def test_other_numbers_are_told(found: int | str | float) -> None:
    assert reader_of(INT)(found) == int(found)


@pytest.mark.parametrize("type", [FLOAT, ANY])
@pytest.mark.parametrize("found", [float("inf"), float("-inf"), float("nan")])
def test_what_is_endless_is_no_number(type: str, found: float) -> None:
    assert reader_of(type)(found) is None


def test_large_numbers_of_an_untyped_column_are_none() -> None:
    assert reader_of(ANY)(1 << 64) is None and reader_of(ANY)(5) == 5
