"""maxfwd at work. Reference modules-main, chapter 4; RFC 3261 16.3 and 16.6."""

from __future__ import annotations

import pytest
from script import Site, request

from runtime.routing.context import L_ERR


def passed(value: str, limit: int = 10, max_limit: int | None = None, calls: int = 1) -> bytes | None:
    """The forwarded request, None when the function was false."""
    param = f'modparam("maxfwd", "max_limit", {max_limit})\n' if max_limit is not None else ""
    call = f'if (!mf_process_maxfwd_header("{limit}")) drop;' * calls
    sends = Site(f"{param}route {{ {call} forward(127.0.0.1, 5090); }}", "maxfwd").say(request(Max_Forwards=value))
    return sends[0].data if sends else None


@pytest.mark.parametrize(
    ("value", "after"),
    [
        ("70", "16"),
        ("17", "16"),
        ("16", "15"),
        ("11", "10"),
        ("10", " 9"),
        ("1", "0"),
        ("0000070", "     16"),
        ("0001", "   0"),
        ("65535", "   16"),
        ("070", " 16"),
    ],
)
def test_the_value_goes_down_by_one_or_to_the_limit_in_its_own_width(value: str, after: str) -> None:
    data = passed(value)
    assert data is not None and b"\r\nMax-Forwards: " + after.encode() + b"\r\n" in data


@pytest.mark.parametrize("value", ["0", "000", "\r\n 0 ", "-1", "-", " ", "\r\n "])
def test_at_zero_below_it_and_without_a_value_it_is_false(value: str) -> None:
    assert passed(value) is None


@pytest.mark.parametrize("value", ["x", "1x", "65536", "99999999999999999999", "1 2", "0x10"])
def test_the_limit_takes_the_place_of_what_is_no_number(value: str) -> None:
    """Left alone, such a message could circle for ever."""
    site = Site('route { if (mf_process_maxfwd_header("10")) forward(127.0.0.1, 5090); }', "maxfwd")
    assert b"\r\nMax-Forwards: 10\r\n" in site.answer(request(Max_Forwards=value))
    assert site.lines(L_ERR) == ["ERROR:maxfwd:is_maxfwd_present: unable to parse the max forwards number !"]


def test_a_missing_header_is_inserted_above_the_others() -> None:
    data = passed("", 10)
    assert data is not None and data.split(b"\r\n")[1] == b"Max-Forwards: 10"
    assert data.count(b"Max-Forwards") == 1


@pytest.mark.parametrize(("limit", "after"), [(0, b"299"), (255, b"255"), (5, b"  5")])
def test_max_limit_is_the_highest_value_that_is_forwarded(limit: int, after: bytes) -> None:
    data = passed("300", 3, limit)
    assert data is not None and b"\r\nMax-Forwards: " + after + b"\r\n" in data


def test_every_call_lowers_again() -> None:
    data = passed("9", calls=3)
    assert data is not None and b"\r\nMax-Forwards: 6\r\n" in data
    assert passed("2", calls=3) is None


def test_the_new_value_is_what_later_searches_see() -> None:
    site = Site(
        'route { mf_process_maxfwd_header("10"); if (search("Max-Forwards: 16")) log(1, "16"); }', "maxfwd textops"
    )
    site.say(request())
    assert site.lines(1) == ["16"]


def test_send_takes_the_lowered_value_along() -> None:
    # The received bytes themselves are changed, so even send(), which changes nothing, sends them.
    site = Site('route { mf_process_maxfwd_header("10"); send(127.0.0.1, 5099); }', "maxfwd")
    assert b"\r\nMax-Forwards: 16\r\n" in site.answer(request())
