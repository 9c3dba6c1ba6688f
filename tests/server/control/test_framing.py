"""Requests in the FIFO and in datagrams, in whatever pieces they come. Reference core, 7.2 and 7.4."""

from __future__ import annotations

import pytest

from runtime.server.control.framing import FifoReader, Request, parse_datagram

PATTERNS = {b"version": "", b"print": "l", b"ul_rm": "ll", b"t_uac_dlg": "lllsb"}
BLOCKS = b":t_uac_dlg:R\nMESSAGE\nsip:b@h\n.\nFrom: <sip:a@h>\nTo: <sip:b@h>\n\nhello\n:version:X\n\nthere\n.\n\n"


def read(data: bytes, piece: int = 0) -> tuple[list[Request], list[str]]:
    reader = FifoReader(PATTERNS.get)
    found: list[Request] = []
    complaints: list[str] = []
    for i in range(0, len(data), piece or len(data)):
        reader.feed(data[i : i + (piece or len(data))], 0, found, complaints)
    return found, complaints


def found(data: bytes) -> list[tuple[bytes, ...]]:
    """Name, reply pipe and words of each request; the same in pieces of every size."""
    whole = read(data)
    for piece in (1, 2, 7):
        assert read(data, piece) == whole
    return [(r.name, r.reply_name, *r.words) for r in whole[0]]


@pytest.mark.parametrize(
    "data, requests",
    [
        (b":version:R\n\n", [(b"version", b"R")]),
        (b":version:R\r\n\r\n", [(b"version", b"R")]),
        (b"\n\n\r\n:version:R\n\n", [(b"version", b"R")]),
        (b":Version:\n\n", [(b"Version", b"")]),
        (b":print:R\nhello world \n\n", [(b"print", b"R", b"hello world")]),
        (b":print:R\n\n", [(b"print", b"R")]),
        (b":ul_rm:R\nlocation\n\n", [(b"ul_rm", b"R", b"location")]),
        (b":nosuch:R\n\n", [(b"nosuch", b"R")]),
        (b": version:R\n\n", [(b" version", b"R")]),
        # As soon as a command has what it wants.
        (b":version:R\n", [(b"version", b"R")]),
        (b":print:R\nx\n", [(b"print", b"R", b"x")]),
        (b":print:R\nx", []),
    ],
)
def test_requests(data: bytes, requests: list[tuple[bytes, ...]]) -> None:
    assert found(data) == requests


def test_blocks_end_with_a_point_or_an_empty_line() -> None:
    headers = b"From: <sip:a@h>\r\nTo: <sip:b@h>\r\n"
    body = b"hello\r\n:version:X\r\n\r\nthere\r\n"
    assert found(BLOCKS) == [(b"t_uac_dlg", b"R", b"MESSAGE", b"sip:b@h", b".", headers, body)]


def test_what_is_too_much_belongs_to_nobody() -> None:
    assert found(b":version:R\nsurplus\nmore\n\n:print:S\none\ntwo\n\n") == [
        (b"version", b"R"),
        (b"print", b"S", b"one"),
    ]


def test_a_forgotten_empty_line_does_not_spoil_the_next_request() -> None:
    assert found(b":version:R\n:print:S\none\n:ul_rm:T\na\nb\n:version:U\n\n") == [
        (b"version", b"R"),
        (b"print", b"S", b"one"),
        (b"ul_rm", b"T", b"a", b"b"),
        (b"version", b"U"),
    ]


def test_a_second_command_for_the_same_pipe_is_surplus() -> None:
    assert found(b":version:R\n:print:R\n\n:version:R\n\n") == [(b"version", b"R"), (b"version", b"R")]
    assert found(b":ul_rm:\na\nb\n:version:\n\n") == [(b"ul_rm", b"", b"a", b"b"), (b"version", b"")]


@pytest.mark.parametrize(
    "garbage", [b"x", b"x" * 600, b"x" * 3_000_000, b":", b":print", b":print:", b":print:R", b"\0\xff::::", b"1\n2\n3"]
)
def test_a_request_is_found_behind_garbage_without_a_line_end(garbage: bytes) -> None:
    whole = read(garbage + b":version:S\n\n")
    assert [(r.name, r.reply_name) for r in whole[0]] == [(b"version", b"S")]
    assert len(whole[1]) == 1
    assert read(garbage + b":version:S\n\n", 4096) == whole


def test_a_reply_pipe_may_have_a_colon_in_its_name() -> None:
    assert read(b":version:a:b\n\n") == ([Request(b"version", b"a:b")], [])


def test_a_parameter_is_never_taken_for_a_command() -> None:
    assert found(b":print:R\n:version:S\n\n") == [(b"print", b"R", b":version:S")]


@pytest.mark.parametrize(
    "line",
    [
        b"one",
        b":v",
        b"::R",
        b":version",
        b":version:a/b",
        b":version:..",
        b":version:a\\b",
        b":ver\0sion:R",
        b":" + b"v" * 600 + b":R",
    ],
)
def test_a_bad_first_line_is_complained_of_once_and_costs_nobody_else_anything(line: bytes) -> None:
    for data in (line + b"\nmore\n\n:version:R\n\n", line + b"\n:version:R\n\n"):
        requests, complaints = read(data)
        assert [r.name for r in requests] == [b"version"]
        assert len(complaints) == 1


def test_lines_have_sers_limit() -> None:
    name = b"n" * 600
    assert found(b":" + name[:507] + b":R\n\n") == [(name[:507], b"R")]
    assert read(b":" + name[:508] + b":R\n\n") == ([], ["request line too long"])
    requests, _ = read(b":ul_rm:R\n" + name + b"\n\n:version:R\n\n")
    assert [(r.name, r.words, r.mistake) for r in requests] == [
        (b"ul_rm", [], "request line too long"),
        (b"version", [], ""),
    ]


