"""Letters between the server's processes: who received what another is to handle, commands and their answers.

Each process has one mailbox, a pair of connected AF_UNIX sockets that the master makes before it forks. Everybody can write
into every mailbox and only its owner reads, so there is no lock, and the kernel keeps the letters of one sender in order. A
mailbox outlives its owner: the next process in the same place reads on. One packet carries as many letters as a process had
for another at the time. A full mailbox loses letters as a full socket buffer loses datagrams; nobody ever waits.

A letter is a head of 24 bytes, a sockaddr and its data:

    u8 kind, u8 length of the sockaddr (0: none), u16 index, u32 length of the data, i64 number, i64 ticket, little-endian
"""

from __future__ import annotations

import errno
import os
import socket
from types import ModuleType
from typing import Any, Final, final

from librt.strings import BytesWriter, read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.server.host.batch import BATCH, HARMLESS, Batch

# Kinds of letters, and what index, number, address and ticket mean in each.
# A datagram for the process that handles its Call-ID. Index: the listener that it came to. Address: its source.
DATAGRAM: Final[i64] = 1
# What the control interface asks a worker (desk.py), and the answer. Index: the process that asked, or answers. Number: the
# question's.
COMMAND: Final[i64] = 2
ANSWER: Final[i64] = 3
# A message that came over TCP, for the process that handles its Call-ID. Index: the listener. Number: the connection's.
# Address: its peer.
TCP_MESSAGE: Final[i64] = 4
# To a TCP process: send the data on connection `number` (0: none in particular), else on any to the address; no data: close that
# connection. Index: the process that wants to hear, by the ticket, if it fails. A ticket of 0: nobody does.
TCP_SEND: Final[i64] = 5
# What became of it. Index: the errno.
TCP_FAILED: Final[i64] = 6
# To a TCP process: what goes to port `index` of the address is to take connection `number`.
TCP_ALIAS: Final[i64] = 7
# Tell the process of mailbox `index` the worker's counters, as an ANSWER to question `number`.
STATISTICS: Final[i64] = 8
# Begin nothing new: the server is to end. Number: the seconds after which others may ask again.
DRAIN: Final[i64] = 9

# To the name service: which records does the name that the data is have? Index: who asks. Number: their kind
# (runtime.routing.dns_records). And the answer, see name_letters.py.
NAME_QUESTION: Final[i64] = 10
NAME_ANSWER: Final[i64] = 11

HEAD_BYTES: Final[i64] = 24
# A packet that is not a single large letter stays below the first, every one below the second.
PACKET_BYTES: Final[i64] = 32768
PACKET_MAX_BYTES: Final[i64] = 65536 + 1024
# Room in a mailbox, for letters of 1 kB those of a fifth of a second at 40,000 a second. The kernel's own limit, net.core.wmem_max,
# binds who may not exceed it (SO_SNDBUFFORCE).
ROOM_BYTES: Final = 8 << 20

# <asm-generic/socket.h>; Python does not name it.
_SO_SNDBUFFORCE: Final = 32


@final
class Letter:
    """One letter, as it came out of a mailbox. `name` is a sockaddr, b"" where there is none."""

    def __init__(self, kind: i64, index: i64, number: i64, name: bytes, data: bytes, ticket: i64 = 0) -> None:
        self.kind: Final = kind
        self.index: Final = index
        self.number: Final = number
        self.name: Final = name
        self.data: Final = data
        self.ticket: Final = ticket


class Mailboxes:
    """Both ends of `count` mailboxes, numbered from 0; made by the master, inherited by all. Raises OSError."""

    def __init__(self, count: int) -> None:
        self.readers: Final[list[socket.socket]] = []
        self.writers: Final[list[socket.socket]] = []
        for _ in range(count):
            writer, reader = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            writer.setblocking(False)
            reader.setblocking(False)
            _make_room(writer)
            self.readers.append(reader)
            self.writers.append(writer)

    def keep(self, number: int) -> None:
        """Called in the process that reads mailbox `number`: the other ones' reading ends are not its business."""
        for i, reader in enumerate(self.readers):
            if i != number:
                reader.close()

    def close(self) -> None:
        for one in self.readers + self.writers:
            one.close()


def _make_room(writer: socket.socket) -> None:
    try:
        writer.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, ROOM_BYTES)
    except PermissionError:
        writer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM_BYTES)


