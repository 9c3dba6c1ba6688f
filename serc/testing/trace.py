"""What a server did with what happened to it: each event, what of ser.cfg ran, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from runtime.modules.showing import left_side
from runtime.routing.playing import Player, Step, step_data
from runtime.routing.probing import Recorder, way_of
from runtime.routing.secrets import masked_text, shown
from serc.testing.config import Config
from serc.testing.log import Lines
from serc.testing.proxy import Proxy, Sent, Surroundings
from serc.testing.recorder import places
from serc.testing.rendering import Data


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
        self._player: Final = Player(self.places, [])
        self.proxy: Final = Proxy(config.program(self._recorder), around, config.folder, self.log)
        self.proxy.before = self._before
        self.proxy.after = self._after
        self.events: Final[list[Event]] = []
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
        of_steps = {id(send) for send in self._recorder.sent}
        steps = self._player.play(self._recorder.take())
        sent = self.proxy.sent[self._sent :]
        self._sent = len(self.proxy.sent)
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
        data["steps"] = [step_data(step) for step in event.steps]
        data["sent"] = [
            {"to": way_of(sent.send), "message": shown(sent.data), "again": sent.again} for sent in event.sent
        ]
        data["log"] = [{"level": level, "line": masked_text(line)} for level, line in event.logged]
        return data
