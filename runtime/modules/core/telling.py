"""Actions that speak to the world outside of SIP: log, error, exec. Reference core, 5.5."""

from __future__ import annotations

from runtime.modules.core.shell import commands_of, run
from runtime.routing.context import L_ERR, L_NOTICE, Context


def log(ctx: Context, level: int, text: bytes) -> bool:
    """Write `text` to the log at `level` (-1 error … 4 debug). It is taken as it is: `%` means nothing."""
    if ctx.world.log_level >= level:
        ctx.world.log.say(level, text.decode("utf-8", "backslashreplace").rstrip("\r\n"))
    return True


def error(ctx: Context, first: bytes, second: bytes) -> bool:
    """SER never implemented this action: it says so in the log and is true."""
    ctx.log(L_NOTICE, f"error({first.decode('latin-1')}, {second.decode('latin-1')}): not implemented in SER either")
    return True


def exec(ctx: Context, command: bytes) -> bool:
    """Run a shell command and wait for it; always true, how it failed is logged."""
    outcome = run(ctx, commands_of(ctx.world.asking, "core", 0), command.decode("latin-1"), None, False, None)
    if outcome.failure:
        ctx.log(L_ERR, f"ERROR: exec: {outcome.failure}")
    return True
