"""Index loops over bytes."""

from __future__ import annotations

import random

import pytest
from librt.strings import BytesWriter

from runtime.sip.scan import (
    IN_BRACKETS,
    IN_PARAMETER,
    IN_QUOTES,
    BadMessage,
    any_of,
    decimal,
    decimal_text,
    equals_lower,
    find,
    find_any,
    find_blank,
    find_control,
    hash_range,
    hash_start,
    is_plain,
    none_of,
    same_bytes,
    skip_quoted,
    skip_token,
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


def test_find_control_finds_the_first_byte_below_sixteen() -> None:
    rng = random.Random(8)
    letters = [0, 9, 13, 15, 16, 17, 31, 32, 65, 127, 128, 143, 144, 255]
    for _ in range(20_000):
        buf = bytes(rng.choices(letters, weights=[1] * 4 + [5] * 10, k=rng.randrange(40)))
        start = rng.randrange(len(buf) + 1)
        end = rng.randrange(start, len(buf) + 1)
        below = [at for at in range(start, end) if buf[at] < 16]
        assert find_control(buf, start, end) == (below[0] if below else -1)


def test_find_any_finds_the_first_of_several_bytes() -> None:
    assert find_any(b"host:5060", any_of(b";:"), 0, 9) == 4
    assert find_any(b"host:5060", any_of(b";:"), 5, 9) == 9
    assert find_any(b"host:5060", none_of(b"host"), 0, 9) == 4
    assert find_any(b"", any_of(b"x"), 0, 0) == 0


def test_same_bytes_compares_parts_of_two_texts() -> None:
    rng = random.Random(9)
    for size in range(30):
        text = rng.randbytes(size)
        a, b = b"xx" + text + b"y", b"z" + text
        assert same_bytes(a, 2, 2 + size, b, 1, 1 + size)
        assert not same_bytes(a, 2, 3 + size, b, 1, 1 + size)
        for at in range(size):
            other = text[:at] + bytes([text[at] ^ 0x80]) + text[at + 1 :]
            assert not same_bytes(text, 0, size, other, 0, size)


@pytest.mark.parametrize("value", [0, 1, -1, 0x0123456789ABCDEF, -0x0123456789ABCDEF, 2**63 - 1, -(2**63)])
def test_write_hex_writes_sixteen_digits(value: int) -> None:
    out = BytesWriter()
    write_hex(out, value)
    assert out.getvalue() == b"%016x" % (value % 2**64)


@pytest.mark.parametrize("value", [0, 9, 10, 999, 1000, 65535, 2**62])
def test_decimal_text_is_what_python_writes(value: int) -> None:
    assert decimal_text(value) == b"%d" % value


def test_a_text_is_plain_where_nothing_in_it_ends_what_it_stands_in() -> None:
    for c in range(256):
        text = b"a%cb" % c
        blank = c <= 32 or c == 127
        assert is_plain(text, IN_BRACKETS) != (blank or c in b'<>"')
        assert is_plain(text, IN_PARAMETER) != (blank or c in b'<>";,?@')
        assert is_plain(text, IN_QUOTES) != (blank or c in b'"\\')


def test_find_blank_finds_the_first_blank_or_control_character() -> None:
    rng = random.Random(10)
    for _ in range(20_000):
        buf = bytes(
            rng.choices([0, 9, 31, 32, 33, 34, 127, 128, 161, 255], [1, 1, 1, 1, 9, 9, 9, 9, 9, 9], k=rng.randrange(40))
        )
        start = rng.randrange(len(buf) + 1)
        end = rng.randrange(start, len(buf) + 1)
        found = [at for at in range(start, end) if buf[at] <= 32]
        assert find_blank(buf, start, end) == (found[0] if found else end)


def test_skip_token_passes_no_separator() -> None:
    rng = random.Random(11)
    for _ in range(20_000):
        buf = bytes(
            rng.choices(
                [9, 32, 40, 44, 45, 46, 58, 59, 60, 122, 128, 187, 255], [1, 1, 1, 1, 9, 9, 9, 1, 9, 9, 9, 9, 9], k=40
            )
        )
        start = rng.randrange(len(buf))
        end = rng.randrange(start, len(buf) + 1)
        reached = skip_token(buf, start, end)
        assert start <= reached <= end
        assert all(c > 44 and c != 59 for c in buf[start:reached])
        assert end - reached < 8 or any(c <= 44 or c == 59 for c in buf[reached : reached + 7])
