"""A process tells what happens to calls that somebody watches; compiled in the native build."""

from __future__ import annotations

import marshal
import time
from typing import Final, final

from mypy_extensions import i64

from runtime.routing.engine import Engine
from runtime.routing.ports import L_DBG, L_WARN, Log
from runtime.routing.tracing import NOTE, WATCHING, EventTuple, Teller, Trace, Tracing
from runtime.routing.wanted import BadFilter, wanted
from runtime.server.host.errors import StartError
from runtime.server.mail.board import Board
from runtime.server.mail.exchange import Exchange
from runtime.server.mail.letters import watch, watched
from runtime.server.mail.letters.watch import BEGIN, END, FULL, WatchLetter
from runtime.server.mail.mailbox import Letter
from runtime.server.start.probes import unpacked_statements
from runtime.server.worker.handler import Handler
from runtime.server.worker.programs import Programs

# Later formats look for what stands there twice, which takes longer than to write it twice.
_MARSHAL: Final = 2
# So much of a letter are events.
_EVENTS_BYTES: Final = 60_000


@final
class LetterTeller(Teller):
    """Writes to the process that has asked."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self._exchange: Final = exchange
        self.askers: Final[dict[int, int]] = {}
        self._numbers: Final[dict[int, int]] = {}

    def forget(self, trace: int) -> None:
        self.askers.pop(trace, None)
        self._numbers.pop(trace, None)

    def tell(self, trace: int, events: list[EventTuple], lost: int) -> None:
        asker = self.askers.get(trace)
        if asker is None:
            return
        data = marshal.dumps(events, _MARSHAL)
        if len(data) <= _EVENTS_BYTES:
            self._put(asker, trace, lost, data)
        elif len(events) > 1:
            half = len(events) // 2
            self.tell(trace, events[:half], lost)
            self.tell(trace, events[half:], 0)
        else:
            self._put(asker, trace, lost + 1, marshal.dumps([], _MARSHAL))

    def _put(self, asker: int, trace: int, lost: int, data: bytes) -> None:
        number = self._numbers.get(trace, 0) + 1
        self._numbers[trace] = number
        exchange = self._exchange
        watched.put(exchange.post, asker, exchange.number, trace, number, lost, data)


@final
class Traces(Handler):
    """`programs` knows which version runs here, `board` has the statements of one."""

    def __init__(self, engine: Engine, programs: Programs, board: Board, exchange: Exchange, log: Log) -> None:
        super().__init__(log)
        self._engine: Final = engine
        self._programs: Final = programs
        self._board: Final = board
        self._teller: Final = LetterTeller(exchange)
        self._tracing: Final = Tracing(engine.world, self._teller, unix_us)
        self._until_ms: Final[dict[int, int]] = {}

    def take(self, letter: Letter, now_ms: i64) -> None:
        asked = watch.read(letter)
        trace = int(asked.trace)
        if asked.what == BEGIN:
            self._begin(asked)
        elif asked.what == FULL:
            self._tracing.close(trace)
        elif asked.what == END:
            self._end(trace)

    def _begin(self, asked: WatchLetter) -> None:
        trace = int(asked.trace)
        self._forget_the_late()
        if trace not in self._teller.askers:
            words = dict([_pair(word) for word in asked.words])
            try:
                meant = wanted(words)
            except BadFilter as bad:
                self.log.write(L_WARN, f"BUG: trace: {bad}")
                return
            self._teller.askers[trace] = int(asked.asker)
            self._until_ms[trace] = int(asked.until_ms)
            self._tracing.begin(Trace(trace, meant, int(asked.limit), int(asked.level), int(asked.until_ms)))
        edition = self._engine.edition
        if asked.size > 0 and not self._tracing.has_installed(edition):
            try:
                if asked.version != self._programs.version:
                    raise StartError("the program has been exchanged meanwhile")
                data = self._board.read(int(asked.size))
                statements = unpacked_statements(
                    data, int(asked.version), edition, self._engine.world, self._programs.namespaces
                )
                self._tracing.install(edition, statements)
            except StartError as e:
                text = f"no statements: {e}"
                self._teller.tell(trace, [(NOTE, b"", unix_us(), text)], 0)
        self._teller.tell(trace, [(WATCHING, b"", unix_us(), int(asked.version))], 0)

    def _end(self, trace: int) -> None:
        if trace in self._teller.askers:
            self.log.write(L_DBG, "DEBUG: trace: over")
        self._tracing.end(trace)
        self._teller.forget(trace)
        self._until_ms.pop(trace, None)

    def _forget_the_late(self) -> None:
        """Those whose askers have died without a word."""
        now_ms = time.time_ns() // 1_000_000
        for trace, until_ms in list(self._until_ms.items()):
            if now_ms > until_ms + 1000:
                self._end(trace)


def _pair(word: bytes) -> tuple[str, str]:
    name, _, value = word.decode("latin-1").partition("=")
    return name, value


def unix_us() -> int:
    return time.time_ns() // 1000
