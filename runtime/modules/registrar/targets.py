"""Contacts that no request can be sent to, or that would lead to others than a phone. RFC 3261 10.2.1, 10.3."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from runtime.routing.destination import literal_address
from runtime.sip.address import Network
from runtime.sip.scan import equals_lower, find
from runtime.sip.uri import BadUri, has_other_scheme, parse_uri

_BRACKET: Final = 91

# No host has such an address: this host itself (a datagram for 0.0.0.0 comes to the sender's own machine), groups, all of a network, and
# what is reserved; RFC 6890 2.2, RFC 5771, RFC 4291 2.5.2 and 2.7. The last ones are spelt as IPv6.
_NOBODY: Final = tuple(
    [
        Network.parse(text)
        for text in (
            "0.0.0.0/8",
            "224.0.0.0/3",
            "::/128",
            "ff00::/8",
            "::ffff:0.0.0.0/104",
            "::ffff:224.0.0.0/99",
        )
    ]
)


def is_target(uri: bytes) -> bool:
    """True if a request can be sent to what the URI names, as far as its text tells: names are not looked up.

    A URI of another scheme (tel:, mailto:) is a contact as good as any: it is for redirections (RFC 3261 10.2.1).
    """
    if _is_plain(uri):
        return True
    try:
        host = parse_uri(uri, 0, len(uri)).host()
    except BadUri:
        return has_other_scheme(uri)
    address = literal_address(host, 0)
    if address is None:
        # The inside of brackets is an address or nothing.
        return host[0] != _BRACKET
    return not any([network.contains(address.ip) for network in _NOBODY])


def _is_plain(uri: bytes) -> bool:
    """True for nearly every SIP URI: its host begins unlike those addresses, and need not be read."""
    size: i64 = len(uri)
    if size < 6 or not equals_lower(uri, 0, 4, b"sip:"):
        return False
    at = find(uri, 64, 4, size)
    host: i64 = 4 if at < 0 else at + 1
    if at == 4 or host >= size:
        return False
    first: i64 = uri[host]
    if first == 50:
        # 2, 20 to 21, 22 and more.
        return host + 1 < size and uri[host + 1] < 50
    return 49 <= first <= 57 or 97 <= (first | 32) <= 122
