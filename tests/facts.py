"""What a message says, read by the parsers: what torture tests compare."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.sip import headers
from runtime.sip.address import PROTO_NAMES
from runtime.sip.cseq import parse_cseq
from runtime.sip.message import Message, parse
from runtime.sip.nameaddr import parse_name_addr, tag_of
from runtime.sip.scan import decimal
from runtime.sip.via import Via, parse_via


@dataclass(frozen=True)
class Facts:
    """`start` is `METHOD URI`, or `CODE reason` of a reply; `cseq` `NUMBER METHOD`; a Via `udp host:port branch`, with
    ` received=…` where there is one; a tag None where there is none; a number -1 where the header is missing or no number.
    """

    start: str
    from_: str
    from_tag: str | None
    to: str
    to_tag: str | None
    call_id: str
    cseq: str
    vias: tuple[str, ...]
    max_forwards: int = 70
    content_length: int = 0
    contacts: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()

    def text(self) -> str:
        """One fact a line, as `From: URI tag=…`; nothing of a header that is missing."""
        lines = [
            self.start,
            f"From: {self.from_}" + (f" tag={self.from_tag}" if self.from_tag else ""),
            f"To: {self.to}" + (f" tag={self.to_tag}" if self.to_tag else ""),
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq}",
            *(f"Via: {via}" for via in self.vias),
            *([f"Max-Forwards: {self.max_forwards}"] if self.max_forwards >= 0 else []),
            *(f"Route: {route}" for route in self.routes),
            *(f"Contact: {contact}" for contact in self.contacts),
            *([f"Content-Length: {self.content_length}"] if self.content_length >= 0 else []),
        ]
        return "\n".join(line.rstrip() for line in lines)


def facts(data: bytes) -> Facts:
    msg = parse(data)
    from_, from_tag = _address(msg, msg.from_)
    to, to_tag = _address(msg, msg.to)
    cseq = parse_cseq(msg)
    return Facts(
        start=_start(msg),
        from_=from_,
        from_tag=from_tag,
        to=to,
        to_tag=to_tag,
        call_id=_text(msg.value(msg.call_id)),
        cseq=f"{cseq.number} {_text(msg.buf[cseq.method_start : cseq.method_end])}",
        vias=tuple(
            text for record in msg.headers if headers.kind(record) == headers.VIA for text in _vias(msg, record)
        ),
        max_forwards=_number(msg, msg.max_forwards),
        content_length=_number(msg, msg.content_length),
        contacts=_list(msg, headers.CONTACT),
        routes=_list(msg, headers.ROUTE),
    )


def _text(data: bytes) -> str:
    return data.decode("utf-8")


def _start(msg: Message) -> str:
    if msg.is_request:
        return f"{_text(msg.method_name())} {_text(msg.buf[msg.uri_start : msg.uri_end])}"
    reason = msg.buf[msg.reason_start :].partition(b"\n")[0]
    return f"{msg.status} {_text(reason.strip())}"


def _address(msg: Message, record: int) -> tuple[str, str | None]:
    value = parse_name_addr(msg.buf, headers.value_start(record), headers.line_end(record), False)
    tag = tag_of(msg.buf, value)
    return _text(msg.buf[value.uri_start : value.uri_end]), _text(tag) or None


def _number(msg: Message, record: int) -> int:
    return int(decimal(msg.buf, msg.value_start(record), msg.value_end(record))) if record else -1


def _vias(msg: Message, record: int) -> list[str]:
    found = []
    via = parse_via(msg.buf, headers.value_start(record), headers.line_end(record))
    found.append(_via(msg.buf, via))
    while via.more:
        via = parse_via(msg.buf, via.end + 1, headers.line_end(record))
        found.append(_via(msg.buf, via))
    return found


def _via(buf: bytes, via: Via) -> str:
    text = f"{PROTO_NAMES[via.proto]} {_text(buf[via.host_start : via.host_end])}"
    if via.port:
        text += f":{via.port}"
    if via.branch_start >= 0:
        text += f" {_text(buf[via.branch_start : via.branch_end])}"
    if via.received_start >= 0:
        text += f" received={_text(buf[via.received_start : via.received_end])}"
    return text


def _list(msg: Message, kind: int) -> tuple[str, ...]:
    found = []
    for record in msg.headers:
        pos = headers.value_start(record) if headers.kind(record) == kind else -1
        while pos >= 0:
            value = parse_name_addr(msg.buf, pos, headers.line_end(record), True)
            found.append(_text(msg.buf[value.uri_start : value.uri_end]))
            pos = value.next
    return tuple(found)
