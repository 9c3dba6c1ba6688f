"""Calls that somebody watches: what of ser.cfg runs for them, what they wait for, what comes and what is sent.

All that is done for other calls is to find out that they are not wanted. Traced calls run a second program, with probes, that shares
modules and constants with the one that runs (`Statements`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, final

from mypy_extensions import mypyc_attr

from runtime.routing.asking import ANSWERED, LATE, Question
from runtime.routing.context import Context
from runtime.routing.edition import Edition
from runtime.routing.meter import CountedRoute
from runtime.routing.onlooker import Onlooker
from runtime.routing.playing import Player
from runtime.routing.probing import Place, Recorder, Way, destination_of, own_way
from runtime.routing.program import Program, Route
from runtime.routing.wanted import Wanted
from runtime.routing.world import World
from runtime.sip.transport import Send

# Of a message so much is shown.
MESSAGE_MAX: Final = 16_384
# Of one trace a process tells so many events in a second; what comes on top is counted.
EVENTS_A_SECOND: Final = 2_000

# Kinds of events; what they have beside Call-ID and time (microseconds) stands behind.
RECEIVED: Final = "received"  # message, from, to (both Ways)
RAN: Final = "ran"  # version of the program, name of the route, places of the calls that had begun before, tape
SENT: Final = "sent"  # message, to, from (both Ways), whether a statement did it
NOT_SENT: Final = "not sent"  # first line, to (a Way), why
ASKED: Final = "asked"  # number, kind, what
ANSWERED_: Final = "answered"  # number, kind, what, milliseconds
LOGGED: Final = "logged"  # level, line
NOTE: Final = "note"  # a sentence; of no call
WATCHING: Final = "watching"  # version of the program whose statements are told, if it has any; of no call

_LOOK_EVERY: Final = 1000

_CALL_ID: Final = (b"call-id:", b"i:")
_USUAL: Final = b"\r\nCall-ID: "

EventTuple = tuple[Any, ...]


@mypyc_attr(allow_interpreted_subclasses=True)
class Teller:
    """Where events go."""

    def tell(self, trace: int, events: list[EventTuple], lost: int) -> None:
        """`lost` were too many."""
        raise NotImplementedError


@final
class Trace:
    """What somebody watches until `until_ms`: calls that are `wanted`, `limit` of them at most. `level`: log lines of these
    calls up to it are told."""

    def __init__(self, number: int, wanted: Wanted, limit: int, level: int, until_ms: int) -> None:
        self.number: Final = number
        self.wanted: Final = wanted
        self.level: Final = level
        self.until_ms: Final = until_ms
        self.left = limit
        self.events: list[EventTuple] = []
        self.lost = 0
        self.second_us = 0
        self.count = 0

    def tell(self, event: EventTuple) -> None:
        at_us: int = event[2]
        if at_us - self.second_us > 1_000_000:
            self.second_us = at_us
            self.count = 0
        self.count += 1
        if self.count > EVENTS_A_SECOND:
            self.lost += 1
        else:
            self.events.append(event)


@final
class _Call:
    """A call that is watched."""

    def __init__(self, call_id: bytes) -> None:
        self.call_id: Final = call_id
        self.traces: list[Trace] = []


@final
class Statements:
    """A program with probes in place of `version`, whose routes are `program`'s; what they do `recorder` knows."""

    def __init__(
        self, version: int, program: Program, places: list[Place], recorder: Recorder, logged: list[tuple[int, str]]
    ) -> None:
        self.version: Final = version
        self.program: Final = program
        self.places: Final = places
        self.recorder: Final = recorder
        self.logged: Final = logged
        # Whose steps the recorder has.
        self.owner: _Running | None = None


