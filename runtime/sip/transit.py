"""What a proxy does to a request on its way: branch, received and rport, the new first line and Via.

RFC 3261 16.6 and 16.11, RFC 3581 4, reference core 6.2 and 6.4.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from runtime.sip import headers
from runtime.sip.address import Address
from runtime.sip.edits import Edit
from runtime.sip.md5 import md5_hex
from runtime.sip.message import Message
from runtime.sip.scan import (
    COLON,
    CR,
    LF,
    SPACE,
    TAB,
    decimal,
    equals_lower,
    find,
    hash_range,
    hash_start,
    keyed_hash,
    skip_white,
    trim_end,
    write_decimal,
    write_hex,
    write_reversed_hex,
)
from runtime.sip.ser_hash import hash_of_sum, sum_of_words
from runtime.sip.via import Via, parse_via

MAGIC_COOKIE: Final = b"z9hG4bK"

_DIGITS: Final = [b"%x" % n for n in range(16)]


def stateless_branch(msg: Message, secret: bytes, source: Address, proto: i64) -> bytes:
    """A branch that a request, its retransmissions, its CANCEL and its ACK for a negative reply share, and nobody can guess.

    First a hash of the Request-URI: a request that comes around a loop with another one gets another branch. Then a keyed hash of what
    a reply to it has as well, so that `is_proven` knows the reply of somebody who was sent the request. `source` and `proto`: where
    and how the request came. RFC 3261 16.11. (SER sends the bare "0" here unless syn_branch is off.)
    """
    via = msg.via1
    assert via is not None
    out = BytesWriter()
    out.write(MAGIC_COOKIE)
    write_hex(out, hash_range(hash_start(), msg.buf, msg.uri_start, msg.uri_end))
    write_hex(out, _way_back(msg, via, secret, source.text, proto))
    return out.getvalue()


_PROOF_AT: Final = len(MAGIC_COOKIE) + 16
_BRANCH_SIZE: Final = _PROOF_AT + 16


def is_proven(reply: Message, below: Via, secret: bytes) -> bool:
    """True if the topmost Via of the reply, which stands above the Via `below`, has a branch of `stateless_branch`: the request came to
    this server, from the host and by the transport that `below` names.

    Nobody but who has seen the request can have it, and with another Call-ID, number of CSeq, or way back it is wrong.
    """
    top = reply.via1
    if top is None or top.branch_end - top.branch_start != _BRANCH_SIZE:
        return False
    buf = reply.buf
    host = buf[below.host_start : below.host_end].strip(b"[]").lower()
    if below.received_start >= 0:
        host = buf[below.received_start : below.received_end]
    out = BytesWriter()
    write_hex(out, _way_back(reply, below, secret, host, below.proto))
    return buf[top.branch_start + _PROOF_AT : top.branch_end] == out.getvalue()


def _way_back(msg: Message, via: Via, secret: bytes, host: bytes, proto: i64) -> i64:
    """A keyed hash of what identifies a request in its replies, too, and of where these go by `via`: to `host` by `proto`.

    Not of the port that `received` goes with: a CANCEL may come from another one, and needs the branch of its request.
    """
    buf = msg.buf
    branch = buf[via.branch_start : via.branch_end] if via.branch_start >= 0 else b""
    number = b""
    if msg.cseq != 0:
        start = msg.value_start(msg.cseq)
        number = buf[start : digits_end(buf, start, headers.line_end(msg.cseq))]
    sent_by = buf[via.host_start : via.sent_by_end]
    way = (sent_by, branch, host, _DIGITS[proto], msg.value(msg.call_id), number)
    return keyed_hash(secret, b"%s\n%s\n%s\n%s\n%s\n%s" % way)


def digits_end(buf: bytes, pos: i64, end: i64) -> i64:
    while pos < end and 48 <= buf[pos] <= 57:
        pos += 1
    return pos


def ser_branch(msg: Message, secret: bytes) -> bytes:
    """The branch of `syn_branch=no`: cookie, hash of Call-ID and CSeq, MD5 of a secret and what identifies the request. Core 6.4."""
    via = msg.via1
    assert via is not None
    buf = msg.buf
    cseq = msg.value(msg.cseq)
    number = cseq[: digits_end(cseq, 0, len(cseq))]
    call_id = msg.value(msg.call_id)
    parts = [secret, msg.value(msg.from_), msg.value(msg.to), call_id, buf[msg.uri_start : msg.uri_end], number]
    parts.append(buf[via.host_start : via.host_end])
    parts.append(buf[via.port_start : via.port_end] if via.port_start >= 0 else b"")
    parts.append(buf[via.branch_start : via.branch_end] if via.branch_start >= 0 else b"")
    digest = md5_hex(b"".join(parts))
    return b"".join([MAGIC_COOKIE, reversed_hex(slot_of(call_id, number)), b".", digest, b".0"])


def slot_of(call_id: bytes, cseq: bytes) -> int:
    """SER's 16-bit hash of Call-ID and CSeq number (reference core 6.4): the slot in tm's table."""
    return int(hash_of_sum(sum_of_words(call_id) + sum_of_words(cseq)) & 0xFFFF)


def reversed_hex(value: i64) -> bytes:
    """Hexadecimal with the least significant digit first, b"0" for zero (SER's int2reverse_hex)."""
    if value < 16:
        return _DIGITS[value]
    out = BytesWriter()
    write_reversed_hex(out, value)
    return out.getvalue()


def from_reversed_hex(buf: bytes, start: i64, end: i64) -> i64:
    """The number that `reversed_hex` wrote into `buf[start:end]`; 0 for an empty range and for anything else."""
    if start < 0 or end - start > 15:
        return 0
    value: i64 = 0
    pos = end - 1
    while pos >= start:
        c: i64 = buf[pos] | 32
        if 48 <= buf[pos] <= 57:
            value = value * 16 + buf[pos] - 48
        elif 97 <= c <= 102:
            value = value * 16 + c - 87
        else:
            return 0
        pos -= 1
    return value


def sent_by_is(buf: bytes, via: Via, source: Address) -> bool:
    """True if the Via's host is the text of the source's IP (IPv6 in any case, with or without brackets)."""
    start = via.host_start
    end = via.host_end
    if buf[start] == 91:
        start += 1
        end -= 1
    return equals_lower(buf, start, end, source.text)


def via_edits(msg: Message, source: Address, received: bool, rport: bool, at_end: bool) -> list[Edit]:
    """Edits that set `received` and `rport` of the topmost Via to the source.

    Existing parameters are replaced in their places; new ones stand right behind host and port, rport first, or at the
    end of the Via value if `at_end` (as SER has them in its own replies).
    """
    via = msg.via1
    assert via is not None
    edits: list[Edit] = []
    new: list[bytes] = []
    if rport:
        text = _rport(source.port)
        if via.rport_at >= 0:
            edits.append(Edit(via.rport_at, via.rport_after, text))
        else:
            new.append(text)
    if received:
        text = b";received=" + source.text
        if via.received_at >= 0:
            edits.append(Edit(via.received_at, via.received_end, text))
        else:
            new.append(text)
    if len(new) > 0:
        place = trim_end(msg.buf, via.start, via.end) if at_end else via.sent_by_end
        addition = Edit(place, place, b"".join(new) if len(new) > 1 else new[0])
        if at_end:
            edits.append(addition)
        else:
            edits.insert(0, addition)
    return edits


def _rport(port: i64) -> bytes:
    out = BytesWriter()
    out.write(b";rport=")
    write_decimal(out, port)
    return out.getvalue()


def content_length_edit(msg: Message, growth: i64) -> Edit | None:
    """The edit that corrects Content-Length after the body has grown by `growth` bytes; None without that header."""
    if msg.content_length == 0:
        return None
    size: i64 = len(msg.buf) - msg.body_start + growth
    return Edit(msg.value_start(msg.content_length), msg.value_end(msg.content_length), str(size).encode("ascii"))


def new_content_length(msg: Message, growth: i64) -> Edit:
    """The edit that adds Content-Length behind the last header, for a body that has grown by `growth` bytes."""
    size: i64 = len(msg.buf) - msg.body_start + growth
    place = msg.headers_end
    line = b"Content-Length: %d\r\n" % size
    if not msg.ends_headers():
        # The last line may have no end yet, and what is inserted at its end belongs in front of this one.
        return Edit(place, place, line_end(msg) + line)
    return Edit(place, place, line, None, True)


def framing_edits(msg: Message) -> list[Edit]:
    """What a datagram needs before it can go into a stream: the empty line behind its headers, if that is missing, and an
    end where Content-Length says so. RFC 3261 18.3: bytes beyond it are discarded.
    """
    size: i64 = len(msg.buf)
    if not msg.ends_headers():
        return [Edit(size, size, line_end(msg) + b"\r\n" if msg.content_length != 0 else b"\r\n")]
    if msg.content_length == 0:
        return []
    declared = decimal(msg.buf, msg.value_start(msg.content_length), msg.value_end(msg.content_length))
    if declared < 0 or declared >= size - msg.body_start:
        return []
    return [Edit(msg.body_start + declared, size, b"")]


def with_whole_line_ends(text: bytes) -> bytes:
    """A message with CRLF behind every line of its head, for a stream: who reads it may know no other end of a line, and none of the head.

    A datagram ends where it ends, and leaves as it came. RFC 3261 7.
    """
    size: i64 = len(text)
    at: i64 = 0
    while True:
        newline = find(text, LF, at, size)
        if newline < 0:
            # Without an empty line nothing says where the head ends.
            return text
        if newline == at or newline == at + 1 and text[at] == CR:
            break
        at = newline + 1
    head = text[: newline + 1]
    if head.count(b"\n") == head.count(b"\r\n"):
        return text
    return head.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + text[newline + 1 :]


def with_one_length(text: bytes, is_stream: bool) -> bytes:
    """A message that a script has changed, or that says its length twice, with the length of its body said once and rightly, if it is said
    at all; in a stream it is. A datagram may say the right one as often as it likes.

    Established last: scripts remove, repeat and replace the header in ways of their own. RFC 3261 18.3, 20.14.
    """
    places: list[i64] = []
    size: i64 = len(text)
    at = find(text, LF, 0, size) + 1
    while True:
        newline = find(text, LF, at, size)
        if at == 0 or newline < 0:
            # Without an empty line nothing says where the body begins.
            return text
        if newline == at or newline == at + 1 and text[at] == CR:
            break
        end = newline + 1
        while end < size and (text[end] == SPACE or text[end] == TAB):
            end = find(text, LF, end, size) + 1
            if end == 0:
                return text
        colon = find(text, COLON, at, end)
        if colon >= 0 and _names_length(text, at, trim_end(text, at, colon)):
            places.append(at)
            places.append(end)
        at = end
    body = newline + 1
    if len(places) == 0 and not is_stream:
        return text
    if len(places) == 2 and _length_in(text, places[0], places[1]) == size - body:
        return text
    if not is_stream and len(places) > 2 and _are_right(text, places, size - body):
        return text
    first: i64 = places[0] if len(places) > 0 else at
    pieces = [text[:first], b"Content-Length: %d\r\n" % (size - body)]
    kept = first
    number: i64 = 0
    while number < len(places):
        pieces.append(text[kept : places[number]])
        kept = places[number + 1]
        number += 2
    pieces.append(text[kept:])
    return b"".join(pieces)


def _are_right(text: bytes, places: list[i64], length: i64) -> bool:
    """Do all these lines say so? Each begins and ends at two of the places."""
    number: i64 = 0
    while number < len(places):
        if _length_in(text, places[number], places[number + 1]) != length:
            return False
        number += 2
    return True


def _names_length(text: bytes, start: i64, end: i64) -> bool:
    return equals_lower(text, start, end, b"content-length") or equals_lower(text, start, end, b"l")


def _length_in(text: bytes, start: i64, end: i64) -> i64:
    """The number in a header line; -1 for none."""
    value = skip_white(text, find(text, COLON, start, end) + 1, end)
    return decimal(text, value, trim_end(text, value, end))


def line_end(msg: Message) -> bytes:
    """What a message that was cut off lacks at the end of its last line."""
    return b"" if msg.buf[len(msg.buf) - 1] == LF else b"\r\n"


def remove_top_via(msg: Message) -> Edit:
    """The edit that takes away the topmost Via: the whole line, or only the value where others follow in it."""
    via = msg.via1
    assert via is not None
    if via.more:
        below = skip_white(msg.buf, via.end + 1, headers.line_end(msg.via))
        if below < headers.line_end(msg.via):
            return Edit(via.start, below, b"")
    return Edit(headers.line_start(msg.via), headers.line_end(msg.via), b"")


def second_via(msg: Message) -> Via | None:
    """The Via below the topmost, from the same line or the next Via header; None when there is none.

    Raises BadMessage when it cannot be parsed.
    """
    via = msg.via1
    assert via is not None
    if via.more:
        return parse_via(msg.buf, via.end + 1, headers.line_end(msg.via))
    i: i64 = 0
    count: i64 = len(msg.headers)
    seen = False
    while i < count:
        record = msg.headers[i]
        if headers.kind(record) == headers.VIA:
            if seen:
                return parse_via(msg.buf, headers.value_start(record), headers.line_end(record))
            seen = True
        i += 1
    return None
