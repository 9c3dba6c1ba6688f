"""The values of Contact headers. RFC 3261 20.10."""

from __future__ import annotations

from mypy_extensions import i64

from runtime.sip import headers
from runtime.sip.message import Message
from runtime.sip.nameaddr import NameAddr, parse_name_addr
from runtime.sip.scan import BadMessage, find, skip_white


def contacts_in(msg: Message, record: i64) -> list[NameAddr]:
    """The values of this one header in their order, none for record 0 and for `*`. Raises BadMessage for a broken one.

    What stands between commas and has no scheme is part of the next one's name, as in SER; an empty place counts for nothing.
    """
    found: list[NameAddr] = []
    if record == 0:
        return found
    start = msg.value_start(record)
    if start < headers.line_end(record) and msg.buf[start] == 42 and msg.value_end(record) == start + 1:
        return found
    at = headers.value_start(record)
    limit = headers.line_end(record)
    while at >= 0:
        value = parse_name_addr(msg.buf, _behind_commas(msg.buf, at, limit), limit, True)
        if value.bracketed or find(msg.buf, 58, value.uri_start, value.uri_end) >= 0:
            found.append(value)
        elif value.next < 0:
            raise BadMessage("no scheme", int(value.start))
        at = value.next
    return found


def _behind_commas(buf: bytes, pos: i64, limit: i64) -> i64:
    pos = skip_white(buf, pos, limit)
    while pos < limit and buf[pos] == 44:
        pos = skip_white(buf, pos + 1, limit)
    return pos


def all_contacts(msg: Message) -> list[NameAddr]:
    """The values of all Contact headers. Raises BadMessage."""
    found: list[NameAddr] = []
    for record in msg.headers:
        if headers.kind(record) == headers.CONTACT:
            found.extend(contacts_in(msg, record))
    return found
