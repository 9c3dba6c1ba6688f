"""`trace`: a control process has all workers tell of calls that its client wants to watch, and passes it on as lines of JSON."""

from __future__ import annotations

import json
import marshal
import time
from typing import Any, Final

from runtime.routing.playing import Player, step_data
from runtime.routing.probing import Place, shown_way
from runtime.routing.secrets import masked_text, shown
from runtime.routing.tracing import ANSWERED_, ASKED, LOGGED, NOT_SENT, NOTE, RAN, RECEIVED, SENT, WATCHING
from runtime.routing.wanted import BadFilter, wanted
from runtime.server.control.call_state import CallState
from runtime.server.control.feeding import Feed
from runtime.server.host.errors import StartError
from runtime.server.mail.board import Board
from runtime.server.mail.letters import watch
from runtime.server.mail.letters.watch import BEGIN, END, FULL, WatchLetter
from runtime.server.mail.letters.watched import WatchedLetter
from runtime.server.processes.workers import Workers
from runtime.server.start.probes import unpacked_places
from runtime.spec.watching import CALLS, CALLS_MAX, LEVEL, LEVEL_MAX, LEVEL_MIN, SECONDS, SECONDS_MAX

TRACES_MAX: Final = 16
# So often a client hears that the trace goes on; so a client that is gone is found out.
_SIGN_MS: Final = 1_000
# The client is told that it watches when all processes do, or after so long.
_WATCHING_MS: Final = 5_000
# What has been told stays in the queue of the client for so long.
_LAST_WORDS_MS: Final = 5_000


class BadTrace(Exception):
    """`str()` is one sentence for who wants it."""


class Options:
    """Of a line `n=10 for=600 level=2 from=alice`. Raises BadTrace."""

    def __init__(self, line: str) -> None:
        words: dict[str, str] = {}
        for word in line.split():
            name, equals, value = word.partition("=")
            if not equals:
                raise BadTrace(f"{word}: write NAME=VALUE, as in from=alice")
            if name.lower() in words:
                raise BadTrace(f"{name}= is there twice: a call has to meet all that is given")
            words[name.lower()] = value
        self.calls: Final = _number(words, "n", CALLS, 1, CALLS_MAX)
        self.seconds: Final = _number(words, "for", SECONDS, 1, SECONDS_MAX)
        self.level: Final = _number(words, "level", LEVEL, LEVEL_MIN, LEVEL_MAX)
        try:
            wanted(words)
        except BadFilter as e:
            raise BadTrace(str(e)) from e
        self.words: Final = [f"{name}={value}".encode("latin-1", "replace") for name, value in words.items()]


def _number(words: dict[str, str], name: str, otherwise: int, least: int, most: int) -> int:
    text = words.pop(name, str(otherwise))
    number = int(text) if text.removeprefix("-").isdecimal() and text.isascii() else None
    if number is None or not least <= number <= most:
        raise BadTrace(f"{name}={text}: write a number from {least} to {most}")
    return number


