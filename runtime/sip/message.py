"""A SIP message as offsets into its bytes. RFC 3261 7, reference core 6.1."""

from __future__ import annotations

from typing import final

from librt.vecs import append, vec
from mypy_extensions import i64, mypyc_attr

from runtime.sip import headers, methods
from runtime.sip.nameaddr import NameAddr, parse_name_addr
from runtime.sip.scan import (
    CR,
    LF,
    BadMessage,
    crlf_ended,
    decimal,
    equals_lower,
    find,
    find_blank,
    find_control,
    same_bytes,
    trim_end,
)
from runtime.sip.via import Via, parse_via


@final
@mypyc_attr(acyclic=True, free_list_len=1)
class Message:
    """The first line and the header lines of a message; values are parsed when somebody asks.

    `headers` holds a record per header line (runtime.sip.headers), `via`, `call_id` … the record of the first header of
    that kind, 0 when there is none. `start` is the first byte after leading CRLFs. In a request `uri_start:uri_end` is the
    Request-URI; in a reply it is the three digits of the status code, which is what SER's `uri` reads there.
    `headers_end` is where a new last header goes, `body_start` the first byte of the body.
    """

    def __init__(self, buf: bytes) -> None:
        self.buf = buf
        self.size: i64 = len(buf)
        self.start: i64 = 0
        self.is_request = True
        self.method: i64 = 0
        self.method_end: i64 = 0
        self.status: i64 = 0
        self.uri_start: i64 = 0
        self.uri_end: i64 = 0
        self.reason_start: i64 = 0
        self.first_header: i64 = 0
        self.headers_end: i64 = 0
        self.body_start: i64 = 0
        self.headers = vec[i64](capacity=16)
        self.via: i64 = 0
        self.from_: i64 = 0
        self.to: i64 = 0
        self.cseq: i64 = 0
        self.call_id: i64 = 0
        self.contact: i64 = 0
        self.max_forwards: i64 = 0
        self.route: i64 = 0
        self.record_route: i64 = 0
        self.content_type: i64 = 0
        self.content_length: i64 = 0
        self.via1: Via | None = None
        self._to: NameAddr | None = None
        # False: above the body there is no CR but in the CRLFs that end lines. True: there may be.
        self.has_odd_lines = False
        self.has_two_lengths = False

    def value_start(self, record: i64) -> i64:
        """First byte of a header's value, white space skipped; of an empty value, the byte after the colon."""
        buf = self.buf
        start = headers.value_start(record)
        end = headers.line_end(record)
        pos = start
        while pos < end:
            c: i64 = buf[pos]
            if c != 32 and c != 9 and c != 13 and c != 10:
                return pos
            pos += 1
        return start

    def value_end(self, record: i64) -> i64:
        """After the last byte of a header's value, white space trimmed; never before `value_start`."""
        return trim_end(self.buf, headers.value_start(record), headers.line_end(record))

    def value(self, record: i64) -> bytes:
        """A header's value, trimmed; folded lines keep their folds. b"" for record 0."""
        if record == 0:
            return b""
        return self.buf[self.value_start(record) : self.value_end(record)]

    def to_value(self) -> NameAddr:
        """The parsed To header. Raises BadMessage when it is missing or broken."""
        found = self._to
        if found is None:
            record = self.to
            if record == 0:
                raise BadMessage("no To header")
            found = parse_name_addr(self.buf, headers.value_start(record), headers.line_end(record), False)
            self._to = found
        return found

    def line(self, record: i64) -> bytes:
        """A whole header line with its folds, ended by CRLF. b"" for record 0."""
        if record == 0:
            return b""
        return crlf_ended(self.buf[headers.line_start(record) : headers.line_end(record)])

    def name(self, record: i64) -> bytes:
        """A header's name as written."""
        start = headers.line_start(record)
        return self.buf[start : trim_end(self.buf, start, headers.value_start(record) - 1)]

    def method_name(self) -> bytes:
        return self.buf[self.start : self.method_end] if self.is_request else b""

    def ends_headers(self) -> bool:
        """False for a message that was cut off above its empty line."""
        return self.headers_end < self.body_start

    def body(self) -> bytes:
        return self.buf[self.body_start :]

    def find_header(self, lower_name: bytes, after: i64 = -1) -> i64:
        """Index in `headers` of the first header named exactly so (any case) past index `after`; -1 when none."""
        i: i64 = after + 1
        count: i64 = len(self.headers)
        while i < count:
            record = self.headers[i]
            start = headers.line_start(record)
            if headers.kind(record) != headers.BROKEN:
                if equals_lower(
                    self.buf, start, trim_end(self.buf, start, headers.value_start(record) - 1), lower_name
                ):
                    return i
            i += 1
        return -1

    def overwrite(self, start: i64, text: bytes) -> None:
        """Put `text` over the received bytes from `start`, as SER's in-place changes do; the size stays."""
        buf = self.buf
        self._to = None
        self.buf = b"%s%s%s" % (buf[:start], text, buf[start + len(text) :])


