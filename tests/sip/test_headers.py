"""Names of headers, and the packed record of a header line. RFC 3261 7.3, reference core 6.1."""

from __future__ import annotations

import pytest

from runtime.sip import headers
from runtime.sip.message import parse

FULL = {
    "Via": headers.VIA,
    "From": headers.FROM,
    "To": headers.TO,
    "CSeq": headers.CSEQ,
    "Call-ID": headers.CALL_ID,
    "Contact": headers.CONTACT,
    "Max-Forwards": headers.MAX_FORWARDS,
    "Route": headers.ROUTE,
    "Record-Route": headers.RECORD_ROUTE,
    "Content-Type": headers.CONTENT_TYPE,
    "Content-Length": headers.CONTENT_LENGTH,
    "Authorization": headers.AUTHORIZATION,
    "Expires": headers.EXPIRES,
    "Proxy-Authorization": headers.PROXY_AUTHORIZATION,
    "Supported": headers.SUPPORTED,
    "Proxy-Require": headers.PROXY_REQUIRE,
    "Unsupported": headers.UNSUPPORTED,
    "Allow": headers.ALLOW,
    "Event": headers.EVENT,
    "User-Agent": headers.USER_AGENT,
}
COMPACT = {
    "v": headers.VIA,
    "f": headers.FROM,
    "t": headers.TO,
    "i": headers.CALL_ID,
    "m": headers.CONTACT,
    "l": headers.CONTENT_LENGTH,
    "k": headers.SUPPORTED,
    "c": headers.CONTENT_TYPE,
    "o": headers.EVENT,
}


def kind_of(name: str) -> int:
    data = b"xx" + name.encode("latin-1") + b"yy"
    return int(headers.kind_of(data, 2, len(data) - 2))


@pytest.mark.parametrize(("name", "kind"), [*FULL.items(), *COMPACT.items()])
def test_a_name_counts_in_any_case(name: str, kind: int) -> None:
    assert {kind_of(name), kind_of(name.lower()), kind_of(name.upper()), kind_of(name.swapcase())} == {kind}


@pytest.mark.parametrize("name", FULL)
def test_a_name_that_is_nearly_one_is_another(name: str) -> None:
    for other in (name + "s", name[:-1] + "~", "~" + name[1:], name.replace("-", "_") + "_"):
        assert kind_of(other) == headers.OTHER


@pytest.mark.parametrize("letter", sorted(set("abcdefghijklmnopqrstuvwxyz") - set(COMPACT)))
def test_other_letters_are_no_compact_form(letter: str) -> None:
    assert kind_of(letter) == kind_of(letter.upper()) == headers.OTHER


@pytest.mark.parametrize("name", ["6", "\x16", "\xf6", "-", "\x00"])
def test_what_is_no_letter_is_no_compact_form(name: str) -> None:
    assert kind_of(name) == headers.OTHER


def test_a_record_holds_the_offsets_of_the_largest_datagram() -> None:
    record = headers.pack(headers.BROKEN, 65_400, 65_410, 65_535)
    assert headers.kind(record) == headers.BROKEN
    assert (headers.line_start(record), headers.value_start(record), headers.line_end(record)) == (
        65_400,
        65_410,
        65_535,
    )
    assert headers.pack(headers.OTHER, 0, 0, 0) != 0


@pytest.mark.parametrize(("name", "kind"), [*FULL.items(), *COMPACT.items()])
@pytest.mark.parametrize("before_colon", ["", " ", "\t  "])
def test_a_header_is_found_folded_and_with_blanks_before_its_colon(name: str, kind: int, before_colon: str) -> None:
    head = "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n"
    line = f"{name}{before_colon}:\r\n SIP/2.0/UDP\r\n\t h;x\r\n"
    msg = parse(f"{head}{line}X: y\r\n\r\n".encode())
    record = msg.headers[1]
    assert headers.kind(record) == kind
    assert msg.name(record) == name.encode()
    assert msg.value(record) == b"SIP/2.0/UDP\r\n\t h;x"
    assert (headers.line_start(record), headers.line_end(record)) == (len(head), len(head) + len(line))
    assert msg.name(msg.headers[2]) == b"X"


def common(name: str, rest: str = " x: 1234567890 1234567890") -> int:
    """What `common_name` finds where `name` and its colon stand."""
    data = f"xx{name}:{rest}".encode("latin-1")
    return int(headers.common_name(data, 2, len(data)))


@pytest.mark.parametrize(("name", "kind"), FULL.items())
def test_a_name_read_by_words_is_the_one_read_by_letters(name: str, kind: int) -> None:
    for spelt in (name, name.lower(), name.upper(), name.swapcase()):
        found = common(spelt)
        assert found in (0, kind << headers.NAME_SIZE_BITS | len(name))
    assert (common(name) != 0) == (kind in COMMON)


COMMON = {
    headers.VIA,
    headers.FROM,
    headers.TO,
    headers.CSEQ,
    headers.CALL_ID,
    headers.CONTACT,
    headers.ROUTE,
    headers.RECORD_ROUTE,
    headers.MAX_FORWARDS,
    headers.CONTENT_TYPE,
    headers.CONTENT_LENGTH,
    headers.USER_AGENT,
    headers.EXPIRES,
    headers.AUTHORIZATION,
    headers.SUPPORTED,
}


@pytest.mark.parametrize("name", FULL)
def test_a_name_read_by_words_is_no_other(name: str) -> None:
    """Each byte is exchanged for every other one: only the case of a letter may differ."""
    for place in range(len(name)):
        for byte in range(256):
            other = name[:place] + chr(byte) + name[place + 1 :]
            if other.lower() != name.lower():
                assert common(other) == 0 or kind_of(other) != headers.OTHER, other
    for byte in range(256):
        if byte != 58:
            assert headers.common_name((name + chr(byte) + " " * 20).encode("latin-1"), 0, len(name) + 21) == 0


@pytest.mark.parametrize("name", FULL)
def test_near_the_end_of_a_message_names_are_read_by_letters(name: str) -> None:
    data = f"{name}: 1".encode().ljust(15)[:15]
    assert headers.common_name(data, 0, len(data)) == 0
