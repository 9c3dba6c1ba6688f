"""How much goes in a batch, and the errors that a read survives."""

from __future__ import annotations

import errno
from typing import Final

from mypy_extensions import i64

# Messages per system call.
BATCH: Final[i64] = 32

# Errors of a read that say nothing about the socket itself: nothing came in time, or what was sent did not arrive.
HARMLESS: Final = frozenset(
    (
        errno.EAGAIN,
        errno.EWOULDBLOCK,
        errno.EINTR,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.EHOSTDOWN,
        errno.ENETDOWN,
        errno.EPROTO,
        errno.ENOPROTOOPT,
        errno.EMSGSIZE,
        errno.ENOMEM,
        errno.ENOBUFS,
    )
)
