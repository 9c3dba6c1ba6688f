"""The process that tells metrics, and whether the server lives and is ready, over HTTP: to this machine only."""

from __future__ import annotations

import os
import select
import socket
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from runtime.build import NATIVE
from runtime.routing.ports import Log
from runtime.server.control.http import BadRequest, HttpRequest, parse_request, response
from runtime.server.control.metrics import CONTENT_TYPE, ProcessReport, exposition
from runtime.server.host.cures import of_path
from runtime.server.host.errors import PathError, StartError
from runtime.server.mail.letters import answer, log_level, statistics
from runtime.server.mail.mailbox import Letter
from runtime.server.processes.kind import Kind, Possession, Run, Seat
from runtime.server.processes.roster import Roster
from runtime.server.processes.workers import Workers
from runtime.server.start.options import MetricsAddress

METRICS_PROCESS: Final = "metrics"
_OPTION: Final = "--metrics"
# A process may be busy with messages for so long.
_PATIENCE_S: Final = 1.0
# Who says nothing, or does not read, is let go.
_CLIENT_S: Final = 5.0
_CLIENTS_MAX: Final = 64
_BACKLOG: Final = 64


class MetricsListener:
    """The socket that `--metrics` asks for: a path, or a port of this machine. Raises StartError."""

    def __init__(self, address: MetricsAddress) -> None:
        self.path: Final = address.path
        if self.path:
            self.socket = self._unix(self.path)
            return
        self.socket = socket.socket(socket.AF_INET6 if ":" in address.ip else socket.AF_INET)
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind((address.ip, address.port))
            self.socket.listen(_BACKLOG)
        except OSError as e:
            self.socket.close()
            raise StartError(f"{_OPTION} {address.text}: cannot listen: {e.strerror}: name another port") from e
        self.socket.setblocking(False)

    def _unix(self, path: str) -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        try:
            if os.path.lexists(path) and stat.S_ISSOCK(os.lstat(path).st_mode) and _is_deserted(path):
                os.unlink(path)
            made.bind(path)
            os.chmod(path, 0o660)
            made.listen(_BACKLOG)
        except OSError as e:
            made.close()
            raise PathError(f"cannot make the socket {path}: {of_path(e, path, _OPTION)}") from e
        made.setblocking(False)
        return made

    def close(self) -> None:
        self.socket.close()

    def remove(self) -> None:
        if self.path:
            try:
                os.unlink(self.path)
            except OSError:
                return  # somebody has removed it already, or it is out of reach by now