@final
class _TracedRoute:
    """Takes the place of a route: for a call that is watched the one with probes runs."""

    def __init__(self, tracing: Tracing, name: str, plain: Route, probed: Route, statements: Statements) -> None:
        self._tracing: Final = tracing
        self._name: Final = name
        self.plain: Final = plain
        self._probed: Final = probed
        self._statements: Final = statements

    def __call__(self, ctx: Context) -> int:
        if not self._tracing.watches(ctx):
            return self.plain(ctx)
        plain = self.plain
        probed = plain.like(self._probed) if isinstance(plain, CountedRoute) else self._probed
        return self._tracing.run(ctx, self._name, probed, self._statements)


def plain_route(route: Route) -> Route:
    """The route itself, whether or not calls are watched."""
    while isinstance(route, (_TracedRoute, CountedRoute)):
        route = route.plain
    return route


@final
class _Installed:
    """Routes that have been replaced in a program, to be put back."""

    def __init__(self, edition: Edition) -> None:
        self.edition: Final = edition
        self.request: Final = edition.request
        self.failure: Final[dict[int, Route]] = dict(edition.program.failure)
        self.onreply: Final[dict[int, Route]] = dict(edition.program.onreply)

    def restore(self) -> None:
        self.edition.request = self.request
        self.edition.program.failure.update(self.failure)
        self.edition.program.onreply.update(self.onreply)


@final
class _Running:
    """A run of a route of a call that is watched: it may wait, and go on."""

    def __init__(self, ctx: Context, call: _Call, name: str, statements: Statements) -> None:
        self.ctx: Final = ctx
        self.call: Final = call
        self.name: Final = name
        self.statements: Final = statements
        # The places of the calls that had begun when it waited last.
        self.open: list[int] = []


