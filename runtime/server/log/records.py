"""What a record of the log looks like: SER's line, or JSON with what is known of the message. Reference core, chapter 9."""

from __future__ import annotations

import datetime
import json
import sys
from types import FrameType
from typing import Final

from runtime.routing.context import Context
from runtime.routing.program import Program
from runtime.sip.address import PROTO_NAMES, Address

# A record is one line whatever a peer put into it; a tab is harmless.
_CONTROLS: Final = {c: f"\\x{c:02x}" for c in (*range(9), *range(11, 32), *range(127, 160))} | {10: "\\n", 13: "\\r"}
# What ends a line for some readers, or turns the direction in which a terminal shows the rest.
_MISLEADING: Final = {
    c: f"\\u{c:04x}" for c in (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF)
}
_ESCAPES: Final = _CONTROLS | _MISLEADING

# As syslog names them, by SER's level.
_NAMES: Final = {-3: "alert", -2: "crit", -1: "err", 0: "notice", 1: "warning", 2: "notice", 3: "info", 4: "debug"}


def plain(line: str) -> str:
    """One line, in characters that any encoding of Unicode has."""
    return line.rstrip("\n").translate(_ESCAPES).encode("utf-8", "backslashreplace").decode()


def json_record(level: int, line: str, index: int, pid: int, about: object, place: str) -> str:
    """A JSON object on one line. `about` is the Context or the source of what is being handled, if anything is, `place` the line
    of ser.cfg, if the caller knows it; else it is that of the route that runs."""
    record: dict[str, str | int] = {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds"),
        "level": _NAMES[max(-3, min(4, level))],
        "process": index,
        "pid": pid,
        "message": _text(line.rstrip("\n")),
    }
    if isinstance(about, Context):
        record |= _of_message(about)
    elif isinstance(about, Address):
        record["source"] = _place(about)
    where = place or _running_line(sys._getframe(1))
    if where:
        record["cfg"] = where
    # Only ASCII, so that nobody who reads it needs to know of encodings.
    return json.dumps(record)


def _of_message(ctx: Context) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    message = ctx.message
    if message.call_id:
        found["call_id"] = _decoded(message.value(message.call_id))
    if message.is_request:
        found["method"] = _decoded(message.method_name())
    else:
        found["status"] = int(message.status)
    found["source"] = _place(ctx.source)
    found["proto"] = PROTO_NAMES[ctx.socket.proto]
    return found


def _place(peer: Address) -> str:
    return f"{peer.host().decode()}:{peer.port}"


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _text(line: str) -> str:
    """Without halves of surrogate pairs, which JSON can write but not everybody read."""
    return line.encode("utf-8", "backslashreplace").decode()


def _running_line(frame: FrameType | None) -> str:
    """`ser.cfg:LINE` of the innermost route that is running; "" if none is, or routes that are compiled to machine code."""
    while frame is not None:
        # The module of the compiled routes holds the program that these lines belong to.
        program = frame.f_globals.get("PROGRAM")
        if isinstance(program, Program) and frame.f_lineno in program.lines:
            return f"{program.source}:{program.lines[frame.f_lineno]}"
        frame = frame.f_back
    return ""