def same_value(a: Message, record: i64, b: Message, other: i64) -> bool:
    """True if two headers, of records that may be 0 and then have no value, have the same value."""
    start: i64 = 0 if record == 0 else a.value_start(record)
    end: i64 = 0 if record == 0 else a.value_end(record)
    if other == 0:
        return start == end
    return same_bytes(a.buf, start, end, b.buf, b.value_start(other), b.value_end(other))


def parse(buf: bytes) -> Message:
    """Parse the first line, all header lines and the first Via value.

    Raises BadMessage when the first line is wrong, when a line before the first Via has no colon, or when there is no
    usable Via; any other broken header is kept as BROKEN and forwarded as it is.
    """
    msg = Message(buf)
    pos: i64 = 0
    size: i64 = msg.size
    while pos < size and (buf[pos] == 13 or buf[pos] == 10):
        pos += 1
    msg.start = pos
    msg.first_header = _first_line(msg, pos)
    _header_lines(msg)
    if msg.via == 0:
        raise BadMessage("no via found in " + ("request" if msg.is_request else "reply"))
    msg.via1 = parse_via(buf, headers.value_start(msg.via), headers.line_end(msg.via))
    return msg


def _first_line(msg: Message, pos: i64) -> i64:
    """Parse the first line; returns where the first header begins."""
    buf = msg.buf
    newline = _newline(msg, buf, pos, msg.size)
    if newline < 0 or msg.size - pos <= 16:
        raise BadMessage("message too short or without a first line", int(pos))
    end = trim_end(buf, pos, newline)
    if end - pos > 8 and (buf[pos] | 32) == 115 and buf[pos + 7] == 32 and equals_lower(buf, pos, pos + 7, b"sip/2.0"):
        _status_line(msg, pos + 8, end)
    else:
        _request_line(msg, pos, end)
    return newline + 1


def _status_line(msg: Message, pos: i64, end: i64) -> None:
    buf = msg.buf
    msg.is_request = False
    msg.uri_start = pos
    msg.uri_end = pos + 3
    if pos + 3 > end or pos + 3 < end and buf[pos + 3] != 32:
        raise BadMessage("status code is not three digits", int(pos))
    msg.status = decimal(buf, pos, pos + 3)
    if msg.status < 0:
        raise BadMessage("status code is not three digits", int(pos))
    msg.reason_start = pos + 4 if pos + 4 < end else end


def _request_line(msg: Message, pos: i64, end: i64) -> None:
    buf = msg.buf
    start = pos
    pos = _token_end(buf, pos, end)
    if pos == start or pos >= end or buf[pos] != 32:
        raise BadMessage("no method in the first line", int(pos))
    msg.method_end = pos
    msg.method = methods.number_of(buf, start, pos)
    pos += 1
    msg.uri_start = pos
    pos = _token_end(buf, pos, end)
    msg.uri_end = pos
    if pos == msg.uri_start or pos >= end:
        raise BadMessage("no Request-URI or no version in the first line", int(pos))
    while pos < end and (buf[pos] == 32 or buf[pos] == 9):
        pos += 1
    if _token_end(buf, pos, end) != end:
        raise BadMessage("text behind the version in the first line", int(pos))


def _newline(msg: Message, buf: bytes, pos: i64, size: i64) -> i64:
    """Where the LF stands that ends the line which `pos` is in, -1 if none does."""
    control = find_control(buf, pos, size)
    if control >= 0 and control + 1 < size and buf[control] == CR and buf[control + 1] == LF:
        return control + 1
    msg.has_odd_lines = True
    return find(buf, LF, pos, size)


