"""One TCP connection: what is left to be written, and when something last happened."""

from __future__ import annotations

import errno
import socket
from typing import Final, final

from mypy_extensions import i64

from runtime.server.streams.channel import Channel
from runtime.sip.address import Address
from runtime.sip.transport import ListenSocket, Send

# What may wait for a peer that does not read; with more the connection ends.
QUEUE_MAX_BYTES: Final[i64] = 1 << 20


@final
class Outgoing:
    """A message on its way. If it fails, process `sender` wants to hear of its `ticket`; 0: nobody does."""

    def __init__(self, send: Send, sender: i64, ticket: i64) -> None:
        self.send: Final = send
        self.sender: Final = sender
        self.ticket: Final = ticket


@final
class Connection:
    """`number` is unique in the server, `peer` the other end, `channel` what makes messages of the bytes. Times are those of the
    monotonic clock.

    `is_closing`: nothing is read any more, and when the queue is written the connection ends. `is_doomed`: it is to be closed
    as soon as what has been sent before is on its way, and nothing more that came by it counts. `names` are the addresses
    (sockaddr) under which it is known: the peer's, then aliases.
    """

    def __init__(
        self, number: i64, own: socket.socket, peer: Address, listener: ListenSocket, channel: Channel, now_ms: i64
    ) -> None:
        self.number: Final = number
        self.socket: Final = own
        self.fd: Final = own.fileno()
        self.peer: Final = peer
        self.listener = listener
        self.channel: Final = channel
        self.is_connecting = False
        self.is_closing = False
        self.is_doomed = False
        # The peer sends no more; it is kept for the answers to what it has asked.
        self.is_half_closed = False
        # What was written since then: if the peer was gone altogether, the kernel tells so only afterwards.
        self.unsure: list[Outgoing] = []
        # All is written, and the peer has been told; it may still say that it was not there.
        self.is_lingering = False
        self.is_open = True
        # Requests that came and have no final reply yet, as far as that can be seen from here.
        self.unanswered: i64 = 0
        # It was opened from here.
        self.is_ours = False
        self.active_ms = now_ms
        # Since when the queue, or connect(2), has made no progress.
        self.waits_since_ms = now_ms
        self.queue: list[Outgoing] = []
        self.queued_bytes: i64 = 0
        self.names: list[bytes] = []
        # Who wants to know what becomes of connect(2): processes, and the numbers of their questions.
        self.askers: list[tuple[i64, i64]] = []
        # What is being written, of which so much is: the first message of the queue, or what the channel has to say.
        self._data = b""
        self._is_message = False
        self._written: i64 = 0

    def shown(self) -> str:
        """The peer, for the log."""
        return f"{self.peer.host().decode()}:{self.peer.port}"

    def put(self, out: Outgoing, now_ms: i64) -> bool:
        """Queue a message for `write`; False if too much is waiting already."""
        size: i64 = len(out.send.data)
        if self.queued_bytes + size > QUEUE_MAX_BYTES:
            return False
        if not self.queue:
            self.waits_since_ms = now_ms
        self.queue.append(out)
        self.queued_bytes += size
        return True

    def is_stuck(self) -> bool:
        """True if `write` has left something for which the kernel had no room."""
        return len(self._data) > 0

    def write(self, now_ms: i64) -> int:
        """Write what the kernel takes; 0, or the errno with which the connection has ended."""
        while len(self._data) > 0 or self._next():
            data = self._data
            rest = memoryview(data)[self._written :] if self._written else data
            try:
                count: i64 = self.socket.send(rest)
            except OSError as e:
                if e.errno in _LATER:
                    return 0
                return e.errno or errno.EIO
            self.waits_since_ms = now_ms
            self._written += count
            if self._written == len(data):
                self._data = b""
                self._written = 0
                if self._is_message:
                    out = self.queue.pop(0)
                    message = out.send.data
                    if self.is_half_closed:
                        self.unsure.append(out)
                    self.queued_bytes -= len(message)
                    self.active_ms = now_ms
                    if self.unanswered > 0 and is_final(message):
                        self.unanswered -= 1
        return 0

    def _next(self) -> bool:
        """Take up what is to be written next; False if there is nothing, or it has to wait for the peer."""
        channel = self.channel
        self._data = channel.own_bytes()
        self._is_message = False
        if len(self._data) == 0 and self.queue and channel.is_ready:
            self._data = channel.wrap(self.queue[0].send.data)
            self._is_message = True
        return len(self._data) > 0


def is_final(message: bytes) -> bool:
    """True for a final reply."""
    return message.startswith(b"SIP/2.0 ") and message[8:9] >= b"2"


def wants_reply(message: bytes) -> bool:
    """True for a request other than ACK."""
    return not message.startswith((b"SIP/2.0 ", b"ACK "))


_LATER: Final = frozenset((errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR))
