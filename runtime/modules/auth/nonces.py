"""Nonces as SER makes them. Reference modules-main, chapter 8.

A nonce is the second in which it expires, as eight hex digits, and the MD5 of those digits and a secret. So nobody has to remember
it, and any process knows it for its neighbour's; all who are challenged in the same second get the same one.

That of a challenge that offers a qop hashes the offer, too (SER's does not): it says that credentials have to be with one.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.sip.digest import MD5, hex_hash, is_right

_TIME_SIZE: Final = 8
_SIZE: Final = 40
# Nonces that were recognised before are remembered, a second's or two each, for some minutes.
_KNOWN_MAX: Final = 1000

# Whose a nonce is.
FOREIGN: Final = 0
OURS: Final = 1
OURS_WITH_QOP: Final = 2


@final
class Nonces:
    """Makes and recognises nonces that live `life_s` seconds. `offer` is what challenges with qop offer.

    `start_s` is the second of the server's start if its secret is older, -1 if not: no nonce that is made here is of that second.
    """

    def __init__(self, secret: bytes, life_s: int, offer: bytes = b"", start_s: int = -1) -> None:
        self._secret: Final = secret
        self._secret_with_qop: Final = b"%s:%s" % (secret, offer)
        self._life_s: Final = life_s
        self._start_s: Final = start_s
        self._last_s = -1
        self._last = (b"", b"")
        # Those that were found to be ours. Whose another is takes two hashes to find out.
        self._known: Final[dict[bytes, int]] = {}

    def new(self, now_s: int, with_qop: bool = False) -> bytes:
        """The nonce of this second."""
        now_s = max(now_s, self._start_s + 1)
        if now_s != self._last_s:
            until = b"%08x" % ((now_s + self._life_s) & 0xFFFFFFFF)
            offering = until + hex_hash(MD5, until + self._secret_with_qop)
            self._last = (until + hex_hash(MD5, until + self._secret), offering)
            self._last_s = now_s
        return self._last[1] if with_qop else self._last[0]

    def owner_of(self, nonce: bytes) -> int:
        """OURS or OURS_WITH_QOP if it was made with this secret, however long ago."""
        known = self._known.get(nonce)
        if known is not None:
            return known
        owner = self._computed_owner_of(nonce)
        if owner != FOREIGN:
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            self._known[nonce] = owner
        return owner

    def _computed_owner_of(self, nonce: bytes) -> int:
        # Digits in upper case are none of ours, whoever knows the secret.
        if len(nonce) != _SIZE or nonce != nonce.lower():
            return FOREIGN
        until = nonce[:_TIME_SIZE]
        told = nonce[_TIME_SIZE:]
        if is_right(told, hex_hash(MD5, until + self._secret_with_qop)):
            return OURS_WITH_QOP
        return OURS if is_right(told, hex_hash(MD5, until + self._secret)) else FOREIGN

    def is_of_this_start(self, nonce: bytes) -> bool:
        """True if a nonce of ours was made since the start: which older ones have been used nobody knows."""
        return expiry_of(nonce) - self._life_s > self._start_s


def expiry_of(nonce: bytes) -> int:
    """The second in which a nonce of ours expires; 0 for one whose first digits are no number."""
    if len(nonce) < _TIME_SIZE:
        return 0
    value: i64 = 0
    i: i64 = 0
    while i < _TIME_SIZE:
        c: i64 = nonce[i]
        if 48 <= c <= 57:
            value = value << 4 | c - 48
        elif 97 <= c | 32 <= 102:
            value = value << 4 | (c | 32) - 87
        else:
            return 0
        i += 1
    return int(value)
