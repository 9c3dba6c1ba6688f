"""`serctl trace`: calls of a running server, while they happen."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Final

from runtime.sip import methods
from serc.commands.ctl.asking import channel_of
from serc.commands.ctl.client import FAILED, CannotAsk, parse_reply
from serc.diagnostics.printable import one_line, printable
from serc.diagnostics.suggest import is_slip, nearest
from serc.testing.rendering import first_line_of, step_lines

# The server gives a sign of life every second.
_SILENCE_S: Final = 90.0
_COLUMN: Final = 26

Data = dict[str, Any]


def trace(options: argparse.Namespace) -> int:
    """Show calls until they are over."""
    words = list(options.which)
    for doubt in _doubts(words):
        print(f"serctl: {doubt}", file=sys.stderr)
    if options.number is not None:
        words.append(f"n={options.number}")
    if options.seconds is not None:
        words.append(f"for={options.seconds}")
    if options.level is not None:
        words.append(f"level={options.level}")
    for word in words:
        if " " in word:
            raise CannotAsk(FAILED, f"{word}: there can be no blank in it")
    shown = Shown(options.whole)
    try:
        for line in channel_of(options, _SILENCE_S).lines("trace", " ".join(words)):
            event = _event(line)
            if event["event"] == "sign":
                continue
            if options.json:
                print(json.dumps(event), flush=True)
            else:
                _print(shown.lines(event))
            if event["event"] == "end":
                return 0
    except KeyboardInterrupt:
        if not options.json:
            _print(["", *shown.ladders()])
        return 0
    raise CannotAsk(FAILED, "the server has ended the trace")


def _doubts(words: list[str]) -> list[str]:
    """Of what can be watched, and hardly is what was meant: a method may have any name."""
    found = []
    for word in words:
        name, _, value = word.partition("=")
        meant = nearest(value, methods.NUMBERS) if name.lower() == "method" and value not in methods.NUMBERS else None
        if meant is not None and is_slip(value, meant, methods.NUMBERS):
            found.append(f"no standard has a method {printable(value)}: did you mean {meant}?")
    return found


def _event(line: bytes) -> Data:
    """Raises CannotAsk for what is no event."""
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if isinstance(found, dict) and "event" in found:
        return found
    reply = parse_reply(line + b"\n")
    raise CannotAsk(FAILED, reply.reason if reply.code else line.decode("utf-8", "replace"))


def _print(lines: list[str]) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


@dataclass
class Arrow:
    """A message on its way, in seconds of Unix time. `failure` is why it was not sent, "" where it was."""

    at_s: float
    source: str
    target: str
    message: str
    failure: str = ""


@dataclass
class _Call:
    """What the ladder of a call needs: who has sent what to whom, when."""

    number: int
    head: str
    arrows: list[Arrow] = field(default_factory=list)

    def add(self, event: Data) -> None:
        self.arrows.append(Arrow(event["time"], event["from"], event["to"], event["message"]))

    def fail(self, event: Data) -> None:
        """The last message with this first line has not come to where it was sent."""
        for arrow in reversed(self.arrows):
            is_it = first_line_of(arrow.message) == first_line_of(event["message"])
            if is_it and arrow.target == event["to"] and not arrow.failure:
                arrow.failure = event["why"]
                return


class Shown:
    """The text for a terminal. `whole`: with all of each message."""

    def __init__(self, whole: bool) -> None:
        self._whole: Final = whole
        self._calls: Final[dict[int, _Call]] = {}

    def lines(self, event: Data) -> list[str]:
        """What an event adds. What peers have written is no command for the terminal."""
        return [one_line(line) for line in self._lines(event)]

    def _lines(self, event: Data) -> list[str]:
        what = event["event"]
        if what == "end":
            return [line for call in self._calls.values() for line in self._ladder(call)] + _about_all(event)
        number = event.get("call", 0)
        if what == "call":
            head = f"call {number}: {event['call_id']}, {event['who']} ({event['process']})"
            self._calls[number] = _Call(number, head)
            return [head]
        call = self._calls.get(number)
        if call is None:
            return _about_all(event)
        if what == "over":
            return self._ladder(call)
        return self._of_call(event, call)

    def _of_call(self, event: Data, call: _Call) -> list[str]:
        what = event["event"]
        tag = f" [{call.number}]" if len(self._calls) > 1 else ""
        time_ = _clock(event["time"])
        if what == "received":
            call.add(event)
            line = f"{time_}{tag}  {first_line_of(event['message'])}, from {event['from']}"
            return [line, *self._message(event["message"])]
        if what == "ran":
            head = [] if event["route"] == "route" else [f"{time_}{tag}  {event['route']}"]
            return head + step_lines(event["steps"], self._whole)
        if what == "sent":
            call.add(event)
            if event["by_statement"]:
                return []
            again = " again" if event["again"] else ""
            line = f"{time_}{tag}  sends{again} {first_line_of(event['message'])} to {event['to']}"
            return [line, *self._message(event["message"])]
        if what == "not sent":
            call.fail(event)
            return [f"{time_}{tag}  cannot send {first_line_of(event['message'])} to {event['to']}: {event['why']}"]
        if what == "asked":
            return [f"{time_}{tag}  waits for {event['kind']}: {event['what']}"]
        if what == "answered":
            result = f": {event['what']}" if event["what"] else ""
            return [f"{time_}{tag}  goes on after {event['after_ms']} ms, {event['kind']}{result}"]
        return [f"        log: {event['line']}"]

    def _message(self, text: str) -> list[str]:
        return [f"            | {line}" for line in text.splitlines()] if self._whole else []

    def ladders(self) -> list[str]:
        """Those of the calls that are not over."""
        return [one_line(line) for call in self._calls.values() for line in self._ladder(call)]

    def _ladder(self, call: _Call) -> list[str]:
        if not call.arrows:
            return []
        lines = ["", call.head, *ladder(call.arrows), ""]
        call.arrows = []
        return lines


def _about_all(event: Data) -> list[str]:
    what = event["event"]
    if what == "begin":
        version = event["version"]
        return [f"watching version {version} of the program" if event["statements"] else "watching messages"]
    if what == "lost":
        return [f"... {event['count']} events lost"]
    if what == "note":
        return [f"-- {event['text']}"]
    return [f"-- {event['why']}"] if event.get("why") else []


def ladder(arrows: list[Arrow]) -> list[str]:
    """Who has sent what to whom, when: a column for each place, in the order in which they have come up. What could not be sent ends
    in an x, with the reason behind."""
    places: list[str] = []
    for arrow in arrows:
        for place in (arrow.source, arrow.target):
            if place not in places:
                places.append(place)
    width = max(_COLUMN, *(len(place) + 3 for place in places))
    since_s = arrows[0].at_s
    out = [" " * 10 + "".join(place.center(width) for place in places).rstrip()]
    for arrow in arrows:
        rung = _rung(arrow, places, width)
        why = f"  not sent: {arrow.failure}" if arrow.failure else ""
        out.append(f"{arrow.at_s - since_s:8.3f}  {rung}{why}")
    return out


def _rung(arrow: Arrow, places: list[str], width: int) -> str:
    source, target = places.index(arrow.source), places.index(arrow.target)
    cells = [" "] * (len(places) * width)
    for i in range(len(places)):
        cells[i * width + width // 2] = "|"
    left, right = sorted((source * width + width // 2, target * width + width // 2))
    if left == right:
        return "".join(cells).rstrip()[: left + 1] + f" {_short(arrow.message, width)} (to itself)"
    room = right - left - 1
    # Two blanks, a dash and the point of the arrow.
    body = f" {_short(arrow.message, room - 4)} ".center(room, "-")
    right_point, left_point = ("x", "x") if arrow.failure else (">", "<")
    cells[left + 1 : right] = list(f"{body[:-1]}{right_point}" if target > source else f"{left_point}{body[1:]}")
    return "".join(cells).rstrip()


def _short(message: str, room: int) -> str:
    """The method, or the status with what it answers, and as many words of the reason as there is room for."""
    line = first_line_of(message)
    if not message.startswith("SIP/2.0 "):
        return line.partition(" ")[0][:room]
    for header in message.split("\r\n")[1:]:
        name, _, value = header.partition(":")
        if name.strip().lower() == "cseq":
            method = value.split()[-1] if value.split() else "?"
            words = line.split()
            while len(words) > 1 and len(" ".join(words)) + len(method) + 3 > room:
                words.pop()
            return f"{' '.join(words)} ({method})"[:room]
    return line[:room]


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at)) + f".{int(at * 1000) % 1000:03d}"
