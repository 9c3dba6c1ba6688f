"""A client that is told line after line, into its reply pipe or to its socket: as fast as it reads. What is too much is lost."""

from __future__ import annotations

import os
import socket
from collections import deque
from typing import Final

from runtime.server.control.delivery import NO_EVENT, CannotDeliver, PipeDelivery, ReplyRules

# What may wait for one client; one more line is lost.
QUEUE_MAX_BYTES: Final = 1 << 20
# Who reads nothing for so long has gone, or may as well have.
SILENCE_MS: Final = 30_000


class Feed:
    """Lines for one client. `lost` counts those that there was no room for since somebody has last asked (`take_lost`). `is_over`:
    it is gone."""

    def __init__(self, now_ms: int) -> None:
        self._lines: Final[deque[bytes]] = deque()
        self._bytes = 0
        self._lost = 0
        self._heard_ms = now_ms
        self.is_over = False

    def put(self, line: bytes) -> None:
        """Have the line told, sooner or later."""
        if self._bytes + len(line) > QUEUE_MAX_BYTES:
            self._lost += 1
            return
        self._lines.append(line)
        self._bytes += len(line)

    def take_lost(self) -> int:
        """How many were lost; 0 as long as there is no room to tell it."""
        if self._bytes > QUEUE_MAX_BYTES // 2:
            return 0
        lost, self._lost = self._lost, 0
        return lost

    def has_more(self) -> bool:
        return bool(self._lines) and not self.is_over

    def fileno(self) -> int:
        """What says when there is room, or that the client is gone; NO_EVENT if nothing does."""
        return NO_EVENT

    def next_ms(self, now_ms: int) -> int | None:
        """When `go_on` wants to be called at the latest."""
        raise NotImplementedError

    def go_on(self, now_ms: int) -> None:
        """Tell as much as goes."""
        if self.is_over:
            return
        try:
            while self._lines:
                if not self._write(now_ms):
                    if now_ms - self._heard_ms > SILENCE_MS:
                        self.is_over = True
                    return
                self._heard_ms = now_ms
        except (OSError, CannotDeliver):
            self.is_over = True
            return
        self._heard_ms = now_ms

    def _write(self, now_ms: int) -> bool:
        """Tell something; False if there is no room now."""
        raise NotImplementedError

    def _told(self, size: int) -> None:
        """So many bytes of the first lines are."""
        self._bytes -= size
        while size > 0:
            line = self._lines.popleft()
            if size < len(line):
                self._lines.appendleft(line[size:])
                return
            size -= len(line)

    def close(self) -> None:
        """Give back what it holds."""
        self.is_over = True


class PipeFeed(Feed):
    """Into the reply pipe `name`, which stays open."""

    def __init__(self, rules: ReplyRules, name: bytes, now_ms: int) -> None:
        super().__init__(now_ms)
        self._pipe: Final = PipeDelivery(rules, name, b"", now_ms)
        self._due_ms = now_ms

    def fileno(self) -> int:
        return self._pipe.fd

    def next_ms(self, now_ms: int) -> int | None:
        if self._pipe.fd == NO_EVENT and not self.is_over:
            return self._due_ms
        return None

    def go_on(self, now_ms: int) -> None:
        if not self.is_over and self._pipe.fd == NO_EVENT:
            try:
                if now_ms < self._due_ms or not self._pipe.open(now_ms):
                    self._due_ms = max(self._due_ms, self._pipe.due_ms)
                    return
            except CannotDeliver:
                self.is_over = True
        super().go_on(now_ms)

    def _write(self, now_ms: int) -> bool:
        try:
            self._told(os.write(self._pipe.fd, self._lines[0]))
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        super().close()
        self._pipe.close()


class SocketFeed(Feed):
    """Into a connected socket that the client has given along with its request: it is nobody else's, so what one client has not read
    is in nobody's way."""

    def __init__(self, given: socket.socket, now_ms: int) -> None:
        super().__init__(now_ms)
        self._socket: Final = given

    def fileno(self) -> int:
        return NO_EVENT if self.is_over else self._socket.fileno()

    def next_ms(self, now_ms: int) -> int | None:
        return None

    def _write(self, now_ms: int) -> bool:
        try:
            # Whether the socket blocks is for the client to say, too, who has it as well.
            self._told(self._socket.send(self._lines[0], socket.MSG_DONTWAIT))
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        super().close()
        self._socket.close()
