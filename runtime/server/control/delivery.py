"""Answers on their way: into a client's reply pipe, or to its socket. Nobody else waits for a client that does not read.

Reference core, 7.3 and 7.4.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import stat
from typing import Final

# How often, and how long apart, a reply pipe is tried that nobody reads yet.
_TRIES: Final = 4
_TRY_AGAIN_MS: Final = 80
# How long a client may take to read what it asked for.
PATIENCE_MS: Final = 5000
# A datagram that finds the client's queue full is tried again so soon.
_QUEUE_FULL_MS: Final = 10

NO_EVENT: Final = -1


class CannotDeliver(Exception):
    """The client does not get the answer; `str()` says why."""


class Delivery:
    """An answer of `size_bytes` that is being given. `due_ms` is when `go_on` wants to be called, at the latest; `fd` is what may
    become writable before, NO_EVENT if nothing can; `is_watched` if somebody polls it."""

    def __init__(self, due_ms: int, size_bytes: int) -> None:
        self.due_ms = due_ms
        self.size_bytes: Final = size_bytes
        self.fd = NO_EVENT
        self.is_watched = False

    def go_on(self, now_ms: int) -> bool:
        """True when all is delivered; raises CannotDeliver when it never will be."""
        raise NotImplementedError

    def close(self) -> None:
        """Give back what it holds."""


class ReplyRules:
    """Which pipes may get an answer: FIFOs in `folder` of one of `owners`, or of anybody if that is None."""

    def __init__(self, folder: str, owners: frozenset[int] | None) -> None:
        self.folder: Final = folder
        self.owners: Final = owners

    def check(self, path: str, fd: int) -> None:
        """Raises CannotDeliver if the open pipe is not one that a client has made for its answer."""
        found = os.fstat(fd)
        if not stat.S_ISFIFO(found.st_mode):
            raise CannotDeliver(f"{path} is no FIFO")
        if found.st_nlink != 1:
            raise CannotDeliver(f"{path} has other names as well")
        if self.owners is not None and found.st_uid not in self.owners:
            raise CannotDeliver(f"{path} belongs to user {found.st_uid}, who may not use the FIFO")
        try:
            named = os.lstat(path)
        except OSError as e:
            raise CannotDeliver(f"{path}: {e.strerror}") from e
        if (named.st_dev, named.st_ino) != (found.st_dev, found.st_ino):
            raise CannotDeliver(f"{path} has been replaced")


class PipeDelivery(Delivery):
    """Writes `text` into the reply pipe `name`."""

    def __init__(self, rules: ReplyRules, name: bytes, text: bytes, now_ms: int) -> None:
        super().__init__(now_ms, len(text))
        self._rules: Final = rules
        self._path: Final = rules.folder + os.fsdecode(name)
        self._text: Final = memoryview(text)
        self._until_ms: Final = now_ms + PATIENCE_MS
        self._tries = 0
        self._written = 0

    def go_on(self, now_ms: int) -> bool:
        if self.fd == NO_EVENT and not self.open(now_ms):
            return False
        try:
            while self._written < len(self._text):
                self._written += os.write(self.fd, self._text[self._written :])
        except BlockingIOError:
            if now_ms >= self._until_ms:
                raise CannotDeliver(f"the client did not read {self._path} to the end") from None
            self.due_ms = self._until_ms
            return False
        except OSError as e:
            raise CannotDeliver(f"{self._path}: {e.strerror}") from e
        return True

    def open(self, now_ms: int) -> bool:
        """True when it is open; False if `due_ms` has to be waited for. Raises CannotDeliver."""
        self._tries += 1
        try:
            # Without O_CREAT, and no symbolic link: a name in a folder where everybody may write.
            fd = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY)
        except OSError as e:
            if e.errno == errno.ENXIO and self._tries < _TRIES:
                self.due_ms = now_ms + _TRY_AGAIN_MS
                return False
            why = "no client reads it" if e.errno == errno.ENXIO else e.strerror
            raise CannotDeliver(f"no reply pipe {self._path}: {why}") from e
        except ValueError as e:
            raise CannotDeliver(f"no reply pipe: {e}") from e
        try:
            self._rules.check(self._path, fd)
        except CannotDeliver:
            os.close(fd)
            raise
        self.fd = fd
        return True

    def close(self) -> None:
        if self.fd != NO_EVENT:
            os.close(self.fd)
            self.fd = NO_EVENT


class SocketDelivery(Delivery):
    """Sends `text` as one datagram to the address that the request came from."""

    def __init__(self, sender: socket.socket, address: str | bytes, text: bytes, now_ms: int, timeout_ms: int) -> None:
        super().__init__(now_ms, len(text))
        self._sender: Final = sender
        self._address: Final = address
        self._text = text
        self._until_ms: Final = now_ms + timeout_ms

    def go_on(self, now_ms: int) -> bool:
        if not self._address:
            raise CannotDeliver("the client's socket has no name")
        try:
            self._sender.sendto(self._text, socket.MSG_DONTWAIT, self._address)
        except BlockingIOError:
            if now_ms >= self._until_ms:
                raise CannotDeliver("the client does not read its socket") from None
            self.due_ms = min(now_ms + _QUEUE_FULL_MS, self._until_ms)
            return False
        except OSError as e:
            if e.errno == errno.EMSGSIZE and len(self._text) > 100:
                self._text = b"500 Error while creating reply\n"
                return self.go_on(now_ms)
            raise CannotDeliver(f"cannot answer the client's socket: {e.strerror}") from e
        return True


class Deliveries:
    """All answers on their way. Those that cannot be given at once have to wait, `limit` of them and `limit_bytes` of text at most,
    so that a client who asks and asks and never reads cannot fill the memory, nor keep answers from those who read."""

    def __init__(self, poll: select.poll, limit: int, limit_bytes: int) -> None:
        self._poll: Final = poll
        self._limit: Final = limit
        self._limit_bytes: Final = limit_bytes
        self._waiting: list[Delivery] = []

    def start(self, delivery: Delivery, now_ms: int) -> None:
        """Raises CannotDeliver."""
        if self._try(delivery, now_ms):
            return
        # Those who wait already are asked, not the new one: a single answer may be as long as it likes.
        if len(self._waiting) >= self._limit or sum(d.size_bytes for d in self._waiting) > self._limit_bytes:
            self._drop(delivery)
            raise CannotDeliver(f"{len(self._waiting)} clients already do not read their answers")
        self._waiting.append(delivery)

    def go_on(self, writable: set[int], now_ms: int) -> list[CannotDeliver]:
        """What is due or can be written now; the failures."""
        failures: list[CannotDeliver] = []
        still = []
        for delivery in self._waiting:
            if delivery.due_ms > now_ms and delivery.fd not in writable:
                still.append(delivery)
                continue
            try:
                if not self._try(delivery, now_ms):
                    still.append(delivery)
            except CannotDeliver as e:
                failures.append(e)
        self._waiting = still
        return failures

    def next_ms(self) -> int | None:
        """When something is due; None if nothing is."""
        return min((d.due_ms for d in self._waiting), default=None)

    def _try(self, delivery: Delivery, now_ms: int) -> bool:
        """True if it is done. The poll watches exactly the pipes of those that wait to write."""
        watched = delivery.fd
        try:
            done = delivery.go_on(now_ms)
        except CannotDeliver:
            self._drop(delivery)
            raise
        if done:
            self._drop(delivery)
        elif watched == NO_EVENT and delivery.fd != NO_EVENT:
            self._poll.register(delivery.fd, select.POLLOUT)
            delivery.is_watched = True
        return done

    def _drop(self, delivery: Delivery) -> None:
        if delivery.is_watched:
            self._poll.unregister(delivery.fd)
        delivery.close()
