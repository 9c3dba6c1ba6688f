"""The control protocol of the RTP proxy: a line there, a line back. Reference modules-main, chapter 13."""

from __future__ import annotations

import os
import socket
from typing import Final, final

from mypy_extensions import i64

from runtime.routing.asking import REFUSED, Asking, Kind, Question
from runtime.routing.context import L_ERR, L_INFO, L_WARN, Context
from runtime.routing.ports import Watched
from runtime.routing.world import World
from runtime.spec.kinds_sip import LARGEST_PORT, host_mistake, is_ip

VERSION: Final = b"20040107"
PORT: Final = 22222
LINE_LIMIT: Final = 4096
# Messages of a process that wait for the RTP proxy at the same time.
WAITING_MAX: Final = 2048


@final
class Place:
    """Where an RTP proxy listens: `path` of a Unix socket, "" for UDP; `text` as the administrator wrote it."""

    def __init__(self, text: str, path: str, family: int, host: str, port: int) -> None:
        self.text: Final = text
        self.path: Final = path
        self.family: Final = family
        self.address: Final = (host, port)


def parse_place(text: str) -> Place:
    """The place `unix:PATH`, `udp:HOST[:PORT]`, `udp6:HOST[:PORT]`, or a path. Raises ValueError, one sentence.

    HOST is in brackets where it is an IPv6 address; without a port these may be missing.
    """
    kind, colon, rest = text.partition(":")
    if not colon or kind not in ("unix", "udp", "udp6"):
        kind, rest = "unix", text
    if kind == "unix":
        if not rest:
            raise ValueError("the path of the socket is missing")
        return Place(text, rest, socket.AF_UNIX, "", 0)
    host, colon, port = rest.rpartition(":")
    if not colon or rest.endswith("]") or is_ip(rest):
        host, port = rest, str(PORT)
    if not port.isdecimal() or not 0 < int(port) <= LARGEST_PORT:
        raise ValueError(f'"{port}" is not a port')
    mistake = host_mistake(host)
    if mistake:
        raise ValueError(mistake)
    return Place(text, "", socket.AF_INET6 if kind == "udp6" else socket.AF_INET, host.strip("[]"), int(port))


@final
class RtpProxy:
    """One process's line to the RTP proxy. Who asks waits, and nobody else does.

    Over UDP a command is sent up to `attempts` times, each copy `wait_s` seconds apart; the proxy finds out about copies by the
    number before the command. A proxy that does not answer is left alone for `rest_s` seconds, so that it delays few messages.
    """

    def __init__(self, place: Place, world: World, attempts: int, wait_s: int, rest_s: int) -> None:
        self._world: Final = world
        self._log: Final = world.log
        self._asking: Final = world.asking
        self._kind: Final = Kind("rtpproxy", max(wait_s, 1) * 1000, WAITING_MAX)
        self._attempts: Final = max(attempts, 1)
        self._rest_ms: Final = rest_s * 1000
        self._place: Final = place
        self._line: Line | None = None
        self._number = 0
        self._dead_until_ms = 0
        self._found = False

    def ask(self, ctx: Context, command: bytes) -> bytes:
        """The answer to a command without its line end; b"" when there is none, or while the proxy is left alone."""
        if not self._found and not self.find(ctx):
            return b""
        answer = self._exchange(ctx, command)
        if not answer:
            self._give_up(ctx, "does not answer")
        return answer

    def find(self, ctx: Context | None) -> bool:
        """Whether a proxy of the right version is there; asked at the start, and when a silent one has had its rest."""
        if self._now_ms(ctx) < self._dead_until_ms:
            return False
        answer = self._exchange(ctx, b"V")
        if self._found:
            # Another message has asked meanwhile.
            return True
        if answer != VERSION:
            shown = answer.decode("latin-1")
            self._give_up(ctx, f"is of the version {shown}, not {VERSION.decode()}" if answer else "does not answer")
            return False
        self._found = True
        self._log.write(L_INFO, f"rtpp_test: RTP proxy {self._place.text} found, support for it enabled")
        return True

    def _give_up(self, ctx: Context | None, why: str) -> None:
        now_ms = self._now_ms(ctx)
        self._found = False
        if now_ms < self._dead_until_ms:
            # Said already, for another message that waited.
            return
        self._dead_until_ms = now_ms + self._rest_ms
        self._log.write(
            L_WARN,
            f"WARNING: rtpp_test: RTP proxy {self._place.text} {why}, not used for {self._rest_ms // 1000} s",
        )

    def _now_ms(self, ctx: Context | None) -> int:
        """The time of the message; None: the server starts."""
        return self._world.clock.now_ms() if ctx is None else int(ctx.now_ms)

    def _exchange(self, ctx: Context | None, command: bytes) -> bytes:
        stand_in = self._world.stand_in
        if stand_in is not None:
            return stand_in.rtp_proxy(self._place.text, command)
        try:
            if self._place.path:
                return self._wait(ctx, StreamAnswer(self._kind, self._asking, self._place.path, command)) or b""
            return self._over_udp(ctx, command)
        except OSError as e:
            self._log.write(L_ERR, f"ERROR: rtpp: {self._place.text}: {e.strerror or e}")
            return b""

    def _over_udp(self, ctx: Context | None, command: bytes) -> bytes:
        line = self._line
        if line is None:
            line = self._line = Line(self._place, self._asking)
        self._number += 1
        cookie = b"%d_%d " % (os.getpid(), self._number)
        for _ in range(self._attempts):
            question = DatagramAnswer(self._kind, line, cookie, command)
            answer = self._wait(ctx, question)
            if answer is not None:
                return answer
            if question.fate == REFUSED:
                break
        return b""

    def _wait(self, ctx: Context | None, question: Question[bytes]) -> bytes | None:
        return self._asking.wait(question, self._now_ms(ctx)) if ctx is None else ctx.wait(question)


