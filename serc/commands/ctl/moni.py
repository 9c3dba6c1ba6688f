"""`serctl moni`: what the server does, on a screen that renews itself. Reference modules-more, C.1."""

from __future__ import annotations

import json
import shutil
import sys
import time
from typing import Final

from serc.commands.ctl.client import FAILED, CannotAsk, Channel, Reply
from serc.commands.ctl.reading import Data, as_data
from serc.diagnostics.printable import printable

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

    With `is_json` one JSON object a cycle and line. Raises CannotAsk when the server cannot be asked the first time; later that is
    shown, for who watches wants to see it come back. 0, or the status of the last cycle's failure.
    """
    live = sys.stdout.isatty() and not is_json
    if live:
        sys.stdout.write(_CLEAR)
    cycle = 0
    try:
        while True:
            cycle += 1
            status = 0
            data: Data = {"cycle": cycle, "time": time.time()}
            try:
                replies = _ask_all(channel)
                data |= _data(replies)
                text = "".join(_lines(replies))
            except CannotAsk as e:
                if cycle == 1:
                    raise
                status = e.status
                data["error"] = text = str(e)
            if is_json:
                print(json.dumps(data), flush=True)
            else:
                _show(f"[cycle #: {cycle}; if constant make sure server lives and fifo is on]\n{text}", live)
            if cycle == loops:
                return status
            time.sleep(period_s)
    except KeyboardInterrupt:
        if not is_json:
            print("serctl monitor ^C-ed")
        return 0


def _show(text: str, live: bool) -> None:
    lines = printable(text).splitlines()
    if live:
        # What is longer than the screen would make it scroll, what is wider would need two lines.
        columns, rows = shutil.get_terminal_size()
        shown = [line[: columns - 1] + _CLEAR_LINE for line in lines[: rows - 1]]
        sys.stdout.write(_HOME + "\n".join(shown) + "\n" + _CLEAR_REST)
    else:
        sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _ask_all(channel: Channel) -> list[tuple[str, str, Reply]]:
    """The replies; what the server has no command for is left out."""
    found = []
    for heading, command in _PARTS:
        reply = channel.ask(command)
        if reply.is_good:
            found.append((heading, command, reply))
    if not found:
        raise CannotAsk(FAILED, "the server knows none of the commands that are to be shown")
    return found


def _lines(replies: list[tuple[str, str, Reply]]) -> list[str]:
    found = []
    for heading, _, reply in replies:
        if heading:
            found.append(f"\n{heading}\n")
        found += [line.rstrip() + "\n" for line in reply.text.splitlines()]
    return found


def _data(replies: list[tuple[str, str, Reply]]) -> Data:
    return {command: as_data(command, reply)[command] for _, command, reply in replies}
