"""One Via value. RFC 3261 20.42, reference core 6.1 point 4."""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i32_le, read_i64_le
from mypy_extensions import i64, mypyc_attr

from runtime.sip.address import TCP, TLS, UDP
from runtime.sip.scan import (
    LF,
    NOT_IN_HOST,
    BadMessage,
    any_of,
    decimal,
    equals_lower,
    find,
    find_any,
    skip_quoted,
    skip_token,
    skip_white,
)

# "SIP/2.0/" and "UDP ", as numbers whose lowest byte is the first; the letters in lower case.
_SIP_2_0: Final = 0x2F302E322F706973
_UDP: Final = 0x20706475

_ENDS_VALUE: Final = any_of(b"; ,\t\r\n(")
_ENDS_NAME: Final = any_of(b"=; ,\t\r\n(")


@final
@mypyc_attr(acyclic=True, free_list_len=1)
class Via:
    """Offsets of the parts of one Via value in the message; -1 where a part is absent.

    `proto` UDP, TCP or TLS; `port` 0 when not given. A parameter's `_at` is its semicolon, `_start:_end` its value
    (`_end` alone marks the end of the name where there is no value). `rport_after` is the next semicolon where only white space comes
    before it, else `rport_end`. `sent_by_end` is where new parameters go.
    """

    def __init__(self, start: i64) -> None:
        self.start: Final = start
        self.end: i64 = start
        self.more = False
        self.proto: i64 = 0
        self.host_start: i64 = -1
        self.host_end: i64 = -1
        self.port: i64 = 0
        self.port_start: i64 = -1
        self.port_end: i64 = -1
        self.sent_by_end: i64 = -1
        self.branch_start: i64 = -1
        self.branch_end: i64 = -1
        self.received_at: i64 = -1
        self.received_start: i64 = -1
        self.received_end: i64 = -1
        self.rport_at: i64 = -1
        self.rport_start: i64 = -1
        self.rport_end: i64 = -1
        self.rport_after: i64 = -1
        self.i_start: i64 = -1
        self.i_end: i64 = -1
        self.alias = False


def parse_via(buf: bytes, start: i64, limit: i64) -> Via:
    """The Via value that begins at `start`; `limit` is the end of its header line.

    `more` and `end` tell whether a comma follows and where. Raises BadMessage.
    """
    pos = skip_white(buf, start, limit)
    via = Via(pos)
    pos = _sent_protocol(buf, pos, limit, via)
    pos = _sent_by(buf, pos, limit, via)
    while pos < limit:
        c: i64 = buf[pos]
        if c == 59:
            pos = _parameter(buf, pos, limit, via)
        elif c == 44:
            via.more = True
            via.end = pos
            return via
        elif c == 40:  # a comment; RFC 3261 has dropped it, RFC 2543 had it
            pos = skip_white(buf, _comment_end(buf, pos, limit), limit)
        else:
            raise BadMessage("garbage in Via", int(pos))
    via.end = limit
    return via


def _comment_end(buf: bytes, start: i64, limit: i64) -> i64:
    """The position behind the comment that begins at `start`. Comments may hold others."""
    depth: i64 = 0
    pos = start
    while pos < limit:
        c: i64 = buf[pos]
        pos += 1
        if c == 92:
            # A quoted pair: the next character is itself.
            pos += 1
        elif c == 40:
            depth += 1
        elif c == 41:
            depth -= 1
            if depth == 0:
                return pos
    raise BadMessage("comment in Via is never closed", int(start))


def _sent_protocol(buf: bytes, pos: i64, limit: i64, via: Via) -> i64:
    """`SIP / 2.0 / UDP` and the white space after it; sets proto."""
    # The one spelling that nearly everybody sends: "SIP/2.0/UDP "
    if limit - pos > 12 and read_i64_le(buf, pos) | 0x202020 == _SIP_2_0:
        if read_i32_le(buf, pos + 8) | 0x202020 == _UDP:
            via.proto = UDP
            return skip_white(buf, pos + 12, limit)
    end = pos + 3
    if end > limit or not equals_lower(buf, pos, end, b"sip"):
        raise BadMessage("Via does not begin with SIP", int(pos))
    pos = _slash(buf, end, limit)
    if pos + 3 > limit or not equals_lower(buf, pos, pos + 3, b"2.0"):
        raise BadMessage("Via is not of SIP 2.0", int(pos))
    pos = _slash(buf, pos + 3, limit)
    end = pos + 3
    if end >= limit:
        raise BadMessage("Via ends in its transport", int(pos))
    via.proto = _transport(buf, pos, end)
    after: i64 = buf[end]
    if after != 32 and after != 9 and after != 13 and after != 10:
        raise BadMessage("unknown transport in Via", int(pos))
    return skip_white(buf, end, limit)


