"""SIP URIs. RFC 3261 19.1, reference core 6.1 (URI parser)."""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le
from mypy_extensions import i64, mypyc_attr

from runtime.sip.address import TCP, TLS, UDP
from runtime.sip.scan import COLON, NOT_IN_HOST, any_of, decimal, equals_lower, find, find_any

SCTP: Final = 4
OTHER_TRANSPORT: Final = 5

_SEPARATORS: Final = any_of(bytes(range(33)) + b"<>\x7f")

# A byte seven times. < and > differ in one bit, 2.
_SEVEN_BYTES: Final = 0xFFFFFFFFFFFFFF
_SEVEN_ONES: Final = 0x01010101010101
_SEVEN_TWOS: Final = 0x02020202020202
_SEVEN_33S: Final = 0x21212121212121
_SEVEN_CLOSED: Final = 0x3E3E3E3E3E3E3E
_SEVEN_DELETES: Final = 0x7F7F7F7F7F7F7F
_SEVEN_HIGHS: Final = 0x80808080808080


class BadUri(Exception):
    """The text is no sip: or sips: URI; `offset` within the text that was parsed."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason)
        self.offset: Final = offset


@final
@mypyc_attr(acyclic=True, free_list_len=1)
class SipUri:
    """Offsets of the parts of a URI in `buf`; -1 where a part is absent.

    `user_end` ends the user without the password; `host_start:host_end` has the brackets of an IPv6 reference.
    `port` 0: not given. `transport` 0 when there is no such parameter.
    """

    def __init__(self, buf: bytes, start: i64, end: i64) -> None:
        self.buf: Final = buf
        self.start: Final = start
        self.end: Final = end
        self.secure = False
        self.user_start: i64 = -1
        self.user_end: i64 = -1
        self.password_start: i64 = -1
        self.password_end: i64 = -1
        self.host_start: i64 = -1
        self.host_end: i64 = -1
        self.port: i64 = 0
        self.port_start: i64 = -1
        self.port_end: i64 = -1
        self.params_start: i64 = -1  # first semicolon
        self.params_end: i64 = -1
        self.headers_start: i64 = -1  # the question mark
        self.transport: i64 = 0
        self.lr = False

    def host(self) -> bytes:
        return self.buf[self.host_start : self.host_end]

    def user(self) -> bytes:
        """The user without the password, b"" when there is none."""
        return self.buf[self.user_start : self.user_end] if self.user_start >= 0 else b""

    def param(self, lower_name: bytes) -> bytes | None:
        """Value of a URI parameter, b"" when it has none, None when the parameter is absent. The name in any case."""
        pos = self.params_start
        if pos < 0:
            return None
        buf = self.buf
        end = self.params_end
        while pos < end:
            name = pos + 1
            pos = find(buf, 59, name, end)
            if pos < 0:
                pos = end
            equals = find(buf, 61, name, pos)
            name_end = pos if equals < 0 else equals
            if equals_lower(buf, name, name_end, lower_name):
                return b"" if equals < 0 else buf[equals + 1 : pos]
        return None


def parse_uri(buf: bytes, start: i64, end: i64) -> SipUri:
    """The URI at `buf[start:end]`; raises BadUri for another scheme, an empty or odd host, a port over 65535, and for what
    would break a request line or a header that it is put into.

    User and password are everything before the `@`: they may hold `;`, `?` and `/` (RFC 3261 25.1).
    """
    uri = SipUri(buf, start, end)
    pos = _scheme(uri)
    separator = separator_in(buf, pos, end)
    if separator >= 0:
        raise BadUri("white space, a control character or a bracket in the uri", int(separator - start))
    at = find(buf, 64, pos, end)
    if at >= 0:
        _userinfo(uri, pos, at)
        pos = at + 1
    pos = _host_port(uri, pos)
    if pos < end and buf[pos] == 59:
        uri.params_start = pos
        question = find(buf, 63, pos, end)
        uri.params_end = end if question < 0 else question
        _params(uri)
        pos = uri.params_end
    if pos < end:
        if buf[pos] != 63:
            raise BadUri("garbage behind the host", int(pos - start))
        uri.headers_start = pos
    return uri


def _scheme(uri: SipUri) -> i64:
    buf = uri.buf
    start = uri.start
    length: i64 = uri.end - start
    if length < 5:
        raise BadUri("uri too short", 0)
    if buf[start + 3] == 58 and equals_lower(buf, start, start + 3, b"sip"):
        return start + 4
    if buf[start + 4] == 58 and equals_lower(buf, start, start + 4, b"sips"):
        uri.secure = True
        return start + 5
    raise BadUri("not a sip: or sips: uri", 0)


def separator_in(buf: bytes, pos: i64, end: i64) -> i64:
    """Where in `buf[pos:end]` there is white space, a control character, `<` or `>`, -1 when there is none.

    No URI of any scheme holds one (RFC 3986 2); a folded Route that does must not get into a request line.
    """
    # Seven bytes at a step, as in `find`: only where one of them may be a separator are they looked at.
    while end - pos >= 8:
        word = read_i64_le(buf, pos) & _SEVEN_BYTES
        is_bracket = (word | _SEVEN_TWOS) ^ _SEVEN_CLOSED
        is_delete = word ^ _SEVEN_DELETES
        found = (word - _SEVEN_33S) & ~word
        found |= (is_bracket - _SEVEN_ONES) & ~is_bracket
        found |= (is_delete - _SEVEN_ONES) & ~is_delete
        if found & _SEVEN_HIGHS != 0:
            break
        pos += 7
    at = find_any(buf, _SEPARATORS, pos, end)
    return at if at < end else -1


def _userinfo(uri: SipUri, pos: i64, at: i64) -> None:
    first = uri.buf[pos]
    if first == 64 or first == 58:
        raise BadUri("empty user before the @", int(pos - uri.start))
    if first == 91:
        raise BadUri("a user cannot begin with a bracket", int(pos - uri.start))
    uri.user_start = pos
    colon = find(uri.buf, 58, pos, at)
    if colon < 0:
        uri.user_end = at
        return
    uri.user_end = colon
    uri.password_start = colon + 1
    uri.password_end = at


def _host_port(uri: SipUri, pos: i64) -> i64:
    """Host and port; returns the position behind them."""
    buf = uri.buf
    end = uri.end
    uri.host_start = pos
    if pos < end and buf[pos] == 91:
        pos = _bracketed(uri, pos)
    else:
        pos = find_any(buf, NOT_IN_HOST, pos, end)
    uri.host_end = pos
    if pos == uri.host_start:
        raise BadUri("no host", int(pos - uri.start))
    if pos < end and buf[pos] == 58:
        pos += 1
        uri.port_start = pos
        while pos < end and 48 <= buf[pos] <= 57:
            pos += 1
        uri.port_end = pos
        uri.port = decimal(buf, uri.port_start, pos)
        if uri.port < 0 or uri.port > 65535:
            raise BadUri("bad port", int(uri.port_start - uri.start))
    return pos


def _bracketed(uri: SipUri, pos: i64) -> i64:
    """An IPv6 reference; its inside is checked only for its alphabet here."""
    buf = uri.buf
    close = find(buf, 93, pos, uri.end)
    if close < 0 or close == pos + 1:
        raise BadUri("bad IPv6 address", int(pos - uri.start))
    i: i64 = pos + 1
    while i < close:
        c: i64 = buf[i]
        if not (48 <= c <= 58 or 97 <= (c | 32) <= 102 or c == 46):
            raise BadUri("bad IPv6 address", int(i - uri.start))
        i += 1
    return close + 1


def _params(uri: SipUri) -> None:
    """Note the parameters that routing asks for: transport and lr."""
    buf = uri.buf
    pos = uri.params_start
    end = uri.params_end
    while pos < end:
        name = pos + 1
        pos = find(buf, 59, name, end)
        if pos < 0:
            pos = end
        first: i64 = buf[name] | 32 if name < end else 0
        if first == 108:
            if equals_lower(buf, name, pos, b"lr") or pos > name + 2 and equals_lower(buf, name, name + 3, b"lr="):
                uri.lr = True
        elif first == 116 and pos > name + 10 and equals_lower(buf, name, name + 10, b"transport="):
            uri.transport = transport_number(buf, name + 10, pos)


def transport_number(buf: bytes, start: i64, end: i64) -> i64:
    """The number of a `transport` value: UDP, TCP, TLS, SCTP or OTHER_TRANSPORT."""
    if equals_lower(buf, start, end, b"udp"):
        return UDP
    if equals_lower(buf, start, end, b"tcp"):
        return TCP
    if equals_lower(buf, start, end, b"tls"):
        return TLS
    if equals_lower(buf, start, end, b"sctp"):
        return SCTP
    return OTHER_TRANSPORT


def parse_ipv4(buf: bytes, start: i64, end: i64) -> bytes:
    """The 4 bytes of a dotted quad, b"" when the text is none (four decimal parts, each 0 to 255)."""
    part: i64 = 0
    digits: i64 = 0
    dots: i64 = 0
    packed: i64 = 0
    while start < end:
        c: i64 = buf[start]
        if c == 46:
            if digits == 0:
                return b""
            packed = (packed << 8) | part
            part = 0
            digits = 0
            dots += 1
        elif 48 <= c <= 57:
            part = part * 10 + (c - 48)
            digits += 1
            if part > 255 or digits > 3:
                return b""
        else:
            return b""
        start += 1
    if dots != 3 or digits == 0:
        return b""
    packed = (packed << 8) | part
    return bytes([packed >> 24, (packed >> 16) & 255, (packed >> 8) & 255, packed & 255])


def has_other_scheme(text: bytes) -> bool:
    """True for what is a URI, but none of SIP: tel:, urn:, http: (RFC 3986 3.1). False for sip:, sips: and what has no scheme."""
    if equals_lower(text, 0, min(4, len(text)), b"sip:"):
        return False
    end = find(text, COLON, 0, len(text))
    if end <= 0:
        return False
    scheme = text[:end].lower()
    if scheme in (b"sip", b"sips") or not scheme[:1].isalpha():
        return False
    for c in scheme:
        if not (97 <= c <= 122 or 48 <= c <= 57 or c in b"+-."):
            return False
    return True
