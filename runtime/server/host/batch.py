"""What recvmmsg(2) and sendmmsg(2) need of memory, and the errors that a read survives."""

from __future__ import annotations

import errno
from typing import Any, Final, final

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


@final
class Batch:
    """The C structures of one direction: BATCH headers, each with an address and a piece of the arena.

    Single fields are reached through views of the memory, which is several times cheaper than cffi's attributes.
    """

    def __init__(self, ffi: Any, arena_bytes: i64) -> None:
        size: int = ffi.sizeof("struct mmsghdr")
        self.headers: Final[Any] = ffi.new("struct mmsghdr[]", BATCH)
        self._vectors: Final[Any] = ffi.new("struct iovec[]", BATCH)
        self._names: Final[Any] = ffi.new("struct sockaddr_in6[]", BATCH)
        # Not cleared: a page that no datagram ever reaches costs no memory then.
        self._arena: Final[Any] = ffi.new_allocator(should_clear_after_alloc=False)("char[]", arena_bytes)
        for i in range(BATCH):
            header = self.headers[i].msg_hdr
            header.msg_iov = self._vectors + i
            header.msg_iovlen = 1
            header.msg_name = self._names + i
        # Pointers made once: to header i and those after it, to name i, to the place of datagram i.
        self.from_header: Final[list[Any]] = [self.headers + i for i in range(BATCH)]
        self.name: Final[list[Any]] = [ffi.cast("char *", self._names + i) for i in range(BATCH)]
        self.base: Final[int] = int(ffi.cast("size_t", self._arena))
        self.arena: Final[Any] = memoryview(ffi.buffer(self._arena)).cast("B")
        self.names: Final[Any] = memoryview(ffi.buffer(self._names)).cast("B")
        self.u32: Final[Any] = memoryview(ffi.buffer(self.headers)).cast("B").cast("I")
        self.vectors: Final[Any] = memoryview(ffi.buffer(self._vectors)).cast("B").cast("L")
        self.step: Final[i64] = size // 4
        self.length_at: Final[i64] = ffi.offsetof("struct mmsghdr", "msg_len") // 4
        self.name_length_at: Final[i64] = ffi.offsetof("struct msghdr", "msg_namelen") // 4
        self.sockaddr_bytes: Final[i64] = ffi.sizeof("struct sockaddr_in6")
        # struct iovec is two words: base and length.
        assert ffi.sizeof("struct iovec") == 2 * ffi.sizeof("size_t")

    def divide_arena(self, ffi: Any, slot_bytes: i64, name_bytes: i64) -> list[Any]:
        """For reading: every header gets its own slot; returns pointers to the slots."""
        slots = []
        for i in range(BATCH):
            at = i * slot_bytes
            self.vectors[2 * i] = self.base + at
            self.vectors[2 * i + 1] = slot_bytes
            self.u32[i * self.step + self.name_length_at] = name_bytes
            slots.append(self._arena + at)
        return slots
