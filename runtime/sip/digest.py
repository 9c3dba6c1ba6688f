"""Digest credentials: reading them and computing what they must say. RFC 2617 3.2, RFC 7616 3.4, RFC 8760.

Reference modules-main, chapters 8 and 9. Values stay as they stand between their quotes, backslashes included: that is what both
sides hash (RFC 7616 3.4, "unq").
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final, final

from mypy_extensions import i64

from runtime.sip.md5 import md5_hex
from runtime.sip.scan import BadMessage, equals_lower, find, skip_quoted, skip_white, trim_end

# Algorithms.
MD5: Final = 0
SHA256: Final = 1

# Hex digits of a hash, by algorithm.
HASH_SIZES: Final = (32, 64)

AUTH_INT: Final = b"auth-int"
_SCHEME: Final = b"digest"

# The module need not be asked for it each time.
_is_same: Final = hmac.compare_digest


@final
class Credentials:
    """The parameters of an Authorization or Proxy-Authorization header; None where one is missing, of several the last counts."""

    def __init__(self) -> None:
        self.username: bytes | None = None
        self.realm: bytes | None = None
        self.nonce: bytes | None = None
        self.uri: bytes | None = None
        self.response: bytes | None = None
        self.algorithm: bytes | None = None
        self.cnonce: bytes | None = None
        self.nonce_count: bytes | None = None
        self.qop: bytes | None = None
        self.opaque: bytes | None = None

    def user(self) -> bytes:
        """The username up to an @."""
        return part_before_at(self.username or b"")

    def domain(self) -> bytes:
        """The username behind its first @, b"" if there is none."""
        name = self.username or b""
        at = find(name, 64, 0, len(name))
        return b"" if at < 0 else name[at + 1 :]

    def is_auth_int(self) -> bool:
        return self.qop is not None and self.qop.lower() == AUTH_INT

    def names(self, algorithm: int) -> bool:
        """True if the client says that it used this algorithm. What is no SHA-256 is MD5: SER looks at no name at all."""
        is_sha256 = self.algorithm is not None and self.algorithm.upper() == b"SHA-256"
        return is_sha256 == (algorithm == SHA256)

    def missing(self) -> str:
        """The name of a parameter without which nothing can be checked, "" if all are here. RFC 2617 3.2.2."""
        if self.username is None:
            return "username"
        if self.realm is None:
            return "realm"
        if self.nonce is None:
            return "nonce"
        if self.uri is None:
            return "uri"
        if self.response is None:
            return "response"
        if self.qop is not None and self.qop.lower() in (b"auth", AUTH_INT):
            if self.cnonce is None:
                return "cnonce"
            if self.nonce_count is None:
                return "nc"
        return ""

    def set(self, buf: bytes, start: i64, end: i64, value: bytes) -> None:
        """Take the parameter whose name is `buf[start:end]`, in any case; unknown ones are ignored."""
        size = end - start
        if size == 3:
            if equals_lower(buf, start, end, b"uri"):
                self.uri = value
            elif equals_lower(buf, start, end, b"qop"):
                self.qop = value
        elif size == 5:
            if equals_lower(buf, start, end, b"realm"):
                self.realm = value
            elif equals_lower(buf, start, end, b"nonce"):
                self.nonce = value
        elif size == 6:
            if equals_lower(buf, start, end, b"cnonce"):
                self.cnonce = value
            elif equals_lower(buf, start, end, b"opaque"):
                self.opaque = value
        elif size == 8:
            if equals_lower(buf, start, end, b"username"):
                self.username = value
            elif equals_lower(buf, start, end, b"response"):
                self.response = value
        elif equals_lower(buf, start, end, b"nc"):
            self.nonce_count = value
        elif equals_lower(buf, start, end, b"algorithm"):
            self.algorithm = value


def parse_credentials(buf: bytes, start: i64, end: i64) -> Credentials | None:
    """The credentials in the header value `buf[start:end]`; None for another scheme than Digest, or for no parameter at all.

    Raises BadMessage for a parameter without a value, a comma with no parameter behind it, and a quote that is never closed.
    """
    pos = skip_white(buf, start, end)
    end = trim_end(buf, pos, end)
    scheme_end = pos + len(_SCHEME)
    if scheme_end >= end or not equals_lower(buf, pos, scheme_end, _SCHEME):
        return None
    c: i64 = buf[scheme_end]
    if c != 44 and skip_white(buf, scheme_end, end) == scheme_end:
        return None
    credentials = Credentials()
    pos = scheme_end
    while pos < end:
        pos = _parameter(buf, skip_white(buf, pos + 1, end), end, credentials)
    return credentials


def _parameter(buf: bytes, pos: i64, end: i64, credentials: Credentials) -> i64:
    """Read `name=value` at `pos`; returns the position of the comma behind it, or `end`.

    A comma in a name makes it one that nobody knows, as in SER.
    """
    name = pos
    pos = find(buf, 61, pos, end)
    if pos < 0:
        raise BadMessage("a parameter of the credentials has no value", int(name))
    name_end = trim_end(buf, name, pos)
    value = skip_white(buf, pos + 1, end)
    if value >= end:
        raise BadMessage("a parameter of the credentials has no value", int(name))
    if buf[value] == 34:
        pos = skip_quoted(buf, value, end)
        if pos < 0:
            raise BadMessage("a quote in the credentials is never closed", int(value))
        value += 1
        value_end = pos - 1
    else:
        pos = value
        while pos < end and not _ends_token(buf[pos]):
            pos += 1
        value_end = pos
        if pos == value:
            raise BadMessage("a parameter of the credentials has no value", int(name))
    credentials.set(buf, name, name_end, buf[value:value_end])
    # SER takes no offence at what stands between a value and the next comma.
    while pos < end and buf[pos] != 44:
        pos += 1
    return pos


def part_before_at(name: bytes) -> bytes:
    """The user of `user@domain`; all of it where there is no @."""
    at = find(name, 64, 0, len(name))
    return name if at < 0 else name[:at]


def _ends_token(c: i64) -> bool:
    return c == 44 or c == 32 or c == 9 or c == 13 or c == 10


def hex_hash(algorithm: int, text: bytes) -> bytes:
    """Lower-case hex digits of the hash of `text`."""
    if algorithm == SHA256:
        return hashlib.sha256(text).hexdigest().encode("ascii")
    return md5_hex(text)


def ha1_of(algorithm: int, username: bytes, realm: bytes, password: bytes) -> bytes:
    """What a server may keep in the place of a password. RFC 7616 3.4.2."""
    return hex_hash(algorithm, b"%s:%s:%s" % (username, realm, password))


def response_of(algorithm: int, credentials: Credentials, ha1: bytes, method: bytes, body: bytes) -> bytes:
    """The response that goes with these credentials, which lack nothing, in a request of this method and body. RFC 7616 3.4.1.

    The URI is the one that the client says it has hashed. As in SER a qop of any name is hashed, none is the form of RFC 2069.
    """
    uri = credentials.uri or b""
    what = b"%s:%s" % (method, uri)
    if credentials.is_auth_int():
        what = b"%s:%s" % (what, hex_hash(algorithm, body))
    ha2 = hex_hash(algorithm, what)
    nonce = credentials.nonce or b""
    qop = credentials.qop
    if not qop:
        return hex_hash(algorithm, b"%s:%s:%s" % (ha1, nonce, ha2))
    count = credentials.nonce_count or b""
    return hex_hash(algorithm, b"%s:%s:%s:%s:%s:%s" % (ha1, nonce, count, credentials.cnonce or b"", qop, ha2))


def is_right(response: bytes, wanted: bytes) -> bool:
    """True if both are the same, in a time that does not tell where they differ. Lower case only, as in SER."""
    return _is_same(response, wanted)