class TraceSession:
    """What one client watches."""

    def __init__(self, number: int, options: Options, feed: Feed, workers: Workers, now_ms: int) -> None:
        self.number: Final = number
        self.feed: Final = feed
        self._options: Final = options
        self._workers: Final = workers
        self._until_ms: Final = now_ms + options.seconds * 1000
        self._unix_ms: Final = time.time_ns() // 1_000_000 + options.seconds * 1000
        self._deaths: Final = {m: workers.deaths(m) for m in workers.mailboxes}
        self._letters: Final[dict[int, int]] = {}
        # The processes that do not watch yet, and what they tell before all do.
        self._missing: Final[set[int]] = set()
        self._early: Final[list[tuple[tuple[Any, ...], str]]] = []
        self._watching_ms: int | None = None
        self._calls: Final[dict[bytes, CallState]] = {}
        self._places: Final[dict[int, list[Place]]] = {}
        self._version = 0
        self._size = 0
        self._sign_ms = now_ms + _SIGN_MS
        self._is_full = False
        self.ended_ms: int | None = None

    # --- to the workers ------------------------------------------------------------------------------------------------

    def begin(self, version: int, size: int, places: list[Place], why: str, now_ms: int) -> None:
        """`size` 0: there are no statements to tell of, and `why`."""
        if self.ended_ms is not None:
            return
        self._version, self._size = version, size
        if places:
            self._places[version] = places
        self._missing.update(self._workers.mailboxes)
        self._watching_ms = now_ms + _WATCHING_MS
        if why:
            self.say("note", text=f"no statements: {why}")
        self._write(BEGIN, self._workers.mailboxes)
        self.feed.go_on(now_ms)

    def _is_watching(self, now_ms: int) -> None:
        """All processes watch, or it has taken long enough."""
        self._watching_ms = None
        self.say("begin", trace=self.number, version=self._version, statements=self._size > 0)
        for mailbox in sorted(self._missing):
            self.say("note", text=f"{self._workers.name(mailbox)} does not watch yet")
        self._missing.clear()
        for event, process in self._early:
            self._take(event, process, now_ms)
        self._early.clear()

    def _write(self, what: int, to: list[int]) -> None:
        exchange = self._workers.exchange
        options = self._options
        letter = WatchLetter(
            exchange.number,
            what,
            self.number,
            self._version,
            self._size,
            0 if self._is_full else options.calls,
            options.level,
            self._unix_ms,
            options.words if what == BEGIN else [],
        )
        for mailbox in to:
            watch.put(exchange.post, mailbox, letter)
        exchange.post.flush()

    # --- from the workers ----------------------------------------------------------------------------------------------

    def take(self, letter: WatchedLetter, now_ms: int) -> None:
        if self.ended_ms is not None:
            return
        sender = int(letter.sender)
        missing = int(letter.number) - self._letters.get(sender, 0) - 1
        self._letters[sender] = int(letter.number)
        lost = int(letter.lost) + max(0, missing)
        if lost:
            self.say("lost", count=lost)
        for event in marshal.loads(letter.events):
            if event[0] == WATCHING:
                if event[3] == self._version:
                    self._missing.discard(sender)
            elif self._watching_ms is not None:
                self._early.append((event, self._workers.name(sender)))
            else:
                self._take(event, self._workers.name(sender), now_ms)
        if self._watching_ms is not None and not self._missing:
            self._is_watching(now_ms)
        self.feed.go_on(now_ms)

    def _take(self, event: tuple[Any, ...], process: str, now_ms: int) -> None:
        what, call_id, at_us = event[:3]
        if what == NOTE:
            self.say("note", text=f"{process}: {event[3]}")
            return
        call = self._calls.get(call_id)
        if call is None:
            if len(self._calls) >= self._options.calls:
                return
            call = self._calls[call_id] = CallState(len(self._calls) + 1, call_id.decode("latin-1"), now_ms)
            if what == RECEIVED:
                call.received(event[3])
            self.say("call", call=call.number, call_id=call.call_id, who=masked_text(call.who), process=process)
            if len(self._calls) == self._options.calls:
                self._is_full = True
                self._write(FULL, self._workers.mailboxes)
        self.say(what, call=call.number, time=at_us / 1_000_000, **self._of_event(what, event[3:], call))
        call.goes_on(now_ms)

    def _of_event(self, what: str, rest: tuple[Any, ...], call: CallState) -> dict[str, object]:
        if what == RECEIVED:
            data, source, own = rest
            call.received(data)
            return {"message": shown(data), "from": shown_way(source), "to": shown_way(own)}
        if what == RAN:
            version, route, open_, tape = rest
            places = self._places.get(version)
            steps = [] if places is None else Player(places, open_).play(tape)
            for step in steps:
                for to, data in step.sent:
                    call.sent(data, shown_way(to))
            return {"version": version, "route": route, "steps": [step_data(step) for step in steps]}
        if what == SENT:
            data, to, own, by_statement = rest
            told = {"message": shown(data), "from": shown_way(own), "to": shown_way(to), "by_statement": by_statement}
            return told | {"again": call.sent(data, shown_way(to)) and not by_statement}
        if what == NOT_SENT:
            return {"message": shown(rest[0]), "to": shown_way(rest[1]), "why": rest[2]}
        if what == ASKED:
            return {"question": rest[0], "kind": rest[1], "what": masked_text(rest[2])}
        if what == ANSWERED_:
            return {"question": rest[0], "kind": rest[1], "what": masked_text(rest[2]), "after_ms": rest[3]}
        assert what == LOGGED
        return {"level": rest[0], "line": masked_text(rest[1])}

    # --- time ----------------------------------------------------------------------------------------------------------

    def look(self, now_ms: int) -> None:
        """What time has brought."""
        feed = self.feed
        if self.ended_ms is None:
            again = [m for m in self._workers.mailboxes if self._workers.deaths(m) != self._deaths[m]]
            if again:
                for mailbox in again:
                    self._deaths[mailbox] = self._workers.deaths(mailbox)
                    self._letters.pop(mailbox, None)
                    self.say("note", text=f"{self._workers.name(mailbox)} was replaced")
                self._write(BEGIN, again)
            if self._watching_ms is not None and now_ms >= self._watching_ms:
                self._is_watching(now_ms)
            lost = feed.take_lost()
            if lost:
                self.say("lost", count=lost)
            if now_ms >= self._sign_ms:
                self._sign_ms = now_ms + _SIGN_MS
                self.say("sign")
            self._tell_ends([call for call in self._calls.values() if call.is_ended(now_ms)])
            if feed.is_over:
                self.end("", now_ms)
            elif now_ms >= self._until_ms:
                seconds = self._options.seconds
                self.end("1 second is over" if seconds == 1 else f"{seconds} seconds are over", now_ms)
            elif self._is_done(now_ms):
                self.end(f"{len(self._calls)} calls are over" if len(self._calls) > 1 else "the call is over", now_ms)
        feed.go_on(now_ms)

    def _is_done(self, now_ms: int) -> bool:
        return self._is_full and all(call.is_ended(now_ms) for call in self._calls.values())

    def _tell_ends(self, calls: list[CallState]) -> None:
        for call in calls:
            if call.has_to_be_told():
                self.say("over", call=call.number)

    def end(self, why: str, now_ms: int) -> None:
        self._tell_ends(list(self._calls.values()))
        self.say("end", why=why)
        self._write(END, self._workers.mailboxes)
        self.ended_ms = now_ms

    def is_gone(self, now_ms: int) -> bool:
        """True when nothing is left to do."""
        if self.ended_ms is None:
            return False
        return not self.feed.has_more() or now_ms - self.ended_ms > _LAST_WORDS_MS

    def next_ms(self, now_ms: int) -> int:
        due = [now_ms + 200, self._sign_ms, self._until_ms, self._watching_ms, self.feed.next_ms(now_ms)]
        return min([t for t in due if t is not None])

    def say(self, event: str, **more: object) -> None:
        self.feed.put(json.dumps({"event": event, **more}).encode() + b"\n")


