"""A control process: it takes requests from the FIFO or from the Unix socket and sees to it that they are answered.

Nothing here waits for one client: an answer that cannot be given yet is tried again later. Reference core, chapter 7.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import stat
import struct
import time
from typing import Final

from runtime.routing.command import STREAM
from runtime.routing.ports import L_DBG, L_ERR, L_WARN, Log
from runtime.server.control.core_commands import PROBES, CoreCommands
from runtime.server.control.delivery import (
    NO_EVENT,
    CannotDeliver,
    Deliveries,
    Delivery,
    PipeDelivery,
    ReplyRules,
    SocketDelivery,
)
from runtime.server.control.feeding import Feed, PipeFeed, SocketFeed
from runtime.server.control.framing import FifoReader, Request, parse_datagram
from runtime.server.control.questions import Commands
from runtime.server.control.tracing import BadTrace, TraceSession, TraceSessions
from runtime.server.processes.workers import Workers
from runtime.server.worker.programs import Programs

# Answers that wait for their clients, and what they may have in them together.
DELIVERIES_MAX: Final = 256
DELIVERIES_MAX_BYTES: Final = 16 << 20
# Between the answer to `kill` and the end, where the client is not reading yet.
_LAST_WORDS_MS: Final = 400

_READ_BYTES: Final = 65536
_BATCH: Final = 32


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class ControlProcess:
    """The loop of both kinds. `master` is who ends the server when somebody gives `kill`."""

    def __init__(self, core: CoreCommands, commands: Commands, log: Log, master: int) -> None:
        self._core: Final = core
        self._commands: Final = commands
        self.log: Final = log
        self._master: Final = master
        self._end_ms: int | None = None
        self._mail: int | None = None
        self.poll: Final = select.poll()
        self.deliveries: Final = Deliveries(self.poll, DELIVERIES_MAX, DELIVERIES_MAX_BYTES)
        self._workers: Workers | None = None
        self._traces: TraceSessions | None = None
        # What the poll knows of feeds: their descriptors, and whether they wait for room.
        self._fed: Final[dict[int, tuple[Feed, int]]] = {}

    def join(self, workers: Workers, programs: Programs | None = None, traces: TraceSessions | None = None) -> None:
        """Called once, in the process: whom it may ask, who exchanges its program, and who has calls watched."""
        self._workers = workers
        self._traces = traces
        self._commands.connect(workers, self._master, programs, traces)
        self._mail = workers.exchange.mailbox.fileno()
        self.poll.register(self._mail, select.POLLIN)

    def run(self) -> None:
        """Never returns: the process ends by a signal."""
        while True:
            self.step(_now_ms())

    def step(self, now_ms: int) -> None:
        """Wait for something to do, and do it."""
        events = self.poll.poll(self._patience_ms(now_ms))
        now_ms = _now_ms()
        if any(fd == self._mail for fd, _ in events):
            self._commands.receive(now_ms)
        self._commands.look_over(now_ms)
        self.take(events, now_ms)
        if self._traces is not None:
            self._feed(self._traces, events, now_ms)
        writable = {fd for fd, what in events if what & ~select.POLLIN}
        for failure in self.deliveries.go_on(writable, now_ms):
            self.log.write(L_ERR, f"ERROR: {self.name()}: {failure}")
        if self._end_ms is not None and now_ms >= self._end_ms:
            self._end_ms = None
            # Its user has said "kill": nothing is waited for, as a SIGTERM would have it.
            os.kill(self._master, signal.SIGINT)

    def name(self) -> str:
        raise NotImplementedError

    def take(self, events: list[tuple[int, int]], now_ms: int) -> None:
        """Read what has come."""
        raise NotImplementedError

    def next_ms(self) -> int | None:
        """When `take` wants to be called without an event."""
        return None

    def pattern_of(self, name: bytes) -> str | None:
        """What the command reads; None if there is no such command. `name` is in lower case."""
        return self._commands.pattern(name)

    def ask(self, request: Request, client: Asker, now_ms: int) -> None:
        """Find the answer for the client."""
        command = self._commands.find(request.name.lower())
        shown = request.name.decode("latin-1")
        if command is None:
            self.log.write(L_ERR, f"ERROR: {self.name()}: command {shown} is not available")
            client.give(client.unknown(request.name), now_ms)
        elif not client.wants_answer and not command.runs_unasked:
            self.log.write(L_DBG, f"DEBUG: {self.name()}: {shown} is ignored: the request names no reply pipe")
        elif command.where == STREAM:
            self._trace(request.words[0] if request.words else b"", client, now_ms)
        else:
            self._commands.ask(command, request, lambda text: client.give(text, _now_ms()), now_ms)
            if self._core.wants_end:
                self._core.wants_end = False
                self._end_ms = now_ms if self.deliveries.next_ms() is None else now_ms + _LAST_WORDS_MS

    def program_changed(self) -> None:
        """Workers run another program: who watches calls sees its statements from now on."""
        if self._traces is not None:
            for session in self._traces.all():
                self._begin_trace(self._traces, session, _now_ms())

    def _trace(self, line: bytes, client: Asker, now_ms: int) -> None:
        traces, workers = self._traces, self._workers
        assert traces is not None and workers is not None
        feed = client.feed(now_ms)
        if feed is None:
            client.give(b"400 trace: no socket to tell it to came along; serctl sends one\n", now_ms)
            return
        try:
            session = traces.open(line.decode("latin-1"), feed, workers, now_ms)
        except BadTrace as e:
            client.give(b"400 trace: " + str(e).encode("utf-8", "replace") + b"\n", now_ms)
            feed.close()
        else:
            self._begin_trace(traces, session, now_ms)

    def _begin_trace(self, traces: TraceSessions, session: TraceSession, now_ms: int) -> None:
        """When the master has the program with probes."""
        self._commands.ask(PROBES, Request(b"probes"), lambda text: traces.begin(session, text, _now_ms()), now_ms)

    def _feed(self, traces: TraceSessions, events: list[tuple[int, int]], now_ms: int) -> None:
        """Let clients who watch calls hear what there is; find out who has gone."""
        for fd, what in events:
            if fd in self._fed and what & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
                self._fed[fd][0].is_over = True
        for feed in traces.look(now_ms):
            fd = feed.fileno()
            if fd in self._fed:
                self.poll.unregister(fd)
                del self._fed[fd]
            feed.close()
        for feed in traces.feeds():
            fd, wants = feed.fileno(), select.POLLOUT if feed.has_more() else 0
            if fd != NO_EVENT and self._fed.get(fd) != (feed, wants):
                self.poll.register(fd, wants)
                self._fed[fd] = (feed, wants)

    def deliver(self, delivery: Delivery, now_ms: int) -> None:
        try:
            self.deliveries.start(delivery, now_ms)
        except CannotDeliver as e:
            self.log.write(L_ERR, f"ERROR: {self.name()}: {e}")

    def _patience_ms(self, now_ms: int) -> int:
        fed_ms = None if self._traces is None else self._traces.next_ms(now_ms)
        due = (self.deliveries.next_ms(), self.next_ms(), self._commands.next_ms(now_ms), self._end_ms, fed_ms)
        times = [t for t in due if t is not None]
        return max(0, min(times) - now_ms) if times else -1


class Asker:
    """Who has asked, and how the answer gets there."""

    wants_answer = True

    def give(self, text: bytes, now_ms: int) -> None:
        raise NotImplementedError

    def feed(self, now_ms: int) -> Feed | None:
        """The way to tell the client line after line; None if it has not said how."""
        raise NotImplementedError

    def unknown(self, name: bytes) -> bytes:
        """What the client is told about a command that is not there."""
        raise NotImplementedError


class FifoAsker(Asker):
    def __init__(self, server: FifoServer, reply_name: bytes) -> None:
        self._server: Final = server
        self._reply_name: Final = reply_name
        self.wants_answer = reply_name != b""

    def give(self, text: bytes, now_ms: int) -> None:
        if self.wants_answer:
            self._server.deliver(PipeDelivery(self._server.rules, self._reply_name, text, now_ms), now_ms)

    def feed(self, now_ms: int) -> Feed:
        return PipeFeed(self._server.rules, self._reply_name, now_ms)

    def unknown(self, name: bytes) -> bytes:
        return b"500 command '" + name + b"' not available\n"


class FifoServer(ControlProcess):
    """Serves the FIFO open as `fd`."""

    def __init__(
        self, core: CoreCommands, commands: Commands, log: Log, master: int, fd: int, rules: ReplyRules
    ) -> None:
        super().__init__(core, commands, log, master)
        self._fd: Final = fd
        self.rules: Final = rules
        self._reader: Final = FifoReader(self.pattern_of)
        self.poll.register(fd, select.POLLIN)

    def name(self) -> str:
        return "fifo_server"

    def next_ms(self) -> int | None:
        return self._reader.ends_ms()

    def take(self, events: list[tuple[int, int]], now_ms: int) -> None:
        found: list[Request] = []
        if any(fd == self._fd for fd, _ in events):
            complaints: list[str] = []
            try:
                self._reader.feed(os.read(self._fd, _READ_BYTES), now_ms, found, complaints)
            except BlockingIOError:
                return
            for complaint in complaints:
                self.log.write(L_ERR, f"ERROR: fifo_server: {complaint}")
        ends_ms = self._reader.ends_ms()
        if ends_ms is not None and now_ms >= ends_ms:
            self._reader.give_up(found)
        for request in found:
            if request.mistake:
                name = request.name.decode("latin-1")
                self.log.write(L_ERR, f"ERROR: fifo_server: {request.mistake} (command {name})")
            self.ask(request, FifoAsker(self, request.reply_name), now_ms)


class SocketAsker(Asker):
    """`given` is a socket that came with the request."""

    def __init__(self, server: SocketServer, address: str | bytes, given: socket.socket | None) -> None:
        self._server: Final = server
        self._address: Final = address
        self._given = given

    def give(self, text: bytes, now_ms: int) -> None:
        server = self._server
        if len(text) > _ANSWER_MAX_BYTES:
            text = b"500 Error while creating reply\n"
        server.deliver(SocketDelivery(server.socket, self._address, text, now_ms, server.timeout_ms), now_ms)

    def feed(self, now_ms: int) -> Feed | None:
        given, self._given = self._given, None
        return None if given is None else SocketFeed(given, now_ms)

    def close(self) -> None:
        """Whatever it is given that nobody has a use for is closed."""
        if self._given is not None:
            self._given.close()

    def unknown(self, name: bytes) -> bytes:
        # SER's text ends at a NUL.
        return b"500 Command " + name.partition(b"\0")[0] + b" not found\n"


_FD_BYTES: Final = struct.calcsize("i")
# One descriptor, where a client sends one along.
_EXTRA_BYTES: Final = socket.CMSG_SPACE(_FD_BYTES)
# SER's buffer for an answer, and the largest datagram that clients are ready for.
_ANSWER_MAX_BYTES: Final = 65535


class SocketServer(ControlProcess):
    """Serves the Unix datagram socket; `timeout_ms` is how long an answer may wait for its client."""

    def __init__(
        self, core: CoreCommands, commands: Commands, log: Log, master: int, own: socket.socket, timeout_ms: int
    ) -> None:
        super().__init__(core, commands, log, master)
        self.socket: Final = own
        self.timeout_ms: Final = timeout_ms
        self.poll.register(own.fileno(), select.POLLIN)

    def name(self) -> str:
        return "unixsock_server"

    def take(self, events: list[tuple[int, int]], now_ms: int) -> None:
        if not any(fd == self.socket.fileno() for fd, _ in events):
            return
        # Several processes may read from it, so there may be nothing left for this one.
        for _ in range(_BATCH):
            try:
                data, extra, _, address = self.socket.recvmsg(_READ_BYTES, _EXTRA_BYTES, socket.MSG_CMSG_CLOEXEC)
            except OSError as e:
                if not isinstance(e, BlockingIOError):
                    self.log.write(L_WARN, f"WARNING: unixsock_server: {e.strerror}")
                return
            client = SocketAsker(self, address, _given_socket(extra))
            request = parse_datagram(data, self.pattern_of)
            if request is None:
                self.log.write(L_ERR, "ERROR: unixsock_server: first line malformed")
                client.give(b"400 First line malformed\n", now_ms)
            else:
                self.ask(request, client, now_ms)
            client.close()


def _given_socket(extra: list[tuple[int, int, bytes]]) -> socket.socket | None:
    """The Unix stream socket that a client has sent along; what else it has sent is closed."""
    found: socket.socket | None = None
    for level, kind, data in extra:
        if level != socket.SOL_SOCKET or kind != socket.SCM_RIGHTS:
            continue
        for (fd,) in struct.iter_unpack("i", data[: len(data) // _FD_BYTES * _FD_BYTES]):
            if found is None and stat.S_ISSOCK(os.fstat(fd).st_mode):
                found = socket.socket(fileno=fd)
            else:
                os.close(fd)
    if found is not None and (found.family != socket.AF_UNIX or found.type != socket.SOCK_STREAM):
        found.close()
        return None
    return found