@final
class Post:
    """Collects letters for other processes and sends them off.

    `dropped` counts those that found their mailbox full; the ones that had a ticket stand in `returned`, for the caller to
    empty.
    """

    def __init__(self, writers: list[socket.socket]) -> None:
        self._writers: Final = writers
        self._packets: Final[list[BytesWriter]] = [BytesWriter() for _ in writers]
        self._letters: Final[list[int]] = [0 for _ in writers]
        self._filled: Final[list[int]] = []
        self.dropped: i64 = 0
        self.returned: list[Letter] = []

    def put(self, to: i64, kind: i64, index: i64, number: i64, name: bytes, data: bytes, ticket: i64 = 0) -> None:
        """A letter for mailbox `to`; it leaves with `flush`. `data` may have up to 65536 bytes."""
        packet = self._packets[to]
        size: i64 = len(data)
        used: i64 = len(packet)
        if used == 0:
            self._filled.append(int(to))
        elif used + HEAD_BYTES + len(name) + size > PACKET_BYTES:
            self._send(to)
        write_i64_le(packet, kind | (len(name) << 8) | (index << 16) | (size << 32))
        write_i64_le(packet, number)
        write_i64_le(packet, ticket)
        packet.write(name)
        packet.write(data)
        self._letters[to] += 1

    def flush(self) -> None:
        """Send what has been put; one packet for each mailbox."""
        filled = self._filled
        if not filled:
            return
        for to in filled:
            self._send(to)
        filled.clear()

    def _send(self, to: i64) -> None:
        packet = self._packets[to]
        try:
            self._writers[to].send(packet.getvalue())
        except OSError as e:
            if e.errno not in _FULL:
                raise
            self.dropped += self._letters[to]
            letters: list[Letter] = []
            open_packet(packet.getvalue(), letters)
            for letter in letters:
                if letter.ticket:
                    self.returned.append(letter)
        packet.truncate(0)
        self._letters[to] = 0


_FULL: Final = frozenset((errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS, errno.ENOMEM))


class Mailbox:
    """The reading end of this process's mailbox."""

    def __init__(self, reader: socket.socket) -> None:
        # Kept, not only its number: a compiled function may free a socket after its last use.
        self._reader: Final = reader

    def fileno(self) -> int:
        return self._reader.fileno()

    def receive(self, letters: list[Letter]) -> None:
        """Append the letters that are there, some BATCH packets at most. Does not wait."""
        raise NotImplementedError


@final
class PlainMailbox(Mailbox):
    """One packet at a time with Python's socket module."""

    def __init__(self, reader: socket.socket) -> None:
        super().__init__(reader)
        self._buffer: Final = bytearray(PACKET_MAX_BYTES)
        self._view: Final = memoryview(self._buffer)

    def receive(self, letters: list[Letter]) -> None:
        i: i64 = 0
        while i < BATCH:
            try:
                size = self._reader.recv_into(self._buffer)
            except OSError as e:
                if e.errno not in HARMLESS:
                    raise
                return
            open_packet(bytes(self._view[:size]), letters)
            i += 1


@final
class BatchMailbox(Mailbox):
    """Up to BATCH packets per system call. `mmsg` is the extension module that mmsg_build.py describes."""

    def __init__(self, reader: socket.socket, mmsg: ModuleType) -> None:
        super().__init__(reader)
        self._ffi: Final[Any] = mmsg.ffi
        self._recvmmsg: Final[Any] = mmsg.lib.recvmmsg
        self._unpack: Final[Any] = mmsg.ffi.unpack
        self._no_timeout: Final[Any] = mmsg.ffi.NULL
        self._dont_wait: Final[int] = mmsg.lib.MSG_DONTWAIT
        self._fd: Final[int] = reader.fileno()
        self._in: Final = Batch(mmsg.ffi, BATCH * PACKET_MAX_BYTES)
        self._slots: Final[list[Any]] = self._in.divide_arena(mmsg.ffi, PACKET_MAX_BYTES, 0)

    def receive(self, letters: list[Letter]) -> None:
        into = self._in
        count: i64 = self._recvmmsg(self._fd, into.headers, BATCH, self._dont_wait, self._no_timeout)
        if count < 0:
            error: int = self._ffi.errno
            if error not in HARMLESS:
                raise OSError(error, os.strerror(error))
            return
        at = into.length_at
        i: i64 = 0
        while i < count:
            open_packet(self._unpack(self._slots[i], into.u32[at]), letters)
            at += into.step
            i += 1


def open_packet(packet: bytes, letters: list[Letter]) -> None:
    """Append the letters of one packet, which a process of this server has written."""
    pos: i64 = 0
    end: i64 = len(packet)
    while pos < end:
        head = read_i64_le(packet, pos)
        number = read_i64_le(packet, pos + 8)
        ticket = read_i64_le(packet, pos + 16)
        pos += HEAD_BYTES
        name_end = pos + ((head >> 8) & 255)
        data_end = name_end + ((head >> 32) & 0xFFFFFFFF)
        assert data_end <= end
        letters.append(
            Letter(head & 255, (head >> 16) & 65535, number, packet[pos:name_end], packet[name_end:data_end], ticket)
        )
        pos = data_end
