"""The address of record: the key by which usrloc knows a user. Reference modules-main, chapter 6."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from runtime.modules.registrar.refusals import BAD_AOR, BAD_ESCAPE, LONG_AOR, Refused
from runtime.modules.registrar.settings import Settings
from runtime.sip.scan import any_of, find, find_any
from runtime.sip.uri import BadUri, SipUri, parse_uri

_AOR_LIMIT: Final = 256
_UPPER: Final = any_of(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def aor_of(buf: bytes, start: i64, end: i64, settings: Settings) -> bytes:
    """The key of the user that the URI at `buf[start:end]` names. Raises Refused."""
    try:
        uri = parse_uri(buf, start, end)
    except BadUri as e:
        raise Refused(BAD_AOR) from e
    return key_of(uri, settings)


def key_of(uri: SipUri, settings: Settings) -> bytes:
    """User without escapes, with use_domain `@` and host; in lower case, or with case_sensitive only the host. Raises Refused."""
    user = uri.user()
    if len(user) + 1 + (uri.host_end - uri.host_start) > _AOR_LIMIT:
        # Whether the host counts or not, and escapes as they are written: as in SER.
        raise Refused(LONG_AOR)
    if find(user, 37, 0, len(user)) >= 0:
        user = _unescaped(user)
    if not settings.case_sensitive and find_any(user, _UPPER, 0, len(user)) < len(user):
        user = user.lower()
    if settings.use_domain:
        host = uri.host().lower()
        prefix = settings.realm_prefix
        if len(prefix) > 0 and len(host) > len(prefix) and host.startswith(prefix):
            host = host[len(prefix) :]
        user = b"".join([user, b"@", host])
    return user


def _unescaped(user: bytes) -> bytes:
    """Without %xx. A control character may not be written so: it would end up in logs and databases."""
    pieces: list[bytes] = []
    pos: i64 = 0
    size: i64 = len(user)
    while True:
        percent = find(user, 37, pos, size)
        if percent < 0:
            pieces.append(user[pos:])
            return b"".join(pieces)
        value: i64 = -1
        if percent + 2 < size:
            value = _hex(user[percent + 1]) * 16 + _hex(user[percent + 2])
        if value < 32 or value == 127:
            raise Refused(BAD_ESCAPE)
        pieces.append(user[pos:percent])
        pieces.append(bytes([value]))
        pos = percent + 3


def _hex(c: i64) -> i64:
    """The value of a hexadecimal digit; far below 0 for anything else."""
    if 48 <= c <= 57:
        return c - 48
    letter = c | 32
    return letter - 87 if 97 <= letter <= 102 else -1000