@final
class StreamAnswer(Question[bytes]):
    """A command over a connection of its own, of a Unix socket. Raises OSError when it is asked and nobody listens.

    The answer is a line, or all that comes `until_close`; where the proxy closes before, what has come.
    """

    def __init__(self, kind: Kind, asking: Asking, path: str, command: bytes, until_close: bool = False) -> None:
        super().__init__(kind)
        self._until_close: Final = until_close
        self._come = b""
        self._asking: Final = asking
        self._path: Final = path
        self._command: Final = command
        self._line: socket.socket | None = None
        self._watched: _Stream | None = None

    def asks(self) -> str:
        return self._command.decode("latin-1")

    def tells(self) -> str:
        return "" if self.answer is None else self.answer.decode("latin-1")

    def ask(self, now_ms: i64) -> None:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.setblocking(False)
        self._line = line
        watches = self._asking.watches
        assert watches is not None
        try:
            line.connect(self._path)
            line.send(self._command + b"\n")
        except OSError:
            line.close()
            raise
        self._watched = _Stream(line.fileno(), self)
        watches.watch(self._watched)

    def give_up(self) -> None:
        line = self._line
        watched = self._watched
        watches = self._asking.watches
        if watched is not None and watches is not None:
            watches.forget(watched)
        if line is not None:
            line.close()

    def read(self, now_ms: i64) -> None:
        """The answer has come, or the proxy has gone."""
        line = self._line
        assert line is not None
        try:
            piece = line.recv(LINE_LIMIT)
        except OSError:
            piece = b""
        self._come += piece
        is_whole = not self._until_close and b"\n" in piece
        if not is_whole and piece and len(self._come) < LINE_LIMIT:
            return
        self.give_up()
        self._asking.take(self.number, self._come.rstrip(b"\r\n"), now_ms)


@final
class _Stream(Watched):
    def __init__(self, fd: int, question: StreamAnswer) -> None:
        super().__init__(fd)
        self._question: Final = question

    def is_ready(self, now_ms: i64) -> None:
        self._question.read(now_ms)


@final
class DatagramAnswer(Question[bytes]):
    """One copy of a command over UDP, known by its cookie. Raises OSError when it is asked and cannot be sent."""

    def __init__(self, kind: Kind, line: Line, cookie: bytes, command: bytes) -> None:
        super().__init__(kind)
        self._line: Final = line
        self._cookie: Final = cookie
        self._command: Final = command

    def asks(self) -> str:
        return self._command.decode("latin-1")

    def tells(self) -> str:
        return "" if self.answer is None else self.answer.decode("latin-1")

    def ask(self, now_ms: i64) -> None:
        self._line.send(self._cookie, self._command, self.number)

    def give_up(self) -> None:
        self._line.forget(self._cookie)


@final
class Line(Watched):
    """The socket of all datagrams to the RTP proxy, watched while an answer is waited for."""

    def __init__(self, place: Place, asking: Asking) -> None:
        # Kept, not only its number: a compiled function may free a socket after its last use.
        self._socket: Final = socket.socket(place.family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        super().__init__(self._socket.fileno())
        self._socket.connect(place.address)
        self._asking: Final = asking
        # The questions that wait, by their cookies.
        self._numbers: Final[dict[bytes, int]] = {}

    def send(self, cookie: bytes, command: bytes, number: int) -> None:
        try:
            self._socket.send(cookie + command)
        except ConnectionRefusedError:
            # That was the answer to an earlier datagram; this one has not been sent.
            self._socket.send(cookie + command)
        watches = self._asking.watches
        assert watches is not None
        if not self._numbers:
            watches.watch(self)
        self._numbers[cookie] = number

    def forget(self, cookie: bytes) -> None:
        if self._numbers.pop(cookie, 0) and not self._numbers:
            watches = self._asking.watches
            assert watches is not None
            watches.forget(self)

    def is_ready(self, now_ms: i64) -> None:
        try:
            answer = self._socket.recv(LINE_LIMIT)
        except OSError:
            # Nobody listens: whoever waits sends again.
            return
        # Answers to earlier commands, and to copies of them, may come late.
        cookie = answer.partition(b" ")[0] + b" "
        number = self._numbers.get(cookie, 0)
        if number:
            self.forget(cookie)
            self._asking.take(number, answer[len(cookie) :].rstrip(b"\r\n"), now_ms)
