"""What recvmmsg(2) and sendmmsg(2) need of memory, and the errors that a read survives."""

from __future__ import annotations

import errno
from typing import Any, Final, final

from mypy_extensions import i64

# Messages per system call.
BATCH: Final[i64] = 32
# What is told of one that was read.
FACT_BYTES: Final[i64] = 16

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
        # Pointers made once, to header i and those after it.
        self.from_header: Final[list[Any]] = [self.headers + i for i in range(BATCH)]
        self._base: Final[int] = int(ffi.cast("size_t", self._arena))
        # Slices of these are bytes, copied once.
        self.arena_bytes: Final[Any] = ffi.buffer(self._arena)
        self.name_bytes: Final[Any] = ffi.buffer(self._names)
        # Of each datagram that was read: address and port of an IPv4 source as one number, 0 for another, and the size; FACT_BYTES.
        self.facts: Final[Any] = ffi.new("struct fact[]", BATCH)
        self.fact_bytes: Final[Any] = ffi.buffer(self.facts)
        self.u32: Final[Any] = memoryview(ffi.buffer(self.headers)).cast("B").cast("I")
        self.vectors: Final[Any] = memoryview(ffi.buffer(self._vectors)).cast("B").cast("L")
        # Where a control message of the first datagram goes; nowhere at first.
        self._control_memory: Any = None
        self.control: Any = None
        self._words: Final[Any] = memoryview(ffi.buffer(self.headers)).cast("B").cast("L")
        self._control_at: Final[i64] = ffi.offsetof("struct msghdr", "msg_controllen") // 8
        self.step: Final[i64] = size // 4
        self.length_at: Final[i64] = ffi.offsetof("struct mmsghdr", "msg_len") // 4
        self.name_length_at: Final[i64] = ffi.offsetof("struct msghdr", "msg_namelen") // 4
        self.sockaddr_bytes: Final[i64] = ffi.sizeof("struct sockaddr_in6")
        # struct iovec is two words: base and length.
        assert ffi.sizeof("struct iovec") == 2 * ffi.sizeof("size_t")

    def take_control(self, ffi: Any, size: i64) -> None:
        """Have the kernel leave the control message of the first datagram, of just that size, in `control`."""
        self._control_memory = ffi.new("char[]", size)
        self.headers[0].msg_hdr.msg_control = self._control_memory
        self.control = memoryview(ffi.buffer(self._control_memory)).cast("B").cast("q")
        self.restore_control(size)

    def control_size(self) -> int:
        """What there is of it, after a read."""
        size: int = self._words[self._control_at]
        return size

    def restore_control(self, size: i64) -> None:
        """The kernel has left less: say again how much room there is."""
        self._words[self._control_at] = size

    def divide_arena(self, slot_bytes: i64, name_bytes: i64) -> None:
        """Every header gets a slot of its own, the first one at the beginning; all of it may be read into."""
        for i in range(BATCH):
            self.vectors[2 * i] = self._base + i * slot_bytes
            self.vectors[2 * i + 1] = slot_bytes
            self.u32[i * self.step + self.name_length_at] = name_bytes