def _is_deserted(path: str) -> bool:
    """True if nobody listens there any more."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return True
        return False


class Metrics:
    """What `--metrics` asks for, if it does: `address` None asks for nothing."""

    def __init__(self, address: MetricsAddress | None, log: Log) -> None:
        self._address: Final = address
        self._log: Final = log
        self._listener: MetricsListener | None = None

    def make(self) -> None:
        """Raises StartError."""
        if self._address is not None:
            self._listener = MetricsListener(self._address)

    def remove(self) -> None:
        if self._listener is not None:
            self._listener.remove()

    def possessions(self) -> list[Possession]:
        return [] if self._listener is None else [self._listener]

    def kinds(self, roster: Callable[[], Roster]) -> list[Kind]:
        listener = self._listener
        if listener is None:
            return []

        def job(seat: Seat) -> Run:
            server = MetricsServer(listener.socket, roster().counters(seat.exchange()), time.time(), self._log)
            return server.run

        return [Kind(METRICS_PROCESS, [METRICS_PROCESS], job, keeps=(listener,))]


@dataclass
class _Client:
    """A connection: what it has sent, what it is still to get, and when it is let go. `wants`: its request, while it waits for counts."""

    line: socket.socket
    until_s: float
    received: bytes = b""
    left: bytes = b""
    wants: HttpRequest | None = None


def _has_not_asked(client: _Client) -> bool:
    return client.wants is None and not client.left


def _does_not_read(client: _Client) -> bool:
    return len(client.left) > 0


@dataclass
class _Question:
    """A question to all processes, with the answers so far."""

    number: int
    until_s: float
    answers: dict[int, dict[str, int]] = field(default_factory=dict)
    # What has come of answers that are not complete.
    pieces: dict[int, bytes] = field(default_factory=dict)


class MetricsServer:
    """Answers clients, of whom nobody waits for another. All processes are asked when somebody asks here."""

    def __init__(self, listener: socket.socket, workers: Workers, since_s: float, log: Log) -> None:
        self._listener: Final = listener
        self._workers: Final = workers
        self._since_s: Final = since_s
        self._log: Final = log
        self._clients: Final[dict[int, _Client]] = {}
        self._question: _Question | None = None
        # What is answered to another process in the same place, which is dead, is no answer to this one.
        self._number = os.getpid() << 32
        self._mail: Final = workers.exchange.mailbox.fileno()
        self._poll: Final = select.poll()
        self._poll.register(listener.fileno(), select.POLLIN)
        self._poll.register(self._mail, select.POLLIN)

    def run(self) -> None:
        """Never returns: the process ends by a signal."""
        while True:
            self.step()

    def step(self) -> None:
        """Wait for something to do, and do it."""
        events = self._poll.poll(self._patience_ms())
        now_s = time.monotonic()
        for fd, _ in events:
            if fd == self._listener.fileno():
                self._accept(now_s)
            elif fd == self._mail:
                self._take_answers()
            elif fd in self._clients:
                self._serve(self._clients[fd], now_s)
        question = self._question
        if question is not None and (
            len(question.answers) == len(self._workers.mailboxes) or now_s >= question.until_s
        ):
            self._question = None
            self._answer_all(question.answers)
        for client in [c for c in self._clients.values() if now_s >= c.until_s]:
            self._drop(client)

    def _patience_ms(self) -> int:
        times = [client.until_s for client in self._clients.values()]
        if self._question is not None:
            times.append(self._question.until_s)
        return -1 if not times else max(0, int((min(times) - time.monotonic()) * 1000) + 1)

    # --- clients -----------------------------------------------------------------------------------------------------

    def _accept(self, now_s: float) -> None:
        try:
            line, _ = self._listener.accept()
        except OSError:
            return  # gone again
        if len(self._clients) >= _CLIENTS_MAX and not self._make_room():
            line.close()
            return
        line.setblocking(False)
        client = _Client(line, now_s + _CLIENT_S)
        self._clients[line.fileno()] = client
        self._poll.register(line.fileno(), select.POLLIN)
        # A scraper speaks at once: then nobody can push it out.
        self._serve(client, now_s)

    def _make_room(self) -> bool:
        """Let the one go who has been silent for longest, else who has not read for longest; False where all are waiting for us."""
        for is_idle in (_has_not_asked, _does_not_read):
            for client in self._clients.values():
                if is_idle(client):
                    self._drop(client)
                    return True
        return False

    def _serve(self, client: _Client, now_s: float) -> None:
        if client.left:
            self._write(client)
            return
        try:
            piece = client.line.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            self._drop(client)
            return
        if client.wants is not None:
            return  # it has asked, and gets its answer
        client.received += piece
        try:
            request = parse_request(client.received)
        except BadRequest as e:
            self._give(client, response(e.status, "this is a server of metrics: GET /metrics\n"))
            return
        if request is None:
            return
        if request.path == "/health":
            self._give(client, response(200, "alive\n", is_head=request.is_head))
        elif request.path in ("/metrics", "/ready"):
            client.wants = request
            self._ask(now_s)
        else:
            self._give(client, response(404, "there are /metrics, /health and /ready\n", is_head=request.is_head))

    def _give(self, client: _Client, data: bytes) -> None:
        client.left = data
        self._write(client)

    def _write(self, client: _Client) -> None:
        try:
            client.left = client.left[client.line.send(client.left) :]
        except BlockingIOError:
            self._poll.modify(client.line.fileno(), select.POLLOUT)
            return
        except OSError:
            client.left = b""
        if client.left:
            self._poll.modify(client.line.fileno(), select.POLLOUT)
        else:
            self._drop(client)

    def _drop(self, client: _Client) -> None:
        fd = client.line.fileno()
        self._poll.unregister(fd)
        del self._clients[fd]
        client.line.close()

    # --- processes ---------------------------------------------------------------------------------------------------

    def _ask(self, now_s: float) -> None:
        """Who asks while others wait gets the same answers."""
        if self._question is not None:
            return
        self._number += 1
        self._question = _Question(self._number, now_s + _PATIENCE_S)
        exchange = self._workers.exchange
        for mailbox in self._workers.mailboxes:
            statistics.put(exchange.post, mailbox, exchange.number, self._number)
        exchange.post.flush()

    def _take_answers(self) -> None:
        letters: list[Letter] = []
        self._workers.exchange.mailbox.receive(letters)
        question = self._question
        for letter in letters:
            if letter.kind == log_level.KIND:
                log_level.obey(letter, self._log)
            if letter.kind == answer.KIND and question is not None:
                told = answer.read(letter)
                sender = int(told.sender)
                if told.question != question.number:
                    continue
                text = question.pieces.get(sender, b"") + told.text
                question.pieces[sender] = text
                if told.is_last:
                    question.answers[sender] = statistics.unpacked_counts(text)

    def _answer_all(self, answers: dict[int, dict[str, int]]) -> None:
        workers = self._workers
        reports = [ProcessReport(n, workers.name(n), workers.deaths(n), answers.get(n)) for n in workers.mailboxes]
        text = exposition(reports, self._since_s, NATIVE)
        silent = [report.name for report in reports if report.counts is None]
        for client in list(self._clients.values()):
            wants = client.wants
            if wants is None:
                continue
            if wants.path == "/metrics":
                self._give(client, response(200, text, CONTENT_TYPE, wants.is_head))
            elif silent:
                self._give(
                    client, response(503, "".join(f"no answer: {name}\n" for name in silent), is_head=wants.is_head)
                )
            else:
                self._give(client, response(200, "ready\n", is_head=wants.is_head))