def _slash(buf: bytes, pos: i64, limit: i64) -> i64:
    pos = skip_white(buf, pos, limit)
    if pos >= limit or buf[pos] != 47:
        raise BadMessage("slash missing in Via", int(pos))
    return skip_white(buf, pos + 1, limit)


def _transport(buf: bytes, start: i64, end: i64) -> i64:
    if equals_lower(buf, start, end, b"udp"):
        return UDP
    if equals_lower(buf, start, end, b"tcp"):
        return TCP
    if equals_lower(buf, start, end, b"tls"):
        return TLS
    raise BadMessage("unknown transport in Via", int(start))


def _sent_by(buf: bytes, pos: i64, limit: i64, via: Via) -> i64:
    """Host and port; returns the position of what follows, white space skipped."""
    via.host_start = pos
    if pos < limit and buf[pos] == 91:
        close = find(buf, 93, pos, limit)
        if close < 0:
            raise BadMessage("bracket in Via is never closed", int(pos))
        pos = close + 1
    else:
        pos = find_any(buf, NOT_IN_HOST, pos, limit)
    via.host_end = pos
    if pos == via.host_start:
        raise BadMessage("no host in Via", int(pos))
    via.sent_by_end = pos
    pos = skip_white(buf, pos, limit)
    if pos < limit and buf[pos] == 58:
        pos = skip_white(buf, pos + 1, limit)
        via.port_start = pos
        while pos < limit and 48 <= buf[pos] <= 57:
            pos += 1
        via.port_end = pos
        via.port = decimal(buf, via.port_start, pos)
        if via.port < 0:
            raise BadMessage("no port after the colon in Via", int(pos))
        via.sent_by_end = pos
        pos = skip_white(buf, pos, limit)
    return pos


def _parameter(buf: bytes, semicolon: i64, limit: i64, via: Via) -> i64:
    """One parameter; returns the position of what follows it, white space skipped."""
    name = skip_white(buf, semicolon + 1, limit)
    pos = find_any(buf, _ENDS_NAME, name, limit)
    name_end = pos
    if name_end == name:
        # Nothing between two semicolons, or behind the last: nobody loses anything by it.
        if pos < limit and buf[pos] != 59 or pos >= limit and buf[pos - 1] != LF:
            raise BadMessage("empty parameter in Via", int(pos))
        return pos
    value: i64 = -1
    value_end: i64 = name_end
    pos = skip_white(buf, pos, limit)
    if pos < limit and buf[pos] == 61:
        after_equals = pos + 1
        value = skip_white(buf, after_equals, limit)
        pos = _value_end(buf, value, limit)
        value_end = pos
        if value_end == value:
            # No value: the parameter ends here and not behind the white space, which may be the end of the line.
            value = after_equals
            value_end = after_equals
        pos = skip_white(buf, pos, limit)
    is_first_rport = via.rport_at < 0
    _keep(buf, name, name_end, semicolon, value, value_end, via)
    if is_first_rport and via.rport_at >= 0:
        via.rport_after = pos if pos < limit and buf[pos] == 59 else via.rport_end
    return pos


def _value_end(buf: bytes, pos: i64, limit: i64) -> i64:
    if pos < limit and buf[pos] == 34:
        end = skip_quoted(buf, pos, limit)
        if end < 0:
            raise BadMessage("quote in Via is never closed", int(pos))
        return end
    return find_any(buf, _ENDS_VALUE, skip_token(buf, pos, limit), limit)


def _keep(buf: bytes, name: i64, name_end: i64, semicolon: i64, value: i64, value_end: i64, via: Via) -> None:
    """Note a parameter that means something to us; the first of a name counts."""
    length: i64 = name_end - name
    if length == 6 and equals_lower(buf, name, name_end, b"branch"):
        if value < 0 or value_end == value:
            raise BadMessage("branch without a value in Via", int(name))
        if via.branch_start < 0:
            via.branch_start = value
            via.branch_end = value_end
    elif length == 5 and equals_lower(buf, name, name_end, b"rport"):
        if via.rport_at < 0:
            via.rport_at = semicolon
            via.rport_start = value
            via.rport_end = value_end
    elif length == 8 and equals_lower(buf, name, name_end, b"received"):
        if via.received_at < 0:
            via.received_at = semicolon
            via.received_start = value if value_end > value else -1
            via.received_end = value_end
    elif length == 1 and (buf[name] | 32) == 105:
        if value >= 0 and value_end > value:
            via.i_start = value
            via.i_end = value_end
    elif length == 5 and equals_lower(buf, name, name_end, b"alias"):
        via.alias = True
