"""What a server did with what happened to it: each event, what of ser.cfg ran, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from runtime.modules import catalogue
from runtime.sip.transport import Send
from runtime.spec.operands import NumberOperand
from serc.passes import ProbeKind
from serc.reading.source import Source
from serc.testing.config import Config
from serc.testing.log import Lines
from serc.testing.look import Change
from serc.testing.proxy import Proxy, Sent, Surroundings
from serc.testing.recorder import Recorder, Step

_FIRST_LINE_MAX: Final = 100


@dataclass
class Event:
    """A message that came in (`received`, from and to where), or, with neither, time that passed. `sent` and `logged` are what no
    statement of ser.cfg did: answers that are passed on, repetitions."""

    at_ms: int
    received: bytes = b""
    way: str = ""
    steps: list[Step] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    logged: list[tuple[int, str]] = field(default_factory=list)


class Tracer:
    """A server that remembers all events. Raises CannotStart."""

    def __init__(self, config: Config, around: Surroundings, level: int = 2) -> None:
        self.log: Final = Lines(level)
        self._recorder: Final = Recorder(config.probed.probes, self.log)
        self.proxy: Final = Proxy(config.program(self._recorder), around, config.folder, self.log)
        self.proxy.before = self._before
        self.proxy.after = self._after
        self.events: Final[list[Event]] = []
        self._steps = 0
        self._sent = 0
        self._logged = len(self.log.records)
        # What the next event is: a message, or else time.
        self._next: tuple[bytes, str] = (b"", "")

    def _before(self, data: bytes, way: str) -> None:
        self._recorder.begin()
        self._next = (data, way)
        self._logged = len(self.log.records)

    def _after(self) -> None:
        self._recorder.end()
        received, way = self._next
        self._next = (b"", "")
        steps = self._recorder.steps[self._steps :]
        self._steps = len(self._recorder.steps)
        sent = self.proxy.sent[self._sent :]
        self._sent = len(self.proxy.sent)
        of_steps = {id(send) for step in steps for send in step.sent}
        told = [record for step in steps for record in step.logged]
        logged = [record for record in self.log.records[self._logged :] if record not in told]
        event = Event(
            self.proxy.elapsed_ms, received, way, steps, [s for s in sent if id(s.send) not in of_steps], logged
        )
        if received or steps or event.sent or logged:
            self.events.append(event)


# --- as text ---------------------------------------------------------------------------------------------------------


def render(events: list[Event], source: Source, whole: bool = False) -> str:
    """For a terminal. `whole`: with all of each message."""
    out: list[str] = []
    for event in events:
        if event.received:
            out.append(f"{_time(event.at_ms)}  {first_line(event.received)}, from {event.way}")
            out += _message(event.received, whole)
        else:
            out.append(f"{_time(event.at_ms)}  time passes")
        out += _steps(event.steps, source, whole)
        for sent in event.sent:
            again = " again" if sent.again else ""
            out.append(f"        sends{again} {_sent(sent.send)}")
            out += _message(sent.data, whole)
        out += [f"        log: {line}" for _, line in event.logged]
    return "\n".join(out) + "\n" if out else ""


def _steps(steps: list[Step], source: Source, whole: bool) -> list[str]:
    out: list[str] = []
    for i, step in enumerate(steps):
        following = steps[i + 1] if i + 1 < len(steps) else None
        if following is not None and decides_alone(step, following, source):
            continue
        before = steps[i - 1] if i and decides_alone(steps[i - 1], step, source) else None
        out.append(_step(step, before, source))
        for done in (before, step):
            out += [] if done is None else _done(done, whole)
    return out


def decides_alone(test: Step, branch: Step, source: Source) -> bool:
    """True if `branch` is an `if` whose only condition is `test`, which ran right before it."""
    if branch.place.kind is not ProbeKind.BRANCH or test.place.kind not in (ProbeKind.TEST, ProbeKind.CALL):
        return False
    condition = source.text_of(branch.place.span).strip()
    whole = (condition, condition.removeprefix("!").strip())
    return test.depth == branch.depth and source.text_of(test.place.span) in whole


def _step(step: Step, test: Step | None, source: Source) -> str:
    text = code(step, source)
    if step.place.kind is ProbeKind.BRANCH:
        text = f"if {text}"
    line = f"{source.line_of(step.place.span.start):>6}  {'  ' * step.depth}{text}"
    what = outcome(step, source) if test is None or not test.left else f"{test.left}: {outcome(step, source)}"
    if step.left:
        what = f"{step.left}: {what}"
    return f"{line:<66}  {what}".rstrip() if what else line


def code(step: Step, source: Source) -> str:
    """What ser.cfg has there, on one line."""
    return " ".join(source.text_of(step.place.span).split())


def outcome(step: Step, source: Source) -> str:
    """true, false, error; what SER's ints of functions mean."""
    value = step.outcome
    if step.place.kind is ProbeKind.BRANCH:
        return "yes" if value else "no"
    if step.place.kind is ProbeKind.ACTION:
        return ""
    if isinstance(value, str):
        return value
    if value is None:
        return "did not end"
    if isinstance(value, bool):
        return "true" if value is not is_written_negated(step, source) else "false"
    return "true" if value > 0 else "false" if value < 0 else "ends the route"


