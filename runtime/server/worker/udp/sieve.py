"""Has the kernel drop a share of what is new before it gets into the queue of a socket; compiled in the native build."""

from __future__ import annotations

import array
import errno
import socket
import struct
from collections.abc import Sequence
from typing import Any, Final, Protocol, final

from mypy_extensions import i64

# Parts of a share: all of them are all that comes.
WHOLE: Final[i64] = 1024

# <asm-generic/socket.h>; Python does not name them. The last one fills in, as its ninth word, what the socket has lost since it was made.
_SO_ATTACH_FILTER: Final = 26
_SO_DETACH_FILTER: Final = 27
_SO_MEMINFO: Final = 55
_MEMINFO: Final = struct.Struct("9I")
_DROPS: Final = 8
_DROPS_MASK: Final[i64] = 0xFFFF_FFFF


class ShareFilter(Protocol):
    """A filter, see runtime/server/worker/udp/sieving.py."""

    def with_share(self, share: int) -> bytes: ...


@final
class Sieve:
    """Of WHOLE new requests `share` come through, chosen by chance. It is open at first, whoever had the socket before.

    `programs` are filters for it, the best one first; without any, or where the kernel takes none, it stays open.
    """

    def __init__(self, own: socket.socket, programs: Sequence[ShareFilter]) -> None:
        self._own: Final = own
        self._programs: Final[list[ShareFilter]] = list(programs)
        self.share: i64 = WHOLE
        self._words: Any = None
        self._seen_drops: i64 = 0
        self._detach()

    def works(self) -> bool:
        """False if it cannot be narrowed."""
        return len(self._programs) > 0

    def narrow(self, share: i64) -> None:
        """From now on this share comes through; WHOLE opens it. Takes the kernel about a millisecond."""
        if share == self.share:
            return
        if share >= WHOLE:
            self._detach()
            return
        if self.share == WHOLE:
            self._seen_drops = self._drops()
        while self._programs:
            # The call's structure holds the address only, and a compiled function frees what it does not use any more: so it is kept here.
            self._words = array.array("Q", self._programs[0].with_share(int(share)))
            address, count = self._words.buffer_info()
            try:
                self._own.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", count, address))
            except OSError as e:
                # What is too long for net.core.optmem_max; anything else would befall a shorter one as well.
                del self._programs[: 1 if e.errno == errno.ENOMEM else len(self._programs)]
                continue
            self.share = share
            return

    def dropped(self) -> i64:
        """How many datagrams have not come through, or found the receive buffer full, since the last call, or since it was narrowed."""
        if self.share == WHOLE:
            return 0
        before = self._seen_drops
        self._seen_drops = self._drops()
        return self._seen_drops - before & _DROPS_MASK

    def _drops(self) -> i64:
        words: tuple[int, ...] = _MEMINFO.unpack(self._own.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))
        return words[_DROPS]

    def _detach(self) -> None:
        try:
            self._own.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
        except OSError as e:
            if e.errno != errno.ENOENT:
                raise
        self.share = WHOLE
