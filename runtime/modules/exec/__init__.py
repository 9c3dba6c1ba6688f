"""exec: shell commands. Reference modules-main, chapter 23.

The route waits for the command, and the worker does not. `time_to_kill` sets a limit, which in SER never worked.
"""

from __future__ import annotations

import shlex
from typing import Final, final

from runtime.modules.core.sending import set_destinations
from runtime.modules.core.shell import Outcome, commands_of, run, shown
from runtime.modules.exec.environment import environment_of
from runtime.routing import errors
from runtime.routing.context import L_DBG, Context
from runtime.routing.decisions import Q_UNSPECIFIED
from runtime.routing.module import Module
from runtime.spec.declare import FAILURE, REQUEST, ModuleSpec, function, switch_param
from runtime.spec.effects import Does
from runtime.spec.kinds import command
from runtime.spec.params import seconds_param


@final
class Exec(Module):
    """Runs shell commands that see the message. `time_to_kill` in seconds, 0: as long as they like."""

    def __init__(self, *, time_to_kill: int = 0, setvars: int = 1) -> None:
        super().__init__("exec")
        self.time_to_kill: Final = time_to_kill
        self.setvars: Final = setvars

    def exec_dset(self, ctx: Context, command: bytes) -> bool:
        """Run the command with the Request-URI as its last argument; the URIs it prints are the new destinations.

        The first line becomes the Request-URI, the others branches; blank lines do not count. False when there is none or the
        exit status is not 0, though the URIs are set even then. The URI is quoted: no peer can write shell commands.
        """
        whole = command.decode("latin-1") + " " + shlex.quote(ctx.uri().decode("latin-1"))
        outcome = self._run(ctx, whole, None)
        uris = [line.rstrip() for line in outcome.output.split(b"\n") if line.strip()]
        if not uris:
            return False if outcome.failure else ctx.fail(errors.EXEC, f"ERROR: exec_dset: no uri from {shown(whole)}")
        return set_destinations(ctx, uris, Q_UNSPECIFIED) and outcome.failure == ""

    def exec_msg(self, ctx: Context, command: bytes) -> bool:
        """Run the command with the request as received on its standard input; True if its exit status is 0."""
        return self._run(ctx, command.decode("latin-1"), ctx.message.buf).failure == ""

    def _run(self, ctx: Context, command: str, data: bytes | None) -> Outcome:
        kind = commands_of(ctx.world.asking, "exec", self.time_to_kill)
        outcome = run(ctx, kind, command, data, data is None, environment_of(ctx) if self.setvars else None)
        if outcome.failure and outcome.is_answer:
            ctx.error = errors.EXEC
            ctx.log(L_DBG, f"DEBUG: exec: {outcome.failure}")
        elif outcome.failure:
            ctx.fail(errors.EXEC, f"ERROR: exec: {outcome.failure}")
        return outcome


EXPORTS: Final = ModuleSpec(
    name="exec",
    implementation="runtime.modules.exec:Exec",
    summary="Runs shell commands that see the message.",
    functions=(
        function(
            "exec_dset",
            Exec.exec_dset,
            command(),
            routes=REQUEST | FAILURE,
            does=Does.MAY_REWRITE,
            waits=True,
            summary="The output becomes the URIs.",
        ),
        function(
            "exec_msg",
            Exec.exec_msg,
            command(),
            routes=REQUEST | FAILURE,
            does=Does.COPY,
            waits=True,
            summary="The command reads the message.",
        ),
    ),
    params=(
        seconds_param("time_to_kill", 0, "Longest run of a command; 0 is no limit."),
        switch_param("setvars", 1, "The message goes into environment variables, too."),
    ),
)
