"""Nonces as SER makes them. Reference modules-main, chapter 8.

A nonce is the second in which it expires, as eight hex digits, and the MD5 of those digits and a secret. So nobody has to remember
it, and any process knows it for its neighbour's; all who are challenged in the same second get the same one.
"""

from __future__ import annotations

from typing import Final, final

from runtime.sip.digest import MD5, hex_hash, is_right

_TIME_SIZE: Final = 8
_SIZE: Final = 40


@final
class Nonces:
    """Makes and recognises nonces that live `life_s` seconds."""

    def __init__(self, secret: bytes, life_s: int) -> None:
        self._secret: Final = secret
        self._life_s: Final = life_s
        self._last_s = -1
        self._last = b""

    def new(self, now_s: int) -> bytes:
        """The nonce of this second."""
        if now_s != self._last_s:
            until = b"%08x" % ((now_s + self._life_s) & 0xFFFFFFFF)
            self._last = until + hex_hash(MD5, until + self._secret)
            self._last_s = now_s
        return self._last

    def is_ours(self, nonce: bytes) -> bool:
        """True if it was made with this secret, however long ago."""
        # Digits in upper case are none of ours, whoever knows the secret.
        if len(nonce) != _SIZE or nonce != nonce.lower():
            return False
        return is_right(nonce[_TIME_SIZE:], hex_hash(MD5, nonce[:_TIME_SIZE] + self._secret))


def expiry_of(nonce: bytes) -> int:
    """The second in which a nonce of ours expires; 0 for one whose first digits are no number."""
    try:
        return int(nonce[:_TIME_SIZE], 16)
    except ValueError:
        return 0
