"""Values of From, To, Contact, Route. RFC 3261 20.10, 20.20, 20.34 and 25.1."""

from __future__ import annotations

import pytest

from runtime.sip.nameaddr import NameAddr, Param, find_param, parse_name_addr, tag_of
from runtime.sip.scan import BadMessage


def parsed(text: str, lists: bool = False) -> tuple[bytes, NameAddr]:
    """The value in the midst of other text, so that a loop that leaves its range is seen."""
    data = b"To:" + text.encode("latin-1") + b';tag=out>"<sip:x@y>,'
    return data, parse_name_addr(data, 3, 3 + len(text), lists)


def values(text: str) -> list[str]:
    """Every value of a list, from its start to its end."""
    data = text.encode("latin-1")
    found = []
    pos = 0
    while pos >= 0:
        value = parse_name_addr(data, pos, len(data), True)
        found.append(data[value.start : value.end].decode("latin-1"))
        pos = value.next
    return found


@pytest.mark.parametrize(
    ("text", "uri", "params"),
    [
        ("<sip:b@h>", "sip:b@h", ""),
        ("sip:b@h", "sip:b@h", ""),
        ("  sip:b@h \r\n", "sip:b@h", ""),
        ("sip:b@h;tag=1;x", "sip:b@h", ";tag=1;x"),
        ("<sip:b@h;lr>;tag=1", "sip:b@h;lr", ";tag=1"),
        ("<sip:b@h>\r\n ;\r\n tag = 1 \r\n", "sip:b@h", ";\r\n tag = 1"),
        ('"Bob" <sip:b@h>', "sip:b@h", ""),
        ("Bob<sip:b@h>;tag=1", "sip:b@h", ";tag=1"),
        ('"B, ;<o>\\"b" <sip:b@h>;tag=1', "sip:b@h", ";tag=1"),
        ('"a" b "c;" <sip:b@h>', "sip:b@h", ""),
        ("Bob Smith, Jr <sip:b@h>", "sip:b@h", ""),
        ("sip:b,c@h;tag=1", "sip:b,c@h", ";tag=1"),
        ("<tel:+1>;tag=1", "tel:+1", ";tag=1"),
        ("< sip:b@h >;tag=1", " sip:b@h ", ";tag=1"),
        ('<sip:b@h>;x="a;tag=no\\"";tag=1', "sip:b@h", ';x="a;tag=no\\"";tag=1'),
        ("<sip:b@h> junk;tag=1", "sip:b@h", ";tag=1"),
    ],
)
def test_a_value_is_a_uri_with_parameters(text: str, uri: str, params: str) -> None:
    data, value = parsed(text)
    assert data[value.uri_start : value.uri_end].decode() == uri
    assert data[value.params_start : value.end].decode() == params
    assert value.bracketed is ("<" in text) and value.next == -1
    assert value.start == 3 + len(text) - len(text.lstrip())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<sip:a>", ["<sip:a>"]),
        ("<sip:a>,<sip:b>", ["<sip:a>", "<sip:b>"]),
        ("<sip:a;lr> ,\r\n <sip:b>;x , sip:c;y=z\r\n", ["<sip:a;lr>", "<sip:b>;x", "sip:c;y=z"]),
        ('"a, b" <sip:a,b>;q="1,0", sip:c', ['"a, b" <sip:a,b>;q="1,0"', "sip:c"]),
        ("sip:a,sip:b", ["sip:a", "sip:b"]),
        ("<sip:a>,", ["<sip:a>"]),
        ("<sip:a>, \r\n", ["<sip:a>"]),
        ("*", ["*"]),
    ],
)
def test_commas_part_the_values_of_a_list(text: str, found: list[str]) -> None:
    assert values(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \r\n",
        "<>",
        '"Bob"<>',
        ";tag=1",
        "<sip:b@h",
        '"Bob <sip:b@h>',
        '"Bob\\" <sip:b@h>',
        '<sip:b@h>;x="a',
        'sip:b@h;tag="1',
        ", <sip:b@h>",
    ],
)
def test_what_has_no_uri_or_no_end_is_refused(text: str) -> None:
    data = text.encode()
    with pytest.raises(BadMessage) as caught:
        parse_name_addr(data, 0, len(data), True)
    assert 0 <= caught.value.offset <= len(data)


def found_param(text: str, name: bytes = b"tag") -> Param | None:
    data = b"xx" + text.encode() + b";tag=outside"
    return find_param(data, 2, 2 + len(text), name)


@pytest.mark.parametrize(
    ("text", "value", "whole"),
    [
        (";tag=1", "1", ";tag=1"),
        (";TAG=aB", "aB", ";TAG=aB"),
        (";x;tag=1;y", "1", ";tag=1"),
        ("; tag = 1 ; y", "1", "; tag = 1"),
        (";\r\n tag\r\n =\r\n 1\r\n ;y", "1", ";\r\n tag\r\n =\r\n 1"),
        (';tag="a;b\\"c" ;y', 'a;b\\"c', ';tag="a;b\\"c"'),
        (';tag=""', "", ';tag=""'),
        (";tag=;y", "", ";tag="),
        (";tag", None, ";tag"),
        (";tag ;y", None, ";tag"),
        (';x=";tag=no";tag=yes', "yes", ";tag=yes"),
        (";tag=1;tag=2", "1", ";tag=1"),
        (";tagx=1;xtag=2;tag=3", "3", ";tag=3"),
        (";;tag=1", "1", ";tag=1"),
    ],
)
def test_a_parameter_is_found_with_its_ends(text: str, value: str | None, whole: str) -> None:
    param = found_param(text)
    assert param is not None
    data = b"xx" + text.encode()
    assert (data[param.start : param.end].decode() if param.start >= 0 else None) == value
    assert data[param.at : param.after].decode() == whole


@pytest.mark.parametrize("text", ["", ";", ";x", ";x=tag", ";x=tag=1", ';x="', ';x=";tag=1', ";ta g=1", ";tag2"])
def test_a_parameter_that_is_not_there_is_not_found(text: str) -> None:
    assert found_param(text) is None


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("<sip:b@h>;tag=1", b"1"),
        ("<sip:b@h;tag=no>", b""),
        ("<sip:b@h;tag=no>;tag=yes", b"yes"),
        ('"x;tag=no" <sip:b@h>', b""),
        ("sip:b@h;tag=1", b"1"),
        ("<sip:b@h>;tag", b""),
        ("<sip:b@h>;tag=", b""),
        ("<sip:b@h>", b""),
    ],
)
def test_the_tag_is_a_parameter_of_the_header(text: str, tag: bytes) -> None:
    data, value = parsed(text)
    assert tag_of(data, value) == tag
