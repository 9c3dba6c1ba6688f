"""What a server did with what happened to it: each event, what of ser.cfg ran, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from runtime.modules.showing import left_side
from runtime.routing.probing import BRANCH, CALL, TEST, Recorder, Step, step_data, way_of
from runtime.routing.secrets import masked_text, shown
from serc.testing.config import Config
from serc.testing.log import Lines
from serc.testing.proxy import Proxy, Sent, Surroundings
from serc.testing.recorder import places

_FIRST_LINE_MAX: Final = 100

# An event, a step or a message that was sent, as programs read it.
Data = dict[str, Any]


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
        self.places: Final = places(config.probed.probes, config.source)
        self._recorder: Final = Recorder(self.places, self.log.records, left_side)
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

    def as_data(self, events: Sequence[Event] | None = None) -> list[Data]:
        """All events, or these, for programs and for `render`."""
        return [self._event_data(event) for event in (self.events if events is None else events)]

    def _event_data(self, event: Event) -> Data:
        data: Data = {"at_ms": event.at_ms}
        if event.received:
            data |= {"received": shown(event.received), "from": event.way}
        data["steps"] = [step_data(step.packed(), self.places) for step in event.steps]
        data["sent"] = [
            {"to": way_of(sent.send), "message": shown(sent.data), "again": sent.again} for sent in event.sent
        ]
        data["log"] = [{"level": level, "line": masked_text(line)} for level, line in event.logged]
        return data


# --- as text ---------------------------------------------------------------------------------------------------------


def render(events: Sequence[Data], whole: bool = False) -> str:
    """For a terminal. `whole`: with all of each message."""
    out: list[str] = []
    for event in events:
        out += event_lines(event, whole)
    return "\n".join(out) + "\n" if out else ""


def event_lines(event: Data, whole: bool = False) -> list[str]:
    out = []
    time = f"{event['at_ms'] / 1000:.3f} s"
    if "received" in event:
        out.append(f"{time}  {first_line_of(event['received'])}, from {event['from']}")
        out += _message(event["received"], whole)
    else:
        out.append(f"{time}  time passes")
    out += step_lines(event["steps"], whole)
    for sent in event["sent"]:
        again = " again" if sent["again"] else ""
        out.append(f"        sends{again} {_sent(sent)}")
        out += _message(sent["message"], whole)
    return out + [f"        log: {record['line']}" for record in event["log"]]


def step_lines(steps: Sequence[Data], whole: bool = False) -> list[str]:
    out: list[str] = []
    for i, step in enumerate(steps):
        following = steps[i + 1] if i + 1 < len(steps) else None
        if following is not None and _decides_alone(step, following):
            continue
        before = steps[i - 1] if i and _decides_alone(steps[i - 1], step) else None
        out.append(_step(step, before))
        for done in (before, step):
            out += [] if done is None else _done(done, whole)
    return out


def _decides_alone(test: Data, branch: Data) -> bool:
    """True if `branch` is an `if` whose only condition is `test`, which ran right before it."""
    if branch["kind"] != BRANCH or test["kind"] not in (TEST, CALL):
        return False
    condition: str = branch["code"]
    whole = (condition, condition.removeprefix("!").strip())
    return bool(test["depth"] == branch["depth"] and test["code"] in whole)


def _step(step: Data, test: Data | None) -> str:
    text = step["code"]
    if step["kind"] == BRANCH:
        text = f"if {text}"
    line = f"{step['line']:>6}  {'  ' * step['depth']}{text}"
    what: str = step["outcome"]
    if test is not None and test["left"]:
        what = f"{test['left']}: {what}"
    if step["left"]:
        what = f"{step['left']}: {what}"
    return f"{line:<66}  {what}".rstrip() if what else line


def _done(step: Data, whole: bool) -> list[str]:
    out = []
    for change in step["changes"]:
        out.append(f"          {change['what']}: {_change(change)}")
    for send in step["sent"]:
        out.append(f"          sends {_sent(send)}")
        out += _message(send["message"], whole)
    return out + [f"          log: {record['line']}" for record in step["log"]]


def _change(change: Data) -> str:
    before, after = change["before"], change["after"]
    if change["what"] == "message":
        return str(after or f"no longer {before}")
    if before and after:
        return f"{before} -> {after}"
    return f"+{after}" if after else f"-{before}"


def _sent(sent: Data) -> str:
    if not sent["message"]:
        return f"nothing more: closes the connection to {sent['to']}"
    return f"{first_line_of(sent['message'])} to {sent['to']}"


def first_line(data: bytes) -> str:
    """The request without SIP/2.0, or the status."""
    return first_line_of(data.decode("latin-1"))


def first_line_of(text: str) -> str:
    line = text.partition("\r\n")[0].removeprefix("SIP/2.0 ").removesuffix(" SIP/2.0")
    return line if len(line) <= _FIRST_LINE_MAX else line[:_FIRST_LINE_MAX] + "..."


def _message(text: str, whole: bool) -> list[str]:
    return [f"            | {line}" for line in text.splitlines()] if whole else []