def _token_end(buf: bytes, pos: i64, end: i64) -> i64:
    while True:
        pos = find_blank(buf, pos, end)
        if pos >= end:
            return end
        c: i64 = buf[pos]
        if c == 32 or c == 9 or c == 13:
            return pos
        pos += 1


def _header_lines(msg: Message) -> None:
    """Find all header lines and sort them into the slots."""
    buf = msg.buf
    pos = msg.first_header
    size = msg.size
    while pos < size:
        c: i64 = buf[pos]
        if c == 10:
            msg.headers_end = pos
            msg.body_start = pos + 1
            return
        if c == 13 and pos + 1 < size and buf[pos + 1] == 10:
            msg.headers_end = pos
            msg.body_start = pos + 2
            return
        pos = _header_line(msg, buf, pos, size)
    msg.headers_end = size
    msg.body_start = size


def _header_line(msg: Message, buf: bytes, start: i64, size: i64) -> i64:
    """One header with its folded lines; returns the start of the next line."""
    common = headers.common_name(buf, start, size)
    if common != 0:
        colon = start + (common & headers.NAME_SIZE)
        kind = common >> headers.NAME_SIZE_BITS
        pos = _line_end(msg, buf, colon + 1, size)
        record = headers.pack(kind, start, colon + 1, pos)
        msg.headers = append(msg.headers, record)
        _sort_in(msg, kind, record)
        return pos
    pos = start
    # The name ends at the colon; white space before it is allowed (RFC 3261 7.3.1).
    while pos < size:
        c: i64 = buf[pos]
        if c == 58 or c == 10:
            break
        if c < 16:
            msg.has_odd_lines = True
        pos += 1
    if pos >= size or buf[pos] != 58:
        if msg.via == 0:
            raise BadMessage("header without a colon", int(start))
        return _broken_line(msg, buf, start, size)
    if pos == start:
        return _broken_line(msg, buf, start, size)
    colon = pos
    pos = _line_end(msg, buf, colon + 1, size)
    name_end = colon
    if buf[name_end - 1] == 32 or buf[name_end - 1] == 9:
        name_end = trim_end(buf, start, colon)
        if name_end == start:
            return _broken_line(msg, buf, start, size)
    kind = headers.kind_of(buf, start, name_end)
    record = headers.pack(kind, start, colon + 1, pos)
    msg.headers = append(msg.headers, record)
    if kind != headers.OTHER:
        _sort_in(msg, kind, record)
    return pos


def _line_end(msg: Message, buf: bytes, pos: i64, size: i64) -> i64:
    """Where the next header begins: behind the line that `pos` is in, and behind those that fold it."""
    while True:
        newline = _newline(msg, buf, pos, size)
        pos = newline + 1
        if newline < 0 or pos >= size:
            pos = size
            break
        c: i64 = buf[pos]
        if c != 32 and c != 9:
            break
    return pos


def _broken_line(msg: Message, buf: bytes, start: i64, size: i64) -> i64:
    """A line without a colon or without a name; returns the start of the next line."""
    msg.has_odd_lines = True
    newline = find(buf, 10, start, size)
    end = size if newline < 0 else newline + 1
    msg.headers = append(msg.headers, headers.pack(headers.BROKEN, start, start, end))
    return end


def _sort_in(msg: Message, kind: i64, record: i64) -> None:
    """Keep the first header of a kind in its slot."""
    if kind == headers.VIA:
        if msg.via == 0:
            msg.via = record
    elif kind == headers.FROM:
        if msg.from_ == 0:
            msg.from_ = record
    elif kind == headers.TO:
        if msg.to == 0:
            msg.to = record
    elif kind == headers.CSEQ:
        if msg.cseq == 0:
            msg.cseq = record
    elif kind == headers.CALL_ID:
        if msg.call_id == 0:
            msg.call_id = record
    elif kind == headers.CONTACT:
        if msg.contact == 0:
            msg.contact = record
    elif kind == headers.MAX_FORWARDS:
        if msg.max_forwards == 0:
            msg.max_forwards = record
    elif kind == headers.ROUTE:
        if msg.route == 0:
            msg.route = record
    elif kind == headers.RECORD_ROUTE:
        if msg.record_route == 0:
            msg.record_route = record
    elif kind == headers.CONTENT_TYPE:
        if msg.content_type == 0:
            msg.content_type = record
    elif kind == headers.CONTENT_LENGTH:
        if msg.content_length == 0:
            msg.content_length = record
        else:
            msg.has_two_lengths = True
