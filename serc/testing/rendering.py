"""What a server did, as text for a terminal. It is made of data alone, so that who shows a running server's needs no compiler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from runtime.routing.probing import BRANCH, CALL, TEST

_FIRST_LINE_MAX: Final = 100

# An event, a step or a message that was sent, as programs read it.
Data = dict[str, Any]


def render(events: Sequence[Data], whole: bool = False) -> str:
    """All events. `whole`: with all of each message."""
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
