"""What a proxy does to a request on its way. RFC 3261 16.6 and 16.11, RFC 3581 4, reference core 6.2 and 6.4."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

import pytest

from runtime.sip import edits, transit
from runtime.sip.address import TCP, UDP, Address
from runtime.sip.message import Message, parse
from runtime.sip.scan import BadMessage

SOURCE = Address.parse("192.0.2.9", 15888)


def message(vias: str = "Via: SIP/2.0/UDP 10.0.0.5:5062;branch=z9hG4bKabc", **lines: str) -> Message:
    fields = {
        "method": "INVITE",
        "uri": "sip:bob@h",
        "from_": "<sip:a@h>;tag=1",
        "to": "<sip:b@h>",
        "call_id": "cid@h",
        "cseq": "1",
    }
    fields |= lines
    return parse(
        (
            f"{fields['method']} {fields['uri']} SIP/2.0\r\n{vias}\r\nFrom: {fields['from_']}\r\nTo: {fields['to']}\r\n"
            f"Call-ID: {fields['call_id']}\r\nCSeq: {fields['cseq']} {fields['method']}\r\n\r\n"
        ).encode()
    )


SECRET = b"secret"


# --- branches --------------------------------------------------------------------------------------------------------


def stateless(msg: Message, secret: bytes = SECRET) -> bytes:
    return transit.stateless_branch(msg, secret, SOURCE, UDP)


def test_a_stateless_branch_is_the_cookie_and_32_hex_digits() -> None:
    branch = stateless(message())
    assert branch.startswith(b"z9hG4bK") and len(branch) == 39
    int(branch[7:], 16)


@pytest.mark.parametrize(
    "lines",
    [
        {"method": "CANCEL"},
        {"method": "ACK"},
        {"to": "<sip:b@h>;tag=2"},
        {"from_": "<sip:a@h>;tag=2"},
        {"call_id": " cid@h\t"},
        {"cseq": "1  "},
        {"vias": "Via:  SIP/2.0/UDP\r\n 10.0.0.5:5062 ;rport;branch = z9hG4bKabc"},
    ],
)
def test_cancel_ack_and_retransmissions_get_the_branch_of_their_request(lines: dict[str, str]) -> None:
    assert stateless(message(**lines)) == stateless(message())


@pytest.mark.parametrize(
    "lines",
    [
        {"uri": "sip:bob@other"},
        {"call_id": "cid2@h"},
        {"cseq": "2"},
        {"cseq": "11"},
        {"vias": "Via: SIP/2.0/UDP 10.0.0.5:5062;branch=z9hG4bKabd"},
        {"vias": "Via: SIP/2.0/UDP 10.0.0.6:5062;branch=z9hG4bKabc"},
        {"vias": "Via: SIP/2.0/UDP 10.0.0.5:5063;branch=z9hG4bKabc"},
        {"vias": "Via: SIP/2.0/UDP 10.0.0.5:5062"},
    ],
)
def test_other_requests_get_another_branch(lines: dict[str, str]) -> None:
    assert stateless(message(**lines)) != stateless(message())


@pytest.mark.parametrize(("source", "proto"), [("192.0.2.10", UDP), ("192.0.2.9", TCP)])
def test_a_request_from_elsewhere_gets_another_branch(source: str, proto: int) -> None:
    assert transit.stateless_branch(message(), SECRET, Address.parse(source, 15888), proto) != stateless(message())
    assert transit.stateless_branch(message(), SECRET, Address.parse("192.0.2.9", 9), UDP) == stateless(message())


def test_a_branch_needs_neither_call_id_nor_cseq() -> None:
    bare = parse(b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n")
    empty = parse(b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nCall-ID:\r\nCSeq: \r\n\r\n")
    assert len(stateless(bare)) == len(stateless(empty)) == 39
    assert transit.ser_branch(bare, SECRET).endswith(b".0") and transit.ser_branch(empty, SECRET).endswith(b".0")


def test_all_processes_of_a_server_make_the_same_branch() -> None:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writer, stateless(message()))
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(reader, 100) == stateless(message())
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("branch", [stateless, transit.ser_branch])
def test_who_lacks_the_secret_cannot_make_a_branch(branch: Callable[[Message, bytes], bytes]) -> None:
    assert len({branch(message(), b"secret%d" % n) for n in range(100)}) == 100


def test_sers_branch_is_made_of_hash_and_md5() -> None:
    msg = message(call_id="a84b4c76e66710@pc33.atlanta.com", cseq="314159")
    of = "secret<sip:a@h>;tag=1<sip:b@h>a84b4c76e66710@pc33.atlanta.comsip:bob@h31415910.0.0.55062z9hG4bKabc"
    digest = hashlib.md5(of.encode()).hexdigest()
    assert transit.ser_branch(msg, SECRET) == f"z9hG4bK{transit.reversed_hex(49360).decode()}.{digest}.0".encode()


def test_sers_hash_is_that_of_the_original() -> None:
    # Reference modules-main, appendix D.
    assert transit.slot_of(b"a84b4c76e66710@pc33.atlanta.com", b"314159") == 49360
    assert transit.slot_of(b"", b"") == 0
    # Bytes are signed there.
    assert transit.slot_of(b"\xff", b"") != transit.slot_of(b"\x7f", b"")


@pytest.mark.parametrize(("value", "text"), [(0x1A2B, b"b2a1"), (4096, b"0001"), (1000, b"8e3"), (11, b"b"), (0, b"0")])
def test_reversed_hex_begins_with_the_lowest_digit_and_can_be_read(value: int, text: bytes) -> None:
    assert transit.reversed_hex(value) == text
    assert transit.from_reversed_hex(b"x" + text + b"f", 1, 1 + len(text)) == value
    assert transit.from_reversed_hex(text.upper(), 0, len(text)) == value


@pytest.mark.parametrize("text", [b"", b"g", b"1 ", b"-1", b"1" * 16])
def test_what_is_no_reversed_hex_is_0(text: bytes) -> None:
    assert transit.from_reversed_hex(text, 0, len(text)) == 0
    assert transit.from_reversed_hex(text, -1, -1) == 0


# --- received and rport ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "source", "same"),
    [
        ("192.0.2.9", "192.0.2.9", True),
        ("192.0.2.9", "192.0.2.90", False),
        # SER compares over the length of the Via's host only: a beginning of the address passed for it.
        ("192.0.2", "192.0.2.9", False),
        ("localhost", "127.0.0.1", False),
        ("[2001:DB8::9:1]", "2001:db8::9:1", True),
        ("[2001:db8::9:1]", "2001:db8::9:2", False),
        ("[::1]", "192.0.2.9", False),
    ],
)
def test_the_via_names_the_source_only_by_its_whole_text(host: str, source: str, same: bool) -> None:
    msg = message(f"Via: SIP/2.0/UDP {host}:5062;branch=1")
    assert msg.via1 is not None
    assert transit.sent_by_is(msg.buf, msg.via1, Address.parse(source, 1)) is same


@pytest.mark.parametrize(
    ("via", "received", "rport", "forwarded", "replied"),
    [
        ("h:99;branch=x", True, False, "h:99;received=192.0.2.9;branch=x", "h:99;branch=x;received=192.0.2.9"),
        ("h;branch=x", False, True, "h;rport=15888;branch=x", "h;branch=x;rport=15888"),
        (
            "h;branch=x",
            True,
            True,
            "h;rport=15888;received=192.0.2.9;branch=x",
            "h;branch=x;rport=15888;received=192.0.2.9",
        ),
        (
            "h:99;rport;branch=x",
            True,
            True,
            "h:99;received=192.0.2.9;rport=15888;branch=x",
            "h:99;rport=15888;branch=x;received=192.0.2.9",
        ),
        ("h;rport=1;branch=x", False, True, "h;rport=15888;branch=x", "h;rport=15888;branch=x"),
        ("h;rport=", False, True, "h;rport=15888", "h;rport=15888"),
        # White space goes with the parameter, as in SER, where another one follows.
        ("h; rport = 1 ;branch=x", False, True, "h;rport=15888;branch=x", "h;rport=15888;branch=x"),
        ("h;rport\r\n ;branch=x", False, True, "h;rport=15888;branch=x", "h;rport=15888;branch=x"),
        ("h;branch=x;received=1.1.1.1", True, False, "h;branch=x;received=192.0.2.9", "h;branch=x;received=192.0.2.9"),
        (
            "h;received=1.1.1.1;branch=x;rport",
            True,
            True,
            "h;received=192.0.2.9;branch=x;rport=15888",
            "h;received=192.0.2.9;branch=x;rport=15888",
        ),
        ("h : 99 ;branch=x", True, False, "h : 99;received=192.0.2.9 ;branch=x", "h : 99 ;branch=x;received=192.0.2.9"),
        ("h", False, False, "h", "h"),
    ],
)
@pytest.mark.parametrize("rest", ["", " , SIP/2.0/UDP second;branch=y", "\r\nVia: SIP/2.0/UDP second;branch=y"])
def test_received_and_rport_are_set_in_the_topmost_via_alone(
    via: str, received: bool, rport: bool, forwarded: str, replied: str, rest: str
) -> None:
    msg = message(f"Via: SIP/2.0/UDP {via}{rest}")
    for at_end, expected in ((False, forwarded), (True, replied)):
        changes = transit.via_edits(msg, SOURCE, received, rport, at_end)
        assert edits.apply(msg.buf, changes, None) == msg.buf.replace(via.encode(), expected.encode(), 1)


def test_received_holds_ipv6_without_brackets() -> None:
    msg = message("Via: SIP/2.0/UDP h;branch=x")
    changes = transit.via_edits(msg, Address.parse("[2001:db8::1]", 5060), True, False, False)
    assert b"\r\nVia: SIP/2.0/UDP h;received=2001:db8::1;branch=x\r\n" in edits.apply(msg.buf, changes, None)


# --- Vias of a reply -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vias", "left", "second"),
    [
        ("Via: SIP/2.0/UDP a\r\n", "", None),
        ("Via: SIP/2.0/UDP a\r\nVia: SIP/2.0/UDP b\r\n", "Via: SIP/2.0/UDP b\r\n", "b"),
        ("Via: SIP/2.0/UDP a,SIP/2.0/UDP b\r\n", "Via: SIP/2.0/UDP b\r\n", "b"),
        ("v:SIP/2.0/UDP a ,\tSIP/2.0/UDP b , SIP/2.0/UDP c\r\n", "v:SIP/2.0/UDP b , SIP/2.0/UDP c\r\n", "b"),
        ("Via: SIP/2.0/UDP a\r\nX: y\r\nv: SIP/2.0/UDP b\r\n", "X: y\r\nv: SIP/2.0/UDP b\r\n", "b"),
        ("Via: SIP/2.0/UDP a,\r\n SIP/2.0/UDP b\r\n", "Via: SIP/2.0/UDP b\r\n", "b"),
        ("Via: SIP/2.0/UDP a\r\n ;branch=1\r\nVia: SIP/2.0/UDP b\r\n", "Via: SIP/2.0/UDP b\r\n", "b"),
    ],
)
def test_the_topmost_via_goes_and_the_second_is_found(vias: str, left: str, second: str | None) -> None:
    msg = message(vias[:-2])
    data = edits.apply(msg.buf, [transit.remove_top_via(msg)], None)
    assert data == msg.buf.replace(vias.encode(), left.encode())
    via = transit.second_via(msg)
    assert (msg.buf[via.host_start : via.host_end].decode() if via is not None else None) == second


@pytest.mark.parametrize(
    "vias", ["Via: SIP/2.0/UDP a,", "Via: SIP/2.0/UDP a,x", "Via: SIP/2.0/UDP a\r\nVia: SIP/2.0/X b"]
)
def test_a_second_via_that_cannot_be_parsed_is_an_error(vias: str) -> None:
    with pytest.raises(BadMessage):
        transit.second_via(message(vias))


# --- Content-Length --------------------------------------------------------------------------------------------------


def with_body(line: str, body: bytes) -> Message:
    return parse(b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n" + line.encode() + b"To: <sip:b@h>\r\n\r\n" + body)


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("Content-Length: 5\r\n", "Content-Length: 8\r\n"),
        ("l:5\r\n", "l:8\r\n"),
        ("Content-Length:\r\n", "Content-Length:8\r\n"),
        ("Content-Length: \t\r\n", "Content-Length:8 \t\r\n"),
        ("Content-Length:\r\n  5 \r\n", "Content-Length:\r\n  8 \r\n"),
        ("Content-Length: nonsense\r\n", "Content-Length: 8\r\n"),
    ],
)
def test_content_length_is_corrected_in_its_place(line: str, after: str) -> None:
    msg = with_body(line, b"hello")
    edit = transit.content_length_edit(msg, 3)
    assert edit is not None
    assert edits.apply(msg.buf, [edit], None) == msg.buf.replace(line.encode(), after.encode())


def test_without_content_length_there_is_nothing_to_correct() -> None:
    assert transit.content_length_edit(with_body("", b"hello"), 3) is None


@pytest.mark.parametrize(
    ("line", "tail", "framed"),
    [
        ("", "\r\n\r\nhello", "\r\nContent-Length: 5\r\n\r\nhello"),
        ("", "", "\r\nContent-Length: 0\r\n\r\n"),
        ("", "\r\n", "\r\nContent-Length: 0\r\n\r\n"),
        ("l: 0\r\n", "", "\r\n\r\n"),
        ("l: 0\r\n", "\r\n", "\r\n\r\n"),
        # RFC 3261 18.3: what is beyond Content-Length is discarded.
        ("l: 2\r\n", "\r\n\r\nhello", "\r\n\r\nhe"),
        ("l: 5\r\n", "\r\n\r\nhello", "\r\n\r\nhello"),
    ],
)
def test_a_datagram_gets_what_it_needs_in_a_stream(line: str, tail: str, framed: str) -> None:
    head = b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n" + line.encode() + b"To: <sip:b@h>"
    msg = parse(head + tail.encode())
    changes = transit.framing_edits(msg)
    if msg.content_length == 0:
        changes.insert(0, transit.new_content_length(msg, 0))
    assert edits.apply(msg.buf, changes, None) == head + framed.encode()


HEAD = b"MESSAGE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n"


@pytest.mark.parametrize(
    ("lengths", "is_stream", "after"),
    [
        (b"", True, b"Content-Length: 3\r\n"),
        (b"", False, b""),
        (b"Content-Length: 3\r\n", True, b"Content-Length: 3\r\n"),
        (b"l: 3\r\n", True, b"l: 3\r\n"),
        (b"Content-Length: 497\r\n", False, b"Content-Length: 3\r\n"),
        (b"Content-Length: -1\r\n", True, b"Content-Length: 3\r\n"),
        (b"Content-Length: 3\r\nl: 3\r\n", True, b"Content-Length: 3\r\n"),
        (b"l: 1\r\nX: y\r\ncontent-length : 2\r\nL:\r\n 5\r\n", False, b"Content-Length: 3\r\nX: y\r\n"),
        (b"Content-Length:\r\n 3\r\n", True, b"Content-Length:\r\n 3\r\n"),
    ],
)
def test_a_changed_message_says_its_length_once_and_rightly(lengths: bytes, is_stream: bool, after: bytes) -> None:
    assert transit.with_one_length(HEAD + lengths + b"\r\nabc", is_stream) == HEAD + after + b"\r\nabc"


@pytest.mark.parametrize("text", [b"", b"INVITE", HEAD, HEAD + b"Content-Length: 7\r\n", HEAD + b"X: y\r\n z"])
def test_without_an_empty_line_there_is_no_body_to_measure(text: bytes) -> None:
    assert transit.with_one_length(text, True) == text


@pytest.mark.parametrize(
    ("text", "after"),
    [
        (b"A b\nX: y\n\nbody\n", b"A b\r\nX: y\r\n\r\nbody\n"),
        (b"A b\r\nX: y\n\r\nbody\n", b"A b\r\nX: y\r\n\r\nbody\n"),
        (b"A b\r\nX: y\r\n\nbody", b"A b\r\nX: y\r\n\r\nbody"),
        (b"A b\r\nX: y\r\n\r\na\nb", b"A b\r\nX: y\r\n\r\na\nb"),
        (b"A b\nX: y\n", b"A b\nX: y\n"),
    ],
)
def test_in_a_stream_every_line_of_the_head_has_a_whole_end(text: bytes, after: bytes) -> None:
    assert transit.with_whole_line_ends(text) == after
