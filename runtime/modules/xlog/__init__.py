"""xlog: formatted logging. Reference modules-main, chapter 14."""

from __future__ import annotations

from typing import Final, final

from runtime.modules.xlog.format import Format, MessageClock
from runtime.modules.xlog.kinds import log_format, log_level
from runtime.routing import errors
from runtime.routing.context import L_DBG, Context
from runtime.routing.module import Module
from runtime.spec.declare import EVERYWHERE, ModuleSpec, function, integer_param
from runtime.spec.effects import Does


@final
class Xlog(Module):
    """Log lines with parts of the message. A line over `buf_size` bytes is not logged."""

    def __init__(self, *, buf_size: int = 4096) -> None:
        super().__init__("xlog")
        self.buf_size: Final = buf_size
        self._clock: Final = MessageClock()

    def xlog(self, ctx: Context, level: int, format: Format) -> bool:
        """Log `format` at `level`; nothing is put together when the level is off. False for a line that is too long."""
        if ctx.world.log_level < level:
            return True
        line = format.render(ctx, self._clock)
        if len(line) > self.buf_size:
            return ctx.fail(
                errors.UNSPECIFIED,
                f"ERROR: xlog: a line of {len(line)} bytes is over buf_size {self.buf_size}, not logged",
            )
        ctx.world.log.say(level, line.decode("utf-8", "backslashreplace").rstrip("\r\n"))
        return True

    def xdbg(self, ctx: Context, format: Format) -> bool:
        """The same at debug level."""
        return self.xlog(ctx, L_DBG, format)


EXPORTS: Final = ModuleSpec(
    name="xlog",
    implementation="runtime.modules.xlog:Xlog",
    summary="Log lines with parts of the message.",
    functions=(
        function(
            "xlog", Xlog.xlog, log_level(), log_format(), routes=EVERYWHERE, does=Does.LOG, summary="Log at this level."
        ),
        function("xdbg", Xlog.xdbg, log_format(), routes=EVERYWHERE, does=Does.LOG, summary="Log for debugging."),
    ),
    params=(integer_param("buf_size", 4096, "Longest line in bytes; longer ones are not logged.", low=1),),
)