def is_written_negated(step: Step, source: Source) -> bool:
    """`a != b` runs as the opposite of `a == b`, unless its sides are numbers."""
    text = source.text_of(step.place.span)
    head = text.partition('"')[0].partition("'")[0]
    return step.place.kind is ProbeKind.TEST and "!=" in head and not _is_number(step)


def _is_number(step: Step) -> bool:
    return isinstance(catalogue.core().operand(step.place.operand), NumberOperand)


def _done(step: Step, whole: bool) -> list[str]:
    out = []
    for change in step.changes:
        out.append(f"          {change.what}: {_change(change)}")
    for send in step.sent:
        out.append(f"          sends {_sent(send)}")
        out += _message(send.data, whole)
    return out + [f"          log: {line}" for _, line in step.logged]


def _change(change: Change) -> str:
    if change.what == "message":
        return change.after if change.after else f"no longer {change.before}"
    if change.before and change.after:
        return f"{change.before} -> {change.after}"
    return f"+{change.after}" if change.after else f"-{change.before}"


def _sent(send: Send) -> str:
    if not send.data:
        return f"nothing more: closes the connection to {place(send)}"
    return f"{first_line(send.data)} to {place(send)}"


def place(send: Send) -> str:
    host, port = send.destination.pair()
    return f"{send.socket.proto_name}:{f'[{host}]' if ':' in host else host}:{port}"


def first_line(data: bytes) -> str:
    """The request without SIP/2.0, or the status."""
    line = data.partition(b"\r\n")[0].decode("latin-1")
    line = line.removeprefix("SIP/2.0 ").removesuffix(" SIP/2.0")
    return line if len(line) <= _FIRST_LINE_MAX else line[:_FIRST_LINE_MAX] + "..."


def _message(data: bytes, whole: bool) -> list[str]:
    return [f"            | {line}" for line in data.decode("latin-1").splitlines()] if whole else []


def _time(at_ms: int) -> str:
    return f"{at_ms / 1000:.3f} s"


# --- as JSON ---------------------------------------------------------------------------------------------------------


def as_data(events: list[Event], source: Source) -> list[dict[str, Any]]:
    """The same for programs."""
    return [_event_data(event, source) for event in events]


def _event_data(event: Event, source: Source) -> dict[str, Any]:
    data: dict[str, Any] = {"at_ms": event.at_ms}
    if event.received:
        data |= {"received": event.received.decode("latin-1"), "from": event.way}
    data["steps"] = [_step_data(step, source) for step in event.steps]
    data["sent"] = [_send_data(sent.send) | {"again": sent.again} for sent in event.sent]
    data["log"] = [{"level": level, "line": line} for level, line in event.logged]
    return data


def _step_data(step: Step, source: Source) -> dict[str, Any]:
    place_ = source.position(step.place.span.start)
    return {
        "file": source.name,
        "line": place_.line,
        "column": place_.column,
        "depth": step.depth,
        "kind": step.place.kind.value,
        "code": code(step, source),
        "outcome": outcome(step, source),
        "value": step.outcome,
        "left": step.left,
        "changes": [{"what": c.what, "before": c.before, "after": c.after} for c in step.changes],
        "sent": [_send_data(send) for send in step.sent],
        "log": [{"level": level, "line": line} for level, line in step.logged],
    }


def _send_data(send: Send) -> dict[str, Any]:
    return {"to": place(send), "message": send.data.decode("latin-1")}
