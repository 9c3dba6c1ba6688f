"""The way of every message in the log, for a server that is started with -dddd: no other one pays for it."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, Final, final

from runtime.routing.asking import Question
from runtime.routing.context import Context
from runtime.routing.engine import Engine
from runtime.routing.onlooker import Onlooker
from runtime.routing.ports import L_DBG, Log
from runtime.routing.probing import way_of
from runtime.sip.transport import Send


@final
class Ways(Onlooker):
    """Writes which message came from where, which lines of ser.cfg it ran, and what was sent to where: requests, and the status of
    replies. Routes that are compiled to machine code tell no lines."""

    def __init__(self, engine: Engine, log: Log) -> None:
        self._engine: Final = engine
        self._log: Final = log
        self._file = ""
        self._origins: dict[int, int] = {}
        self._lines: list[int] = []

    def came(self, ctx: Context) -> None:
        self._flush()
        message = ctx.message
        first = message.buf[: message.first_header].rstrip().decode("utf-8", "backslashreplace")
        host, port = ctx.source.pair()
        self._say(f"{first} from {ctx.socket.proto_name}:{host}:{port}")
        program = self._engine.edition.program
        self._origins = program.lines
        code = getattr(program.request, "__code__", None)
        self._file = "" if code is None else code.co_filename
        # In each greenlet anew.
        sys.settrace(self._called if self._file else None)

    def done(self, ctx: Context) -> None:
        self._flush()

    def sends(self, sends: list[Send]) -> None:
        self._flush()
        for send in sends:
            if send.data:
                first = send.data.partition(b"\r\n")[0].decode("utf-8", "backslashreplace")
                self._say(f"{first} to {way_of(send)}")

    def not_sent(self, failed: Send, why: str) -> None:
        self._say(f"not sent to {way_of(failed)}: {why}")

    def asked(self, question: Question[Any], about: object) -> None:
        self._flush()
        self._say(f"waits for {question.kind.name}")

    def answered(self, question: Question[Any], about: object) -> None:
        sys.settrace(self._called if self._file else None)

    def _called(self, frame: FrameType, event: str, argument: object) -> Any:
        return self._ran if frame.f_code.co_filename == self._file else None

    def _ran(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "line":
            origin = self._origins.get(frame.f_lineno, 0)
            if origin and self._lines[-1:] != [origin]:
                self._lines.append(origin)
        return self._ran

    def _flush(self) -> None:
        if self._lines:
            source = self._engine.edition.program.source
            self._say(f"{source}:{' '.join(map(str, self._lines))}")
            self._lines = []

    def _say(self, line: str) -> None:
        self._log.write(L_DBG, f"DEBUG: way: {line}")