@final
class Tracing(Onlooker):
    """All that is watched in this process. It looks on as long as that is anything."""

    def __init__(self, world: World, teller: Teller, unix_us: Callable[[], int]) -> None:
        self._world: Final = world
        self._teller: Final = teller
        self._unix_us: Final = unix_us
        self._traces: Final[list[Trace]] = []
        self._calls: Final[dict[bytes, _Call]] = {}
        self._installed: Final[list[_Installed]] = []
        # By the identity of the Context.
        self._runs: Final[dict[int, _Running]] = {}
        # What steps have sent, and has not been written; kept, so that no other gets the same identity.
        self._of_steps: list[Send] = []
        self._asked_us: Final[dict[int, tuple[_Call, int]]] = {}
        # The message in hand, and the call that it belongs to: asked for again and again.
        self._ctx: Context | None = None
        self._call: _Call | None = None
        self._level = 0
        self._since_look = 0

    # --- what is watched -----------------------------------------------------------------------------------------------

    def begin(self, trace: Trace) -> None:
        self._traces.append(trace)
        self._reckon()

    def end(self, number: int) -> None:
        """Nobody watches any more."""
        for trace in [t for t in self._traces if t.number == number]:
            self._traces.remove(trace)
        for call in list(self._calls.values()):
            call.traces = [t for t in call.traces if t.number != number]
            if not call.traces:
                del self._calls[call.call_id]
                self._ctx = self._call = None
        self._reckon()

    def close(self, number: int) -> None:
        """No more calls than there are."""
        for trace in self._traces:
            if trace.number == number:
                trace.left = 0

    def _reckon(self) -> None:
        world = self._world
        self._level = max([trace.level for trace in self._traces], default=0)
        if self._traces:
            world.look_on(self)
            return
        world.look_away(self)
        self._be_loud(False)
        for installed in self._installed[::-1]:
            installed.restore()
        self._installed.clear()
        self._calls.clear()
        self._of_steps = []
        self._asked_us.clear()
        self._ctx = self._call = None

    def install(self, edition: Edition, statements: Statements) -> None:
        """From now on what watched calls run of this edition is told, too."""
        installed = _Installed(edition)
        self._installed.append(installed)
        probed = statements.program
        plain = installed.request
        if plain is not None and probed.request is not None:
            edition.request = _TracedRoute(self, "route", plain, probed.request, statements)
        for kind, routes, others in (
            ("failure_route", edition.program.failure, probed.failure),
            ("onreply_route", edition.program.onreply, probed.onreply),
        ):
            for number, route in list(routes.items()):
                other = others.get(number)
                if other is not None:
                    routes[number] = _TracedRoute(self, f"{kind}[{number}]", route, other, statements)

    def has_installed(self, edition: Edition) -> bool:
        return any([installed.edition is edition for installed in self._installed])

    def _end_the_late(self) -> None:
        """Who watches has gone without a word."""
        # Not at each message: what is late is not told in any case.
        self._since_look += 1
        if self._since_look < _LOOK_EVERY:
            return
        self._since_look = 0
        now_ms = self._unix_us() // 1000
        for trace in self._traces[:]:
            if now_ms > trace.until_ms:
                self.end(trace.number)

    # --- what happens --------------------------------------------------------------------------------------------------

    def came(self, ctx: Context) -> None:
        message = ctx.message
        if message.call_id == 0:
            return
        self._end_the_late()
        call = self._calls.get(message.value(message.call_id)) if self._calls else None
        if message.is_request:
            for trace in self._traces:
                if trace.left > 0 and (call is None or trace not in call.traces) and trace.wanted.meets(ctx):
                    trace.left -= 1
                    if call is None:
                        call_id = message.value(message.call_id)
                        call = self._calls[call_id] = _Call(call_id)
                    call.traces.append(trace)
        self._ctx, self._call = ctx, call
        if call is None:
            return
        self._tell(
            call,
            (
                RECEIVED,
                call.call_id,
                self._unix_us(),
                message.buf[:MESSAGE_MAX],
                (ctx.socket.proto_name, ctx.source.text, int(ctx.source.port)),
                own_way(ctx.socket),
            ),
        )
        self._be_loud(True)

    def done(self, ctx: Context) -> None:
        if self._call_of(ctx) is not None:
            self._be_loud(False)
        if self._ctx is ctx:
            self._ctx = self._call = None

    def watches(self, ctx: Context) -> bool:
        return self._call_of(ctx) is not None

    def run(self, ctx: Context, name: str, route: Route, statements: Statements) -> int:
        """Run a route with probes."""
        call = self._call_of(ctx)
        assert call is not None
        # A failure route may run in the middle of the route that has tried to relay.
        outer = statements.owner
        if outer is not None:
            self._pause(outer)
        statements.recorder.begin(len(ctx.sends))
        running = statements.owner = self._runs[id(ctx)] = _Running(ctx, call, name, statements)
        self._be_loud(True)
        try:
            return route(ctx)
        finally:
            statements.recorder.end_of(ctx)
            self._flush(running)
            del self._runs[id(ctx)]
            statements.owner = outer

    def _pause(self, running: _Running) -> None:
        """It goes on later."""
        statements = running.statements
        statements.recorder.pause(running.ctx)
        open_, tape = running.open, statements.recorder.tape
        self._flush(running)
        if tape:
            player = Player(statements.places, open_)
            player.play(tape)
            running.open = player.open_places()

    def _flush(self, running: _Running) -> None:
        """Tell the steps so far."""
        statements = running.statements
        recorder = statements.recorder
        self._of_steps.extend(recorder.sent)
        tape = recorder.take()
        if not tape:
            return
        self._tell(
            running.call,
            (
                RAN,
                running.call.call_id,
                self._unix_us(),
                statements.version,
                running.name,
                running.open,
                tape,
            ),
        )
        statements.logged.clear()
        recorder.begin(len(self._world.outbox))

    def sends(self, sends: list[Send]) -> None:
        if self._calls:
            now_us = 0
            for send in sends:
                call = self._call_in(send.data)
                if call is not None:
                    now_us = now_us or self._unix_us()
                    by_step = any([send is other for other in self._of_steps])
                    self._tell(call, (SENT, call.call_id, now_us, *_sent(send), by_step))
            self._of_steps = []
        for trace in self._traces:
            if trace.events or trace.lost:
                events, lost = trace.events, trace.lost
                trace.events, trace.lost = [], 0
                self._teller.tell(trace.number, events, lost)

    def not_sent(self, failed: Send, why: str) -> None:
        call = self._call_in(failed.data)
        if call is not None:
            line = failed.data.partition(b"\r\n")[0]
            self._tell(call, (NOT_SENT, call.call_id, self._unix_us(), line, destination_of(failed), why))

    def asked(self, question: Question[Any], about: object) -> None:
        if not isinstance(about, Context):
            return
        call = self._call_of(about)
        running = self._runs.get(id(about))
        if running is not None:
            self._pause(running)
            running.statements.owner = None
        if call is None:
            return
        self._be_loud(False)
        now_us = self._unix_us()
        self._asked_us[question.number] = (call, now_us)
        self._tell(call, (ASKED, call.call_id, now_us, question.number, question.kind.name, question.asks()))

    def answered(self, question: Question[Any], about: object) -> None:
        found = self._asked_us.pop(question.number, None)
        if found is not None:
            call, since_us = found
            now_us = self._unix_us()
            what = question.tells() if question.fate == ANSWERED else "late" if question.fate == LATE else "refused"
            number, name = question.number, question.kind.name
            self._tell(call, (ANSWERED_, call.call_id, now_us, number, name, what, (now_us - since_us) // 1000))
        if isinstance(about, Context):
            running = self._runs.get(id(about))
            if running is not None:
                running.statements.logged.clear()
                running.statements.recorder.begin(len(about.sends))
                running.statements.owner = running
                self._be_loud(True)

    def logged(self, level: int, line: str, about: object) -> None:
        if not isinstance(about, Context):
            return
        running = self._runs.get(id(about))
        if running is not None:
            if level <= self._level:
                running.statements.logged.append((level, line))
            return
        call = self._call_of(about)
        if call is not None and level <= self._level:
            self._tell(call, (LOGGED, call.call_id, self._unix_us(), level, line))

    # --- small things --------------------------------------------------------------------------------------------------

    def _be_loud(self, is_loud: bool) -> None:
        """While a watched call is at work lines are made for it that the log does not want."""
        world = self._world
        world.log_level = max(world.log.level, self._level) if is_loud else world.log.level

    def _call_of(self, ctx: Context) -> _Call | None:
        if ctx is self._ctx:
            return self._call
        message = ctx.message
        if not self._calls or message.call_id == 0:
            return None
        return self._calls.get(message.value(message.call_id))

    def _call_in(self, data: bytes) -> _Call | None:
        """Whose this message is, which goes out."""
        end = data.find(b"\r\n\r\n")
        at = data.find(_USUAL, 0, end + 1)
        if at >= 0:
            # Most write it so; for others each call is looked for.
            at += len(_USUAL)
            return self._calls.get(data[at : data.find(b"\r", at)].strip())
        for call_id, call in self._calls.items():
            at = data.find(call_id, 0, end + 1)
            while at >= 0:
                if _is_call_id(data, at, at + len(call_id)):
                    return call
                at = data.find(call_id, at + 1, end + 1)
        return None

    def _tell(self, call: _Call, event: EventTuple) -> None:
        now_ms = event[2] // 1000
        for trace in call.traces:
            if now_ms < trace.until_ms:
                trace.tell(event)


def _is_call_id(data: bytes, start: int, end: int) -> bool:
    """True if what stands there is the whole value of a Call-ID; it may be on the line below the name."""
    line = data.rfind(b"\n", 0, start) + 1
    if not data[line:start].strip():
        line = data.rfind(b"\n", 0, max(0, line - 1)) + 1
    name = b"".join(data[line:start].split()).lower()
    return name in _CALL_ID and data[end : end + 1] in (b"\r", b"\n", b" ", b"\t")


def _sent(send: Send) -> tuple[bytes, Way, Way]:
    return send.data[:MESSAGE_MAX], destination_of(send), own_way(send.socket)
