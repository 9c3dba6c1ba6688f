"""Name-addr values: From, To, Contact, Route, Record-Route. RFC 3261 20.10, 20.20, 20.30, 20.34, 20.39."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64, mypyc_attr

from runtime.sip.scan import BadMessage, equals_lower, find, skip_quoted, skip_white, trim_end


@final
@mypyc_attr(acyclic=True, free_list_len=1)
class NameAddr:
    """Offsets of one value of a header. `end` is its end without trailing white space, `next` where the value after the
    comma begins (-1 when it is the last). `params_start` is the first semicolon of the header parameters, `end` if none.
    `start` is the first byte, white space skipped. `bracketed` tells `<uri>` from a bare URI.
    """

    def __init__(self, start: i64) -> None:
        self.start: Final = start
        self.uri_start: i64 = start
        self.uri_end: i64 = start
        self.params_start: i64 = start
        self.end: i64 = start
        self.next: i64 = -1
        self.bracketed = False


def parse_name_addr(buf: bytes, start: i64, limit: i64, lists: bool) -> NameAddr:
    """The value that begins at `start`; `limit` is the end of the header.

    `lists`: the header may hold several values separated by commas (not From and To). Raises BadMessage for an unclosed
    quote or bracket and for an empty URI.
    """
    pos = skip_white(buf, start, limit)
    value = NameAddr(pos)
    open_bracket: i64 = -1
    while pos < limit:
        c: i64 = buf[pos]
        if c == 34:
            pos = skip_quoted(buf, pos, limit)
            if pos < 0:
                raise BadMessage("quote is never closed", int(value.start))
            continue
        if c == 60:
            open_bracket = pos
            break
        if c == 59 or lists and c == 44:
            break
        pos += 1
    if open_bracket >= 0:
        value.bracketed = True
        close = find(buf, 62, open_bracket, limit)
        if close < 0:
            raise BadMessage("bracket is never closed", int(open_bracket))
        value.uri_start = open_bracket + 1
        value.uri_end = close
        pos = close + 1
    else:
        value.uri_end = trim_end(buf, value.start, pos)
    if value.uri_end <= value.uri_start:
        raise BadMessage("no uri", int(value.start))
    _find_end(buf, pos, limit, lists, value)
    return value


def _find_end(buf: bytes, pos: i64, limit: i64, lists: bool, value: NameAddr) -> None:
    """The parameters behind the URI and the comma behind them."""
    params: i64 = -1
    while pos < limit:
        c: i64 = buf[pos]
        if c == 34:
            pos = skip_quoted(buf, pos, limit)
            if pos < 0:
                raise BadMessage("quote is never closed", int(value.start))
            continue
        if c == 59 and params < 0:
            params = pos
        elif lists and c == 44:
            following = skip_white(buf, pos + 1, limit)
            value.next = following if following < limit else -1
            break
        pos += 1
    value.end = trim_end(buf, value.uri_end, pos)
    value.params_start = value.end if params < 0 else params


@final
@mypyc_attr(acyclic=True, free_list_len=1)
class Param:
    """Offsets of one parameter: `at` is its semicolon, `start:end` its value without quotes; `start` -1: no value.

    `after` is the end of the whole parameter, behind a closing quote.
    """

    def __init__(self, at: i64, start: i64, end: i64, after: i64) -> None:
        self.at: Final = at
        self.start: Final = start
        self.end: Final = end
        self.after: Final = after


def find_param(buf: bytes, start: i64, end: i64, lower_name: bytes) -> Param | None:
    """The parameter `;lower_name[=value]` in `buf[start:end]`, which begins at a semicolon; None when it is absent."""
    pos = start
    while pos < end:
        semicolon = pos
        name = skip_white(buf, pos + 1, end)
        pos = name
        while pos < end and buf[pos] != 61 and buf[pos] != 59:
            pos += 1
        name_end = trim_end(buf, name, pos)
        value: i64 = -1
        value_end: i64 = name_end
        after = name_end
        if pos < end and buf[pos] == 61:
            value = skip_white(buf, pos + 1, end)
            if value < end and buf[value] == 34:
                after = skip_quoted(buf, value, end)
                if after < 0:
                    return None
                value += 1
                value_end = after - 1
                pos = find_semicolon(buf, after, end)
            else:
                pos = find_semicolon(buf, value, end)
                value_end = trim_end(buf, value, pos)
                after = value_end
        if equals_lower(buf, name, name_end, lower_name):
            return Param(semicolon, value, value_end, after)
    return None


def find_semicolon(buf: bytes, pos: i64, end: i64) -> i64:
    found = find(buf, 59, pos, end)
    return end if found < 0 else found


def tag_of(buf: bytes, value: NameAddr) -> bytes:
    """The tag of a From or To value, b"" when there is none."""
    param = find_param(buf, value.params_start, value.end, b"tag")
    if param is None or param.start < 0:
        return b""
    return buf[param.start : param.end]
