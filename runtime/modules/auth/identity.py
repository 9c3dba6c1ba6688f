"""Remote-Party-ID, and whether an identity is a telephone number. Reference modules-main, chapter 8."""

from __future__ import annotations

from mypy_extensions import i64

from runtime.sip.nameaddr import parse_name_addr
from runtime.sip.scan import BadMessage
from runtime.sip.uri import BadUri, parse_uri


def is_e164(identity: bytes) -> bool:
    """True if the user in an identity is a number: `+` and 2 to 15 digits. The identity is a name-addr, a SIP URI or a number.

    SER takes anything that begins with `+` and has the right length.
    """
    user = _user_of(identity)
    size: i64 = len(user)
    if size < 3 or size > 16 or user[0] != 43:
        return False
    i: i64 = 1
    while i < size:
        if user[i] < 48 or user[i] > 57:
            return False
        i += 1
    return True


def _user_of(identity: bytes) -> bytes:
    """b"" where there is no user, or the identity cannot be read."""
    try:
        if identity.find(b"<") >= 0:
            value = parse_name_addr(identity, 0, len(identity), False)
            identity = identity[value.uri_start : value.uri_end]
        if identity[:4].lower() == b"sip:":
            return parse_uri(identity, 0, len(identity)).user()
    except (BadMessage, BadUri):
        return b""
    return identity
