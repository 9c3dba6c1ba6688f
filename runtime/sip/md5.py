"""MD5 of short texts. Python's own costs a fifth of OpenSSL's, which hashlib takes: that is made for long ones."""

from __future__ import annotations

from binascii import hexlify
from typing import Any, Final

try:
    from _md5 import md5
except ImportError:  # a Python that was built without it
    from hashlib import md5

_NEW: Final[Any] = md5


def md5_hex(text: bytes) -> bytes:
    """Its lower-case hex digits."""
    return hexlify(_NEW(text, usedforsecurity=False).digest())
