"""MD5 of short texts. Python's own costs a fifth of OpenSSL's, which hashlib takes: that is made for long ones."""

from __future__ import annotations

import hashlib
from binascii import hexlify
from functools import partial
from typing import Any, Final

try:
    from _md5 import md5 as _made
except ImportError:  # a Python that was built without it
    _made = partial(hashlib.md5, usedforsecurity=False)

_NEW: Final[Any] = _made


def md5_hex(text: bytes) -> bytes:
    """Its lower-case hex digits."""
    return hexlify(_NEW(text).digest())
