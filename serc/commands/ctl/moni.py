"""`serctl moni`: what the server does, on a screen that renews itself. Reference modules-more, C.1."""

from __future__ import annotations

import json
import sys
import time
from typing import Final

from serc.commands.ctl.client import CannotAsk, Channel, Reply
from serc.commands.ctl.reading import as_data

_PARTS: Final = (
    ("", "version"),
    ("", "uptime"),
    ("Transaction Statistics", "t_stats"),
    ("Stateless Server Statistics", "sl_stats"),
    ("UsrLoc Stats", "ul_stats"),
)

_HOME: Final = "\x1b[H"
_CLEAR: Final = "\x1b[2J"
_CLEAR_LINE: Final = "\x1b[K"
_CLEAR_REST: Final = "\x1b[J"


def run(channel: Channel, loops: int, period_s: float, is_json: bool) -> int:
    """Show `loops` cycles (0: until Ctrl-C), `period_s` seconds apart. On a terminal each replaces the one before.

    With `is_json` one JSON object a cycle and line. Raises CannotAsk when the server cannot be asked.
    """
    live = sys.stdout.isatty() and not is_json
    if live:
        sys.stdout.write(_CLEAR)
    cycle = 0
    try:
        while True:
            cycle += 1
            replies = _ask_all(channel)
            if is_json:
                text = json.dumps(_data(cycle, replies)) + "\n"
            else:
                text = _screen(cycle, replies)
            if live:
                text = _HOME + text.replace("\n", _CLEAR_LINE + "\n") + _CLEAR_REST
            sys.stdout.write(text)
            sys.stdout.flush()
            if cycle == loops:
                return 0
            time.sleep(period_s)
    except KeyboardInterrupt:
        print("serctl monitor ^C-ed")
        return 0


def _ask_all(channel: Channel) -> list[tuple[str, str, Reply]]:
    """The replies; what the server has no command for is left out."""
    found = []
    for heading, command in _PARTS:
        reply = channel.ask(command)
        if reply.is_good:
            found.append((heading, command, reply))
    if not found:
        raise CannotAsk(1, "the server knows none of the commands that are to be shown")
    return found


def _screen(cycle: int, replies: list[tuple[str, str, Reply]]) -> str:
    text = f"[cycle #: {cycle}; if constant make sure server lives and fifo is on]\n"
    for heading, _, reply in replies:
        if heading:
            text += f"\n{heading}\n"
        text += "".join(line.rstrip() + "\n" for line in reply.text.splitlines())
    return text


def _data(cycle: int, replies: list[tuple[str, str, Reply]]) -> dict[str, object]:
    data: dict[str, object] = {"cycle": cycle, "time": time.time()}
    for _, command, reply in replies:
        data[command] = as_data(command, reply)[command]
    return data