class TraceSessions:
    """All of one control process. `board` has the program with probes."""

    def __init__(self, board: Board) -> None:
        self._board: Final = board
        self._sessions: Final[dict[int, TraceSession]] = {}
        self._count = 0

    def open(self, line: str, feed: Feed, workers: Workers, now_ms: int) -> TraceSession:
        """Raises BadTrace."""
        options = Options(line)
        if len(self._sessions) >= TRACES_MAX:
            raise BadTrace(f"{TRACES_MAX} traces are under way already")
        self._count += 1
        number = (int(workers.exchange.number) << 32) + self._count
        session = self._sessions[number] = TraceSession(number, options, feed, workers, now_ms)
        return session

    def begin(self, session: TraceSession, answer: bytes, now_ms: int) -> None:
        """The master has answered what it was asked about the program with probes."""
        status, _, rest = answer.decode("utf-8", "replace").strip().partition(" ")
        if status != "200":
            session.begin(0, 0, [], rest, now_ms)
            return
        version, size = (int(word) for word in rest.split())
        try:
            session.begin(version, size, unpacked_places(self._board.read(size)), "", now_ms)
        except StartError as e:
            session.begin(0, 0, [], str(e), now_ms)

    def all(self) -> list[TraceSession]:
        """Those that go on."""
        return [session for session in self._sessions.values() if session.ended_ms is None]

    def take(self, letter: WatchedLetter, now_ms: int) -> None:
        session = self._sessions.get(int(letter.trace))
        if session is not None:
            session.take(letter, now_ms)

    def look(self, now_ms: int) -> list[Feed]:
        """Those feeds that are done with."""
        gone = []
        for number, session in list(self._sessions.items()):
            session.look(now_ms)
            if session.is_gone(now_ms):
                del self._sessions[number]
                gone.append(session.feed)
        return gone

    def feeds(self) -> list[Feed]:
        return [session.feed for session in self._sessions.values()]

    def next_ms(self, now_ms: int) -> int | None:
        """When `look` has something to do."""
        return min([session.next_ms(now_ms) for session in self._sessions.values()], default=None)
