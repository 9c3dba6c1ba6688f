"""A message as offsets. RFC 3261 7, reference core 6.1."""

from __future__ import annotations

import pytest

from runtime.sip import headers, methods
from runtime.sip.message import Message, parse
from runtime.sip.scan import BadMessage

INVITE = (
    b"INVITE sip:bob@example.com SIP/2.0\r\n"
    b"v: SIP/2.0/UDP a.example.com:5080;branch=z9hG4bK1, SIP/2.0/UDP b.example.com\r\n"
    b"Via: SIP/2.0/TCP c.example.com\r\n"
    b"Max-Forwards: 70\r\n"
    b'From: "Alice" <sip:alice@example.com>;tag=ft1\r\n'
    b"To: <sip:bob@example.com>\r\n"
    b"Call-ID: cid1@h\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Contact: <sip:alice@a.example.com>\r\n"
    b"Route: <sip:p1;lr>, <sip:p2;lr>\r\n"
    b"Route: <sip:p3;lr>\r\n"
    b"Record-Route: <sip:r1;lr>\r\n"
    b"Subject: one\r\n two\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: 5\r\n"
    b"\r\n"
    b"v=0\r\n"
)
OK = (
    b"SIP/2.0 200 All is well\r\n"
    b"Via: SIP/2.0/UDP a.example.com\r\n"
    b"From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: c\r\nCSeq: 7 BYE\r\n\r\n"
)


def first_line(line: str) -> Message:
    return parse(line.encode("latin-1") + b"\r\nVia: SIP/2.0/UDP h\r\n\r\n")


def uri(msg: Message) -> str:
    return msg.buf[msg.uri_start : msg.uri_end].decode("latin-1")


def test_a_request_falls_into_its_parts() -> None:
    msg = parse(INVITE)
    assert msg.is_request and msg.status == 0
    assert msg.method == methods.INVITE and msg.method_name() == b"INVITE"
    assert uri(msg) == "sip:bob@example.com"
    assert msg.size == len(INVITE)
    assert msg.body() == b"v=0\r\n"
    assert INVITE[msg.headers_end : msg.body_start] == b"\r\n" and INVITE[: msg.headers_end].endswith(b"5\r\n")
    assert INVITE[msg.first_header :].startswith(b"v: SIP")
    assert [msg.value(slot) for slot in (msg.max_forwards, msg.to, msg.call_id, msg.cseq)] == [
        b"70",
        b"<sip:bob@example.com>",
        b"cid1@h",
        b"1 INVITE",
    ]
    assert msg.value(msg.from_) == b'"Alice" <sip:alice@example.com>;tag=ft1'
    assert msg.value(msg.contact) == b"<sip:alice@a.example.com>"
    assert msg.value(msg.content_type) == b"application/sdp" and msg.value(msg.content_length) == b"5"


def test_a_reply_falls_into_its_parts() -> None:
    msg = parse(OK)
    assert not msg.is_request and msg.method == methods.OTHER and msg.method_name() == b""
    assert msg.status == 200
    assert uri(msg) == "200"
    assert OK[msg.reason_start :].startswith(b"All is well\r\n")
    assert msg.value(msg.cseq) == b"7 BYE"
    assert msg.body() == b""


def test_the_first_header_of_a_kind_has_the_slot_and_all_are_in_the_list() -> None:
    msg = parse(INVITE)
    assert msg.value(msg.route) == b"<sip:p1;lr>, <sip:p2;lr>"
    assert msg.value(msg.via).endswith(b"b.example.com")
    assert [msg.name(record) for record in msg.headers] == [
        line.partition(b":")[0] for line in INVITE.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:] if line[:1] != b" "
    ]


def test_the_topmost_via_value_is_parsed() -> None:
    msg = parse(INVITE)
    assert msg.via1 is not None and msg.via1.more
    assert INVITE[msg.via1.host_start : msg.via1.host_end] == b"a.example.com"


def test_a_folded_value_keeps_its_folds() -> None:
    msg = parse(INVITE)
    assert msg.value(msg.headers[msg.find_header(b"subject")]) == b"one\r\n two"


def test_headers_are_found_by_name_one_after_the_other() -> None:
    msg = parse(INVITE)
    first = msg.find_header(b"route")
    second = msg.find_header(b"route", first)
    assert msg.value(msg.headers[second]) == b"<sip:p3;lr>"
    assert msg.find_header(b"route", second) == -1
    # Compact forms are other names, as SER's remove_hf has it.
    assert msg.value(msg.headers[msg.find_header(b"v")]).startswith(b"SIP/2.0/UDP a.")
    assert msg.find_header(b"nope") == -1


