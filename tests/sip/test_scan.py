"""Index loops over bytes."""

from __future__ import annotations

import random

import pytest
from librt.strings import BytesWriter

from runtime.sip.scan import (
    BadMessage,
    decimal,
    equals_lower,
    find,
    hash_range,
    hash_start,
    skip_quoted,
    skip_white,
    trim_end,
    write_decimal,
    write_hex,
)


@pytest.mark.parametrize(
    ("text", "lower", "equal"),
    [
        (b"Via", b"via", True),
        (b"VIA", b"via", True),
        (b"via", b"via", True),
        (b"vib", b"via", False),
        (b"vi", b"via", False),
        (b"vias", b"via", False),
        (b"", b"", True),
        # Only letters have two cases: [ is { and @ is ` but for one bit.
        (b"a[b", b"a{b", False),
        (b"@", b"`", False),
        (b"\xc4", b"\xe4", False),
    ],
)
def test_only_ascii_letters_are_compared_without_case(text: bytes, lower: bytes, equal: bool) -> None:
    assert equals_lower(text, 0, len(text), lower) is equal
    assert equals_lower(b"xx" + text + b"y", 2, 2 + len(text), lower) is equal


def test_white_space_is_blank_tab_and_line_ends() -> None:
    assert skip_white(b" \t\r\n x", 0, 6) == 5
    assert skip_white(b"x", 0, 1) == 0
    assert skip_white(b"   ", 0, 3) == 3
    assert skip_white(b"  x", 0, 2) == 2
    assert skip_white(b"\x0b", 0, 1) == 0
    assert trim_end(b"x \t\r\n", 0, 5) == 1
    assert trim_end(b"   ", 0, 3) == 0
    assert trim_end(b"  x", 1, 2) == 1
    assert trim_end(b"x\x00", 0, 2) == 2


def test_find_stays_in_its_range() -> None:
    assert find(b"a,b,c", 44, 0, 5) == 1
    assert find(b"a,b,c", 44, 2, 5) == 3
    assert find(b"a,b,c", 44, 2, 3) == -1
    assert find(b"", 44, 0, 0) == -1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"0", 0),
        (b"00070", 70),
        (b"65536", 65536),
        (b"999999999999999999", 999999999999999999),
        (b"1000000000000000000", -1),
        (b"0000000000000000001", -1),
        (b"", -1),
        (b"-1", -1),
        (b"+1", -1),
        (b"1 ", -1),
        (b"0x1", -1),
        (b"1.0", -1),
        (b"\xb2", -1),
    ],
)
def test_a_number_is_decimal_digits_and_fits(text: bytes, value: int) -> None:
    assert decimal(b"9" + text + b"9", 1, 1 + len(text)) == value


@pytest.mark.parametrize(
    ("text", "after"),
    [
        (b'"" x', 2),
        (b'"abc" x', 5),
        (b'"a\\"b" x', 6),
        (b'"a\\\\" x', 5),
        (b'"abc', -1),
        (b'"abc\\"', -1),
        (b'"abc\\', -1),
        (b'"', -1),
    ],
)
def test_a_quoted_string_ends_at_the_first_quote_that_is_not_escaped(text: bytes, after: int) -> None:
    assert skip_quoted(text, 0, len(text)) == after


@pytest.mark.parametrize("value", [0, 7, 10, 5060, 65535, 10**17])
def test_numbers_are_written_as_python_writes_them(value: int) -> None:
    out = BytesWriter()
    write_decimal(out, value)
    write_hex(out, value)
    assert out.getvalue() == b"%d%016x" % (value, value)


def test_the_hash_of_a_range_is_that_of_its_bytes() -> None:
    text = b"a84b4c76e66710@pc33.atlanta.com"
    whole = hash_range(hash_start(), text, 0, len(text))
    assert hash_range(hash_start(), b"xx" + text + b"y", 2, 2 + len(text)) == whole
    assert 0 <= whole < 1 << 63
    others = {hash_range(hash_start(), text, 0, end) for end in range(len(text))}
    assert len(others) == len(text) and whole not in others


def test_a_hash_goes_on_from_another() -> None:
    ab = hash_range(hash_range(hash_start(), b"a", 0, 1), b"b", 0, 1)
    ba = hash_range(hash_range(hash_start(), b"b", 0, 1), b"a", 0, 1)
    assert ab != ba
    assert hash_range(ab, b"c", 0, 1) != hash_range(ba, b"c", 0, 1)


def test_both_builds_hash_alike() -> None:
    # Workers of different builds never meet, but a branch in a trace should be found again by either.
    assert hash_range(hash_start(), b"z9hG4bKabc", 0, 10) == 454821774250009203
    assert hash_range(hash_start(), b"\xff" * 19, 0, 19) == 2157696300621431438


def test_bad_message_says_why_and_where() -> None:
    error = BadMessage("no host in Via", 17)
    assert str(error) == "no host in Via" and error.offset == 17


def test_find_finds_what_bytes_find_does() -> None:
    rng = random.Random(7)
    # Neighbours of the wanted bytes, and bytes with the highest bit, are what steps of several bytes could get wrong.
    letters = [0, 1, 9, 10, 11, 58, 59, 60, 127, 128, 138, 139, 254, 255]
    for _ in range(20_000):
        buf = bytes(rng.choices(letters, k=rng.randrange(40)))
        wanted = rng.choice(letters)
        start = rng.randrange(len(buf) + 1)
        end = rng.randrange(start, len(buf) + 1)
        assert find(buf, wanted, start, end) == buf.find(bytes([wanted]), start, end)