def test_endless_lines_and_blocks_are_not_kept() -> None:
    reader = FifoReader(PATTERNS.get)
    requests: list[Request] = []
    complaints: list[str] = []
    for _ in range(50):
        reader.feed(b"x" * 65536, 0, requests, complaints)
    reader.feed(b"\n:version:R\n\n", 0, requests, complaints)
    assert [r.name for r in requests] == [b"version"]
    assert complaints == ["request line too long"]
    for block in (b"Header: value\n" * 100_000, b"x" * 1_000_000):
        reader.feed(b":t_uac_dlg:R\na\nb\nc\n" + block + b"\n\n", 0, requests, complaints)
        assert requests[-1].mistake == "request too long"


def test_a_request_that_is_broken_off_ends_after_a_second() -> None:
    reader = FifoReader(PATTERNS.get)
    requests: list[Request] = []
    assert reader.ends_ms() is None
    reader.feed(b":ul_rm:R\nlocation\nbo", 5000, requests, [])
    assert reader.ends_ms() == 6000
    reader.give_up(requests)
    assert [(r.name, r.words) for r in requests] == [(b"ul_rm", [b"location"])]
    assert reader.ends_ms() is None


@pytest.mark.parametrize(
    "begin", [b"x", b":print:R\n", b":version:R\n", b"garbage\n", b":t_uac_dlg:R\nM\nsip:b@h\n.\n"]
)
def test_bytes_that_keep_coming_do_not_put_the_end_off(begin: bytes) -> None:
    reader = FifoReader(PATTERNS.get)
    reader.feed(begin, 5000, [], [])
    reader.feed(b"x", 5900, [], [])
    assert reader.ends_ms() == 6000


def test_each_request_has_its_own_second() -> None:
    reader = FifoReader(PATTERNS.get)
    reader.feed(b":version:R\n", 5000, [], [])
    reader.feed(b"\n:version:R\n", 5900, [], [])
    assert reader.ends_ms() == 6900


@pytest.mark.parametrize(
    "data, words",
    [
        (b":version:", []),
        (b":version:\nsurplus\n\n", []),
        (b":print:\n x y \n\n", [b" x y"]),
        (b":print:\nno end", [b"no end"]),
        (b":print:", []),
        (b":ul_rm:\n\n\n", [b"", b""]),
        (
            b":t_uac_dlg:\nM\nsip:b@h\n.\nFrom: a\r\nTo: b\n.\nx\n\ny\n.\n",
            [b"M", b"sip:b@h", b".", b"From: a\r\nTo: b\r\n", b"x\n\ny\n"],
        ),
        (
            b":t_uac_dlg:\nM\nsip:b@h\n.\nFrom: a\n.\n x \r\n..\r\n\t\n.\r\nsurplus",
            [b"M", b"sip:b@h", b".", b"From: a\r\n", b" x \r\n..\r\n\t\n"],
        ),
        (b":t_uac_dlg:\nM\nsip:b@h\n.\nFrom: a\n", [b"M", b"sip:b@h", b"."]),
    ],
)
def test_datagrams(data: bytes, words: list[bytes]) -> None:
    request = parse_datagram(data, PATTERNS.get)
    assert request is not None
    assert request.words == words


@pytest.mark.parametrize("data", [b"", b"\n", b"version\n", b":version\n", b"::", b":a", b" :version:\n"])
def test_bad_datagrams(data: bytes) -> None:
    assert parse_datagram(data, PATTERNS.get) is None


@pytest.mark.parametrize(
    "data, name",
    [(b"::\n", b""), (b"::x", b""), (b":version\nx:y\n", b"version\nx"), (b":a:", b"a"), (b":a\0b:\n", b"a\0b")],
)
def test_a_name_is_what_stands_between_the_colons(data: bytes, name: bytes) -> None:
    request = parse_datagram(data, PATTERNS.get)
    assert request is not None and request.name == name


@pytest.mark.parametrize("end", [b"\n", b".\n\n"])
def test_without_headers_nothing_more_is_read(end: bytes) -> None:
    request = b":t_uac_dlg:R\nM\nsip:b@h\n.\n" + end
    assert found(request + b":version:S\n\n") == [
        (b"t_uac_dlg", b"R", b"M", b"sip:b@h", b".", b""),
        (b"version", b"S"),
    ]


# What is between the headers' point and the body's, and the body that is made of it.
BODIES = [
    (b"", b""),
    (b"\n", b"\n"),
    (b"\r\n", b"\r\n"),
    (b"a\r.\n", b"a\r.\n"),
    (b"a.\n", b"a.\n"),
    (b" .\n", b" .\n"),
    (b". \n", b". \n"),
    (b"..\n", b"..\n"),
    (b"\0\xff\x85\n", b"\0\xff\x85\n"),
    (b"\ra\r\r\n", b"\ra\r\r\n"),
    (b":version:\n\n:kill:\n\n", b":version:\n\n:kill:\n\n"),
    (b"x" * 60_000 + b"\n", b"x" * 60_000 + b"\n"),
]


@pytest.mark.parametrize("end", [b".\n", b".\r\n", b"."], ids=repr)
@pytest.mark.parametrize(("text", "body"), BODIES, ids=range(len(BODIES)))
def test_a_body_over_the_socket_is_taken_as_it_is(text: bytes, body: bytes, end: bytes) -> None:
    request = parse_datagram(b":t_uac_dlg:\nM\nsip:b@h\n.\nFrom: a\n.\n" + text + end, PATTERNS.get)
    assert request is not None
    assert request.words == [b"M", b"sip:b@h", b".", b"From: a\r\n", body]
