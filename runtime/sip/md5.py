"""MD5 of short texts. OpenSSL's, which hashlib takes, is made for long ones: one of 80 bytes takes five times what md5.c takes, and Python's
own, in the place of md5.c where that was not compiled, twice as much."""

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


def _with_python(text: bytes) -> bytes:
    return hexlify(_NEW(text).digest())


try:
    from runtime.sip._md5hex import md5_hex as _whole
except ImportError:  # the pure build
    _whole = _with_python

_HEX: Final[Any] = _whole


def md5_hex(text: bytes) -> bytes:
    """Its lower-case hex digits."""
    digits: bytes = _HEX(text)
    return digits
