"""Letters between the server's processes: who received what another is to handle, commands and their answers.

Each process has one mailbox, a pair of connected AF_UNIX sockets that the master makes before it forks. Everybody can write
into every mailbox and only its owner reads, so there is no lock, and the kernel keeps the letters of one sender in order. A
mailbox outlives its owner: the next process in the same place reads on. One packet carries as many letters as a process had
for another at the time. A full mailbox loses letters as a full socket buffer loses datagrams; nobody ever waits.

A letter is a head of eight bytes, u8 kind and u56 size of what follows, little-endian. What that is only the file of its kind in
`letters/` knows: its fields, how they are packed, how they are read.
"""

from __future__ import annotations

import errno
import os
import socket
from types import ModuleType
from typing import Any, Final, final

from librt.strings import BytesWriter, read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.server.host.batch import BATCH, HARMLESS

HEAD_BYTES: Final[i64] = 8
# More kinds of letters than there will ever be.
KINDS_MAX: Final = 32
# A packet that is not a single large letter stays below the first, every one below the second.
PACKET_BYTES: Final[i64] = 32768
PACKET_MAX_BYTES: Final[i64] = 65536 + 1024
LETTER_BYTES: Final[i64] = PACKET_MAX_BYTES - HEAD_BYTES
# Room in a mailbox, for letters of 1 kB those of a fifth of a second at 40,000 a second. The kernel's own limit, net.core.wmem_max,
# binds who may not exceed it (SO_SNDBUFFORCE).
ROOM_BYTES: Final = 8 << 20

# <asm-generic/socket.h>; Python does not name it.
_SO_SNDBUFFORCE: Final = 32


@final
class Letter:
    """One letter, as it came out of a mailbox: `packet` from `at` to `end` is what the file of its kind can read."""

    def __init__(self, kind: i64, packet: bytes, at: i64, end: i64) -> None:
        self.kind: Final = kind
        self.packet: Final = packet
        self.at: Final = at
        self.end: Final = end


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

    `dropped` counts those that found their mailbox full, or were larger than LETTER_BYTES; the ones of the kind `gives_back` stand
    in `returned`, for the caller to empty.
    """

    def __init__(self, writers: list[socket.socket]) -> None:
        self._writers: Final = writers
        self._packets: Final[list[BytesWriter]] = [BytesWriter() for _ in writers]
        self._letters: Final[list[int]] = [0 for _ in writers]
        self._filled: Final[list[int]] = []
        self.gives_back: i64 = 0
        self.dropped: i64 = 0
        self.returned: list[Letter] = []

    def begin(self, to: i64, kind: i64, size: i64) -> BytesWriter:
        """Where to write a letter for mailbox `to`: exactly `size` bytes. It leaves with `flush`, if it has LETTER_BYTES at most."""
        packet = self._packets[to]
        used: i64 = len(packet)
        if used == 0:
            self._filled.append(int(to))
        elif used + HEAD_BYTES + size > PACKET_BYTES:
            self._send(to)
        write_i64_le(packet, kind | (size << 8))
        self._letters[to] += 1
        return packet

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
        # What is larger than any packet is a single letter: who reads would get a part of it, and cannot do anything with that.
        if len(packet) > PACKET_MAX_BYTES:
            self._drop(to)
        else:
            try:
                self._writers[to].send(packet.getvalue())
            except OSError as e:
                if e.errno not in _FULL:
                    raise
                self._drop(to)
        packet.truncate(0)
        self._letters[to] = 0

    def _drop(self, to: i64) -> None:
        """What was to be sent is lost."""
        self.dropped += self._letters[to]
        if self.gives_back:
            letters: list[Letter] = []
            open_packet(self._packets[to].getvalue(), letters)
            self.returned.extend([letter for letter in letters if letter.kind == self.gives_back])


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
    """Up to BATCH packets per system call. `mmsg` is the extension module of mmsg.c."""

    def __init__(self, reader: socket.socket, mmsg: ModuleType) -> None:
        super().__init__(reader)
        self._packets: Final[list[bytes]] = [b""] * BATCH
        size = int(PACKET_MAX_BYTES)
        self._read: Final[Any] = mmsg.Reader(
            reader.fileno(), int(BATCH), size, self._packets, None, None, None
        ).read_now

    def receive(self, letters: list[Letter]) -> None:
        count: i64 = self._read()
        if count < 0:
            error = int(-count)
            if error not in HARMLESS:
                raise OSError(error, os.strerror(error))
            return
        packets = self._packets
        i: i64 = 0
        while i < count:
            open_packet(packets[i], letters)
            i += 1


def open_packet(packet: bytes, letters: list[Letter]) -> None:
    """Append the letters of one packet, which a process of this server has written."""
    pos: i64 = 0
    end: i64 = len(packet)
    while pos < end:
        head = read_i64_le(packet, pos)
        pos += HEAD_BYTES
        letter_end = pos + (head >> 8)
        assert letter_end <= end
        letters.append(Letter(head & 255, packet, pos, letter_end))
        pos = letter_end