def test_what_is_missing_has_an_empty_value() -> None:
    msg = parse(b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n")
    slots = (msg.from_, msg.to, msg.cseq, msg.call_id, msg.contact, msg.max_forwards, msg.route, msg.record_route)
    assert set(slots) | {msg.content_type, msg.content_length} == {0}
    assert msg.value(0) == b""


@pytest.mark.parametrize("value", ["", " ", "\t \t", "\r\n ", "\r\n \r\n\t"])
def test_an_empty_value_stays_within_its_line(value: str) -> None:
    head = b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nSubject:"
    msg = parse(head + value.encode() + b"\r\nX: y\r\n\r\n")
    record = msg.headers[1]
    assert msg.value(record) == b""
    assert msg.value_start(record) == msg.value_end(record) == len(head)
    assert msg.value(msg.headers[2]) == b"y"


@pytest.mark.parametrize("data", [INVITE, OK])
def test_line_ends_may_be_lf_alone(data: bytes) -> None:
    crlf, lf = parse(data), parse(data.replace(b"\r\n", b"\n"))
    assert [lf.name(r) for r in lf.headers] == [crlf.name(r) for r in crlf.headers]
    assert [lf.value(r) for r in lf.headers] == [crlf.value(r).replace(b"\r\n", b"\n") for r in crlf.headers]
    assert lf.body() == crlf.body().replace(b"\r\n", b"\n")
    assert uri(lf) == uri(crlf) and lf.status == crlf.status


def test_line_ends_may_be_mixed() -> None:
    msg = parse(b"OPTIONS sip:h SIP/2.0\nVia: SIP/2.0/UDP h\r\nTo: <sip:b@h>\nFrom: <sip:a@h>\r\n\nbody\r\n\r\n")
    assert msg.value(msg.to) == b"<sip:b@h>" and msg.value(msg.from_) == b"<sip:a@h>"
    assert msg.body() == b"body\r\n\r\n"


def test_a_lone_cr_is_no_line_end() -> None:
    msg = parse(b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nSubject: a\rTo: b\r\n\r\n")
    assert msg.to == 0 and msg.value(msg.headers[1]) == b"a\rTo: b"


@pytest.mark.parametrize("leading", [b"\r\n", b"\r\n\r\n\r\n", b"\n", b"\r"])
def test_leading_line_ends_are_skipped_and_kept(leading: bytes) -> None:
    msg = parse(leading + INVITE)
    assert msg.start == len(leading) and msg.buf == leading + INVITE
    assert msg.method_name() == b"INVITE" and uri(msg) == "sip:bob@example.com"


@pytest.mark.parametrize("blank", [b"", b"\r\n", b"\n"])
def test_a_message_may_have_no_body_or_no_empty_line(blank: bytes) -> None:
    head = INVITE.partition(b"\r\n\r\n")[0] + b"\r\n"
    msg = parse(head + blank)
    assert msg.body() == b"" and msg.headers_end == len(head)
    assert msg.ends_headers() is (blank != b"")
    assert msg.value(msg.content_length) == b"5"


def test_a_header_without_a_line_end_is_the_last() -> None:
    msg = parse(INVITE[: INVITE.index(b"cid1@h") + 3])
    assert msg.value(msg.call_id) == b"cid" and msg.cseq == 0
    assert not msg.ends_headers() and msg.headers_end == msg.size


def test_a_body_is_not_read() -> None:
    body = b"Via: SIP/2.0/UDP evil\r\nno header\r\n\r\n\x00\xff"
    msg = parse(OK + body)
    assert msg.body() == body and len(msg.headers) == 5


def test_a_message_of_the_largest_size_is_parsed() -> None:
    head = INVITE.partition(b"\r\n\r\n")[0] + b"\r\nX-Last: here\r\n\r\n"
    data = head.replace(b"X-Last", b"X-Long: " + b"x" * (65_535 - len(head) - 17) + b"\r\nX-Last") + b"v=0\r\n12"
    assert len(data) == 65_535
    msg = parse(data)
    assert msg.body() == b"v=0\r\n12"
    last = msg.headers[len(msg.headers) - 1]
    assert (msg.name(last), msg.value(last)) == (b"X-Last", b"here")
    assert headers.line_end(last) == msg.headers_end == 65_535 - 9


def test_a_message_of_nothing_but_headers_is_parsed() -> None:
    head = b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n"
    count = (65_535 - len(head)) // 3
    msg = parse(head + b"a:\n" * count)
    assert len(msg.headers) == count + 1
    assert {msg.value(r) for r in msg.headers} == {b"", b"SIP/2.0/UDP h"}


@pytest.mark.parametrize("line", [b"no colon at all", b": no name", b"none\r\n : no name"])
def test_a_broken_line_behind_the_first_via_is_no_header_and_harms_none(line: bytes) -> None:
    msg = parse(b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n" + line + b"\r\nTo: <sip:b@h>\r\n\r\n")
    assert [headers.kind(r) for r in msg.headers][1:-1] == [headers.BROKEN] * (line.count(b"\n") + 1)
    assert msg.find_header(b"") == msg.find_header(line.lower()) == -1
    assert msg.value(msg.to) == b"<sip:b@h>"


def test_a_line_without_a_colon_above_the_first_via_breaks_the_message() -> None:
    with pytest.raises(BadMessage) as caught:
        parse(b"OPTIONS sip:h SIP/2.0\r\nno colon at all\r\nVia: SIP/2.0/UDP h\r\n\r\n")
    assert caught.value.offset == 23


@pytest.mark.parametrize("line", [b": no name", b" : no name", b":"])
def test_one_without_a_name_does_not(line: bytes) -> None:
    msg = parse(b"OPTIONS sip:h SIP/2.0\r\n" + line + b"\r\nVia: SIP/2.0/UDP h\r\n\r\n")
    assert [headers.kind(r) for r in msg.headers] == [headers.BROKEN, headers.VIA]


@pytest.mark.parametrize(
    ("line", "method", "target"),
    [
        ("invite sip:h SIP/2.0", methods.INVITE, "sip:h"),
        ("RE%47IST%45R sip:h SIP/2.0", methods.OTHER, "sip:h"),
        ("OPTIONS tel:+1;x=y SIP/2.0", methods.OPTIONS, "tel:+1;x=y"),
        ("OPTIONS <sip:h> SIP/2.0", methods.OPTIONS, "<sip:h>"),
        ("OPTIONS sip:h FOO/9", methods.OPTIONS, "sip:h"),
        ("OPTIONS sip:h \t SIP/2.0", methods.OPTIONS, "sip:h"),
        ("OPTIONS sip:h SIP/2.0   ", methods.OPTIONS, "sip:h"),
        ("SIP/2.00 sip:h SIP/2.0", methods.OTHER, "sip:h"),
        ("OPTIONS sip:\xe9\x00@h SIP/2.0", methods.OPTIONS, "sip:\xe9\x00@h"),
    ],
)
def test_a_request_line_is_method_uri_and_version(line: str, method: int, target: str) -> None:
    msg = first_line(line)
    assert msg.is_request and msg.method == method and uri(msg) == target
    assert msg.method_name() == line.split(" ")[0].encode()


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        ("SIP/2.0 100 Trying", 100, "Trying"),
        ("sip/2.0 999 x  y", 999, "x  y"),
        ("SIP/2.0 200 ", 200, ""),
        ("SIP/2.0 200", 200, ""),
        ("SIP/2.0 000 \xd0\xa3", 0, "\xd0\xa3"),
    ],
)
def test_a_status_line_is_code_and_reason(line: str, status: int, reason: str) -> None:
    msg = first_line(line)
    assert not msg.is_request and msg.status == status
    assert msg.buf[msg.reason_start :].split(b"\r\n")[0].strip() == reason.encode("latin-1")


@pytest.mark.parametrize(
    "line",
    [
        "OPTIONS",
        "OPTIONS sip:h",
        "OPTIONS sip:h ",
        "OPTIONS  sip:h SIP/2.0",
        "OPTIONS\tsip:h SIP/2.0",
        " OPTIONS sip:h SIP/2.0",
        "OPTIONS sip:h; lr SIP/2.0",
        "OPTIONS sip:h SIP/2.0 x",
        "OPTIONS sip:a\rb SIP/2.0",
        "SIP/2.0 20 OK          ",
        "SIP/2.0 2000 OK",
        "SIP/2.0 4294967301 better not break the receiver",
        "SIP/2.0 2x0 OK",
        "SIP/2.0 -12 OK",
        "SIP/2.0  200 OK",
        "SIP/2.0 200\tOK",
        "SIP/2.0 ",
        "",
    ],
)
def test_another_first_line_is_refused(line: str) -> None:
    with pytest.raises(BadMessage):
        first_line(line)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n",
        b"OPTIONS sip:h SIP/2.0",
        b"OPTIONS sip:h SIP/2.0\r\n",
        b"OPTIONS sip:h SIP/2.0\r\n\r\nVia: SIP/2.0/UDP h\r\n\r\n",
        b"OPTIONS sip:h SIP/2.0\r\nTo: <sip:b@h>\r\n\r\n",
        b"OPTIONS sip:h SIP/2.0\r\nVia:\r\n\r\n",
        b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/SCTP h\r\nVia: SIP/2.0/UDP h\r\n\r\n",
        b"SIP/2.0 200 OK\r\nTo: <sip:b@h>\r\n\r\n",
        b"\x00" * 60,
    ],
)
def test_a_message_without_a_usable_via_is_refused(data: bytes) -> None:
    with pytest.raises(BadMessage) as caught:
        parse(data)
    assert 0 <= caught.value.offset <= len(data)


@pytest.mark.parametrize("data", [INVITE, OK, INVITE.replace(b"\r\n", b"\n")])
def test_a_message_cut_off_anywhere_is_parsed_or_refused(data: bytes) -> None:
    via_end = data.index(b"From:") if data is OK else data.index(b"Via:")
    for size in range(len(data)):
        try:
            msg = parse(data[:size])
        except BadMessage:
            # Refused only while the first Via is incomplete.
            assert size < via_end
        else:
            assert all(data.find(msg.value(r)) >= 0 for r in msg.headers)
            assert msg.headers_end <= size and msg.body_start <= size


def test_overwriting_keeps_every_offset() -> None:
    msg = parse(INVITE)
    msg.overwrite(msg.value_start(msg.max_forwards), b"69")
    assert msg.value(msg.max_forwards) == b"69" and msg.buf == INVITE.replace(b": 70", b": 69")
    assert msg.value(msg.content_type) == b"application/sdp" and msg.body() == b"v=0\r\n"
