"""The process that accepts TCP connections and gives each to the process that has all connections with its host.

So whatever is to be sent to a host finds its connections, and their aliases, in one place.
"""

from __future__ import annotations

import errno
import select
import socket
import time
from collections import deque
from typing import Final

from runtime.routing.ports import L_ERR, Log
from runtime.server.mail.exchange import place_of
from runtime.server.mail.letters import log_level
from runtime.server.mail.mailbox import Letter, Mailbox
from runtime.sip.address import Address

# Connections taken from one listener before the next gets its turn.
_ROUND: Final = 64
# Without descriptors, waiting connections stay where they are for so long.
_REST_S: Final = 0.05

# Connections that wait for one process, which is just starting or busy, beside some 200 that the kernel keeps for it.
_WAITING_MAX: Final = 4096

# What ends an accept(2) without saying anything of the listener (accept(2), Linux).
_PASSING: Final = frozenset(
    (
        errno.ECONNABORTED,
        errno.EINTR,
        errno.EPROTO,
        errno.ENETDOWN,
        errno.ENOPROTOOPT,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.EOPNOTSUPP,
        errno.ENETUNREACH,
        errno.EPERM,
    )
)


class Doors:
    """Pairs of sockets, one for each of `count` TCP processes, that accepted connections go through. Raises OSError."""

    def __init__(self, count: int) -> None:
        self.inside: Final[list[socket.socket]] = []
        self.outside: Final[list[socket.socket]] = []
        for _ in range(count):
            outside, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            outside.setblocking(False)
            inside.setblocking(False)
            self.outside.append(outside)
            self.inside.append(inside)

    def keep(self, number: int) -> None:
        """Called in TCP process `number` (-1: in a process that is none): what else comes in is not its business."""
        for i, inside in enumerate(self.inside):
            if i != number:
                inside.close()

    def leave(self) -> None:
        """Called where nothing is accepted."""
        for outside in self.outside:
            outside.close()

    def close(self) -> None:
        """Called in a process that has nothing to do with TCP."""
        self.keep(-1)
        self.leave()


class Acceptor:
    """Accepts on `listeners`, pairs of an index in the table of sockets and the listening socket."""

    def __init__(
        self,
        listeners: list[tuple[int, socket.socket]],
        doors: list[socket.socket],
        log: Log,
        mailbox: Mailbox | None = None,
    ) -> None:
        self._listeners: Final = {own.fileno(): (index, own) for index, own in listeners}
        self._doors: Final = doors
        self._log: Final = log
        self._mailbox: Final = mailbox
        self._poll: Final = select.poll()
        for fd in self._listeners:
            self._poll.register(fd, select.POLLIN)
        if mailbox is not None:
            self._poll.register(mailbox.fileno(), select.POLLIN)
        # By the number of their door, those that did not get through at once, with their listeners.
        self._waiting: Final[dict[int, deque[tuple[socket.socket, int]]]] = {}
        self._quiet_until_s = 0.0
        self.accepted = 0
        self.refused = 0

    def run(self) -> None:
        """For ever."""
        while True:
            self.step(None)

    def step(self, patience_ms: int | None) -> None:
        """Wait for connections and for processes that have room again, and pass on what there is."""
        for fd, _ in self._poll.poll(patience_ms):
            if fd in self._listeners:
                self.take(*self._listeners[fd])
            elif self._mailbox is not None and fd == self._mailbox.fileno():
                self._read(self._mailbox)
        for number in list(self._waiting):
            self._pass_on(number)

    def _read(self, mailbox: Mailbox) -> None:
        letters: list[Letter] = []
        mailbox.receive(letters)
        for letter in letters:
            assert letter.kind == log_level.KIND
            log_level.obey(letter, self._log)

    def take(self, index: int, listener: socket.socket) -> None:
        """Accept what is waiting."""
        for _ in range(_ROUND):
            try:
                own, name = listener.accept()
            except OSError as e:
                if e.errno in (errno.EAGAIN, errno.EWOULDBLOCK):
                    return
                if e.errno in _PASSING:
                    continue
                self._remark(f"ERROR: tcp: cannot accept connections: {e.strerror}")
                time.sleep(_REST_S)
                return
            peer = Address.parse(name[0].partition("%")[0], name[1])
            self._hand_in(own, name[0], index, place_of(peer, len(self._doors)))

    def _hand_in(self, own: socket.socket, host: str, index: int, number: int) -> None:
        """Through door `number`, behind those that wait for it. One process that is slow hinders no other one."""
        queue = self._waiting.get(number)
        if queue is None and self._sent(number, own, index):
            return
        if queue is None:
            queue = self._waiting[number] = deque()
            self._poll.register(self._doors[number], select.POLLOUT)
        if len(queue) < _WAITING_MAX:
            queue.append((own, index))
            return
        own.close()
        self.refused += 1
        self._remark(f"ERROR: tcp: connection from {host} refused: the process for this host is overloaded")

    def _pass_on(self, number: int) -> None:
        """As many of the waiting as door `number` has room for."""
        queue = self._waiting[number]
        while queue and self._sent(number, *queue[0]):
            queue.popleft()
        if not queue:
            del self._waiting[number]
            self._poll.unregister(self._doors[number])

    def _sent(self, number: int, own: socket.socket, index: int) -> bool:
        """False if there is no room; where the connection got through, or never will, it is closed here."""
        try:
            socket.send_fds(self._doors[number], [index.to_bytes(4, "little")], [own.fileno()])
            self.accepted += 1
        except OSError as e:
            if e.errno in (errno.EAGAIN, errno.EWOULDBLOCK):
                return False
            if e.errno in (errno.ENOBUFS, errno.ETOOMANYREFS):
                # The door is writable all the same, so poll(2) would not wait.
                time.sleep(_REST_S)
                return False
            self.refused += 1
            self._remark(f"ERROR: tcp: connection refused: cannot pass it to its process: {e.strerror}")
        own.close()
        return True

    def _remark(self, line: str) -> None:
        """What a peer can cause is logged once a second at most."""
        now_s = time.monotonic()
        if now_s >= self._quiet_until_s:
            self._quiet_until_s = now_s + 1.0
            self._log.write(L_ERR, line)
